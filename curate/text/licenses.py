"""What a licence is called and what it allows: names to SPDX expressions, expressions to yes or no, names to classes.

In: a licence as people and package indexes write it (`Apache Software License`, `mit`, `MIT OR GPL-2.0-only`). Out:
`spdx`, an SPDX expression, None where the words say nothing; `stated_license`, that of a package by its metadata;
`is_allowed`, whether a list of licences suffices for it; `licence_class`, how free a name sounds: an order for
`keep_best`. It reads names only; a licence in a text is found by filters/rights/license.py. No legal advice.
"""

import re
from collections.abc import Collection, Iterable

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from curate.errors import UserError, did_you_mean

PERMISSIVE, UNKNOWN, OTHER = 2.0, 1.0, 0.0
RESTRICTED = re.compile(
    r"gpl|gnu|copyleft|mpl|mozilla|eupl|epl-|cddl|proprietary|commercial|-nc|-nd|all rights reserved"
)
FREE = re.compile(
    r"\b(mit|mit-0|expat|x11|apache|bsd|0bsd|isc|zlib|unlicense|cc0|wtfpl|ncsa|hpnd|psf|postgresql|bsl-1\.0|boost|zpl)\b"
    r"|python software foundation|python-2\.0|public domain|zope public|historical permission"
)
SILENT = {"", "unknown", "none", "null", "n/a", "noassertion", "no_license", "other/proprietary license?"}
ALLOWED = (
    "0BSD", "AFL-3.0", "Apache-1.1", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause",
    "BSL-1.0", "CC-BY-4.0", "CC0-1.0", "HPND", "ISC", "LicenseRef-BSD", "LicenseRef-Public-Domain", "MIT", "MIT-0",
    "NCSA", "PostgreSQL", "PSF-2.0", "Python-2.0", "Unlicense", "UPL-1.0", "WTFPL", "X11", "Zlib", "ZPL-2.1",
)  # fmt: skip
"""Licences that ask for no more than their notice: the permissive ones of the Blue Oak Council that occur in Python."""
NAMES = {
    "apache": "Apache-2.0", "apache software": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0",
    "apache software 2.0": "Apache-2.0", "apache2": "Apache-2.0", "apache2.0": "Apache-2.0", "asl 2.0": "Apache-2.0",
    "asl 2": "Apache-2.0", "mit": "MIT", "expat": "MIT", "mit expat": "MIT", "mit x11": "MIT", "isc": "ISC",
    "iscl": "ISC", "zlib": "Zlib", "zlib libpng": "Zlib", "mit no attribution": "MIT-0", "bsd": "LicenseRef-BSD",
    "bsd style": "LicenseRef-BSD", "new bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause", "3 clause bsd": "BSD-3-Clause", "bsd 3 clause": "BSD-3-Clause",
    "bsd 3": "BSD-3-Clause", "bsd 3 clause new or revised": "BSD-3-Clause", "bsd 3 clause new": "BSD-3-Clause",
    "bsd new": "BSD-3-Clause", "simplified bsd": "BSD-2-Clause", "2 clause bsd": "BSD-2-Clause",
    "bsd 2 clause": "BSD-2-Clause", "bsd 2": "BSD-2-Clause", "bsd 2 clause simplified": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause", "bsd 4 clause": "BSD-4-Clause", "bsd 4 clause original or old": "BSD-4-Clause",
    "bsd zero clause": "0BSD", "zero clause bsd": "0BSD", "boost software": "BSL-1.0",
    "boost software 1.0": "BSL-1.0", "boost 1.0": "BSL-1.0", "python software foundation": "PSF-2.0",
    "python software foundation 2.0": "PSF-2.0", "psf": "PSF-2.0", "psfl": "PSF-2.0", "python 2.0": "Python-2.0",
    "historical permission notice and disclaimer": "HPND", "hpnd": "HPND", "zope public": "ZPL-2.1",
    "zope public 2.1": "ZPL-2.1", "zpl 2.1": "ZPL-2.1", "zpl": "ZPL-2.1", "unlicense": "Unlicense",
    "public domain": "LicenseRef-Public-Domain", "cc0": "CC0-1.0", "cc0 1.0": "CC0-1.0",
    "cc0 1.0 universal": "CC0-1.0", "cc0 1.0 universal public domain dedication": "CC0-1.0",
    "creative commons zero 1.0 universal": "CC0-1.0", "creative commons zero": "CC0-1.0",
    "creative commons attribution 4.0 international": "CC-BY-4.0", "creative commons attribution 4.0": "CC-BY-4.0",
    "cc by 4.0": "CC-BY-4.0", "creative commons attribution share alike 4.0 international": "CC-BY-SA-4.0",
    "cc by sa 4.0": "CC-BY-SA-4.0", "do what f*ck you want to public": "WTFPL",
    "do what fuck you want to public": "WTFPL", "wtfpl": "WTFPL", "academic free 3.0": "AFL-3.0",
    "academic free": "AFL-3.0", "afl": "AFL-3.0", "universal permissive 1.0": "UPL-1.0",
    "universal permissive": "UPL-1.0", "upl": "UPL-1.0", "university of illinois ncsa open source": "NCSA",
    "ncsa open source": "NCSA", "ncsa": "NCSA", "postgresql": "PostgreSQL", "blue oak model 1.0.0": "BlueOak-1.0.0",
    "blueoak model": "BlueOak-1.0.0", "blue oak model": "BlueOak-1.0.0", "educational community 2.0": "ECL-2.0",
    "mulan permissive software 2": "MulanPSL-2.0", "microsoft public": "MS-PL", "microsoft reciprocal": "MS-RL",
    "artistic": "LicenseRef-Artistic", "artistic 2.0": "Artistic-2.0", "mozilla public 2.0": "MPL-2.0",
    "mozilla public 1.1": "MPL-1.1", "mpl 2.0": "MPL-2.0", "mpl2": "MPL-2.0", "mpl 2": "MPL-2.0",
    "mpl": "LicenseRef-MPL", "eclipse public 2.0": "EPL-2.0", "eclipse public 1.0": "EPL-1.0",
    "open software 3.0": "OSL-3.0", "european union public 1.2": "EUPL-1.2", "european union public 1.1": "EUPL-1.1",
    "eupl 1.2": "EUPL-1.2", "sil open font 1.1": "OFL-1.1", "common development and distribution 1.0": "CDDL-1.0",
    "server side public 1": "SSPL-1.0", "vim": "Vim", "eiffel forum 2.0": "EFL-2.0", "w3c": "W3C",
    "latex project public 1.3c": "LPPL-1.3c", "cecill 2.1 free software agreement": "CECILL-2.1",
    "free software 2.1": "CECILL-2.1", "cddl 1.0": "CDDL-1.0", "mit cmu": "MIT-CMU", "cmu": "MIT-CMU",
}  # fmt: skip
"""Names in small letters, without signs and without the words in FILLING: those of SPDX, GitHub and PyPI's classifiers,
and others that are often written. What leaves the version open gets a LicenseRef of its own."""
FILLING = re.compile(r"\b(?:the|an?|licen[cs]e[ds]?|licensing|under|version|ver|terms|of the)\b|\bv(?=\d)")
GNU = re.compile(
    r"(?:gnu )?(?:(?P<affero>affero (?:gnu )?general public|agpl)|"
    r"(?P<lesser>(?:lesser|library)(?: or lesser)? general public|lgpl)"
    r"|(?P<plain>general public|gpl|gnu))(?: agpl| lgpl| gpl)*[ v]*(?P<number>[123](?:\.[01])?)?"
    r"(?P<more>(?: [al]*gpl[v\d.]*\+?)*)"
    r" *(?P<later>\+|or later|or newer|or any later)?(?:only)?"
)
"""GNU's families, whose names people write in every order."""


