"""What a licence is called and what it allows: names to SPDX expressions, expressions to yes or no, names to classes.

In: a licence as people and package indexes write it (`Apache Software License`, `mit`, `MIT OR GPL-2.0-only`). Out:
`spdx`, an SPDX expression, None where the words say nothing; `is_allowed`, whether a list of licences suffices for it;
`licence_class`, how free a name sounds: an order for `keep_best`. It reads names only; a licence in a text is found by
filters/license.py. No legal advice.
"""

import re
from collections.abc import Collection

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

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
    "mit": "MIT", "isc": "ISC", "zlib": "Zlib",
    "apache2": "Apache-2.0", "apache version 2.0": "Apache-2.0", "apache-2": "Apache-2.0", "expat": "MIT",
    "bsd": "LicenseRef-BSD", "new bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "simplified bsd": "BSD-2-Clause",
    "2-clause bsd": "BSD-2-Clause", "bsd 2-clause": "BSD-2-Clause", "isc (iscl)": "ISC", "boost software": "BSL-1.0",
    "boost software 1.0 (bsl-1.0)": "BSL-1.0", "python software foundation": "PSF-2.0", "psf": "PSF-2.0",
    "historical permission notice and disclaimer (hpnd)": "HPND", "zope public": "ZPL-2.1", "zpl 2.1": "ZPL-2.1",
    "the unlicense (unlicense)": "Unlicense", "public domain": "LicenseRef-Public-Domain", "zlib/libpng": "Zlib",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0", "mozilla public 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl 2.0": "MPL-2.0", "gpl": "LicenseRef-GPL", "gplv2": "GPL-2.0-only", "gplv3": "GPL-3.0-only",
    "gnu general public (gpl)": "LicenseRef-GPL", "gnu general public v2 (gplv2)": "GPL-2.0-only",
    "gnu general public v2 or later (gplv2+)": "GPL-2.0-or-later", "gnu general public v3 (gplv3)": "GPL-3.0-only",
    "gnu general public v3 or later (gplv3+)": "GPL-3.0-or-later", "lgpl": "LicenseRef-LGPL",
    "gnu lesser general public v3 (lgplv3)": "LGPL-3.0-only", "gnu affero general public v3": "AGPL-3.0-only",
}  # fmt: skip
"""Names in small letters, without `license`: those of package indexes and others that are often written. What leaves
the version open gets a LicenseRef of its own."""


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

    Several names, separated by semicolons, hold together.

    >>> spdx("mit"), spdx("Apache Software License; BSD License"), spdx("UNKNOWN")
    ('MIT', 'Apache-2.0 AND LicenseRef-BSD', None)
    """
    names = [name.strip() for name in (licence or "").split(";")]
    found = sorted({_one(name) for name in names if name.lower() not in SILENT})
    compound = [f"({name})" if len(found) > 1 and " " in name else name for name in found]
    return " AND ".join(compound) or None


def _one(name: str) -> str:
    try:
        return str(canonicalize_license_expression(name))
    except InvalidLicenseExpression:
        bare = " ".join(re.sub(r"\b(?:the|licen[cs]e[ds]?|under)\b|[,.](?!\d)", " ", name.lower()).split())
        return NAMES.get(bare) or "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")[:60] or "Unnamed")


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
