"""What a licence is called and what it allows: three classes of names.

In: a licence as people and package indexes write it (`Apache Software License`, `mit`, `MIT OR GPL-2.0-only`). Out:
how free it is: permissive, not known, or anything else. No legal advice.
"""

import re

PERMISSIVE, UNKNOWN, OTHER = 2.0, 1.0, 0.0
RESTRICTED = re.compile(
    r"gpl|gnu|copyleft|mpl|mozilla|eupl|epl-|cddl|proprietary|commercial|-nc|-nd|all rights reserved"
)
FREE = re.compile(
    r"\b(mit|mit-0|expat|x11|apache|bsd|0bsd|isc|zlib|unlicense|cc0|wtfpl|ncsa|hpnd|psf|postgresql|bsl-1\.0|boost|zpl)\b"
    r"|python software foundation|python-2\.0|public domain|zope public|historical permission"
)
SILENT = {"", "unknown", "none", "null", "n/a", "noassertion", "no_license", "other/proprietary license?"}


def licence_class(licence: str | None) -> float:
    """Return 2 for a permissive licence, 1 where it is not known, 0 for any other.

    >>> licence_class("Apache-2.0"), licence_class(None), licence_class("MIT; GPL-3.0-only")
    (2.0, 1.0, 0.0)
    """
    name = (licence or "").strip().lower()
    if name in SILENT:
        return UNKNOWN
    return PERMISSIVE if FREE.search(name) and not RESTRICTED.search(name) else OTHER