def licence_class(licence: str | None) -> float:
    """Return 2 for a permissive licence, 1 where it is not known, 0 for any other.

    >>> licence_class("Apache-2.0"), licence_class(None), licence_class("MIT; GPL-3.0-only")
    (2.0, 1.0, 0.0)
    """
    name = (licence or "").strip().lower()
    if name in SILENT:
        return UNKNOWN
    return PERMISSIVE if FREE.search(name) and not RESTRICTED.search(name) else OTHER


def spdx(licence: str | None) -> str | None:
    """Return the SPDX expression of a licence's name, `LicenseRef-...` for one that has none, None for silence.

    Several names, separated by semicolons or line ends or in a list, hold together; so do those with commas or `and`
    between, while of those with `/` or `or` one may be chosen.

    >>> spdx("mit"), spdx("Apache Software License; BSD License"), spdx("UNKNOWN")
    ('MIT', 'Apache-2.0 AND LicenseRef-BSD', None)
    >>> spdx("MIT/Apache-2.0"), spdx("['mit']"), spdx("License :: OSI Approved :: MIT License")
    ('MIT OR Apache-2.0', 'MIT', 'MIT')
    """
    text = (licence or "").strip()
    listed = re.findall(r"\"([^\"]*)\"|'([^']*)'", text) if re.fullmatch(r"[\[({].*[\])}]", text, re.DOTALL) else []
    names = [one or other for one, other in listed] or re.split(r"[;\n]", text)
    names = [
        name.rpartition("::")[2].strip() if name.strip().startswith("License ::") else name.strip() for name in names
    ]
    found = sorted({_one(name) for name in names if name.lower() not in SILENT})
    compound = [f"({name})" if len(found) > 1 and " " in name else name for name in found]
    return " AND ".join(compound) or None


def stated_license(expression: str | None, field: str | None, classifiers: Iterable[str]) -> str | None:
    """Return the SPDX expression of the licence that a package's metadata state, None if they name none that is known.

    `License-Expression` decides alone. Else the short name in `License` and the classifiers: one that is known and not
    permissive is never lost behind another that is, and a name that says nothing is passed over where another does.

    >>> stated_license(None, "Dual License", ["License :: OSI Approved :: BSD License"])
    'LicenseRef-BSD'
    >>> stated_license(None, "MIT", ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"])
    'GPL-3.0-only AND MIT'
    """
    if expression:
        return spdx(expression)
    name = field_name(field)
    marks = [mark.rpartition("::")[2].strip() for mark in classifiers if mark.startswith("License ::")]
    found = {each: spdx(each) for each in (name, *marks) if spdx(each)}
    known = {each: license for each, license in found.items() if license and _is_clear(each, license)}
    if not known:
        return None
    if name in known and all(is_allowed(license, ALLOWED) for license in known.values()):
        return known[name]
    return spdx("; ".join(known.values()))


def field_name(field: str | None) -> str:
    """Return the name of a licence that a `License` field holds, nothing where it holds a text."""
    stated = (field or "").strip()
    return stated if "\n" not in stated and len(stated) <= 60 and "copyright" not in stated.lower() else ""


def _is_clear(name: str, license: str) -> bool:
    """Tell whether a name says what may be done: it is one that is known, or sounds of what is restricted."""
    return "LicenseRef-" not in license or is_allowed(license, ALLOWED) or bool(RESTRICTED.search(name.lower()))


def _one(name: str) -> str:
    known = _known(name)
    for separator, operator in (
        (r"/|\|\s|\bor\b(?! (?:later|newer|any|\"?revised))", "OR"),
        (r",|&|\+|\band\b", "AND"),
    ):
        parts = [part for part in re.split(separator, name, flags=re.IGNORECASE) if part.strip()]
        if not known and len(parts) > 1:
            each = [_known(part) for part in parts]
            known = f" {operator} ".join(dict.fromkeys(filter(None, each))) if all(each) else None
    return known or "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")[:60] or "Unnamed")


def _known(name: str) -> str | None:
    """Return the expression of one name, None if it is none that is known."""
    try:
        return str(canonicalize_license_expression(name))
    except InvalidLicenseExpression:
        pass
    inner = re.search(r"\(([^()]+)\)", name)
    for form in (name, re.sub(r"\([^()]*\)", " ", name), inner[1] if inner else ""):
        bare = _bare(form)
        if bare in NAMES:
            return NAMES[bare]
        gnu = GNU.fullmatch(bare)
        if gnu:
            return _gnu(gnu)
    identifier = re.sub(r"\s+", "-", name.strip())
    try:
        return str(canonicalize_license_expression(identifier)) if re.search(r"\d|^[A-Z-]+$", identifier) else None
    except InvalidLicenseExpression:
        return None


def _bare(name: str) -> str:
    """Return a name's words that tell it from others."""
    words = FILLING.sub(" ", re.sub(r"[\"'`()\[\],:/_-]|\.(?!\d)", " ", name.lower()))
    return " ".join(words.split())


def _gnu(name: re.Match[str]) -> str:
    family = "AGPL" if name["affero"] else "LGPL" if name["lesser"] else "GPL"
    later = name["later"] or "+" in (name["more"] or "")
    if not name["number"]:
        return f"LicenseRef-{family}"
    number = name["number"] if "." in name["number"] else f"{name['number']}.0"
    return f"{family}-{number}-{'or-later' if later else 'only'}"


def check_identifiers(names: Iterable[str]) -> None:
    """Raise UserError for a licence that SPDX does not know: nothing would ever be allowed by it."""
    for name in names:
        if spdx(name) != name:
            raise UserError(f"allow: {name!r} is no SPDX identifier{did_you_mean(name, [*ALLOWED, str(spdx(name))])}")


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Tell whether the allowed licences suffice: one side of an OR, both of an AND; exceptions (WITH) only add rights.

    >>> is_allowed("MIT OR GPL-2.0-only", ["MIT"]), is_allowed("MIT AND GPL-2.0-only", ["MIT"])
    (True, False)
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    result, end = _alternatives(tokens, 0, {name.lower() for name in allowed})
    return result and end == len(tokens)


def _alternatives(tokens: list[str], at: int, allowed: Collection[str]) -> tuple[bool, int]:
    result, at = _together(tokens, at, allowed)
    while at < len(tokens) and tokens[at] == "OR":
        other, at = _together(tokens, at + 1, allowed)
        result = result or other
    return result, at


def _together(tokens: list[str], at: int, allowed: Collection[str]) -> tuple[bool, int]:
    result, at = _licence(tokens, at, allowed)
    while at < len(tokens) and tokens[at] == "AND":
        other, at = _licence(tokens, at + 1, allowed)
        result = result and other
    return result, at


def _licence(tokens: list[str], at: int, allowed: Collection[str]) -> tuple[bool, int]:
    if at < len(tokens) and tokens[at] == "(":
        result, at = _alternatives(tokens, at + 1, allowed)
        return result, at + 1
    result = at < len(tokens) and tokens[at].lower() in allowed
    return result, at + (3 if at + 1 < len(tokens) and tokens[at + 1] == "WITH" else 1)
