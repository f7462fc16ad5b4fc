"""Licences: how many of planted notices and names are understood, and how many mentions are taken for a licence.

    python -m benchmarks.licenses

Every name of NAMES is written into every form of NOTICES, which give a licence, of MENTIONS, which only speak of it,
and of METADATA, as columns hold it. RESERVED are headers that reserve rights: none may be silence. A notice is
understood if the licence is the right one; it leaks if it is silence, or a permissive licence in its place.
Prints the shares and what is wrong, and writes benchmarks/results/licenses.json.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from curate.filters.rights.headers import UNCLEAR, header_license
from curate.text.licenses import ALLOWED, is_allowed, spdx

NAMES = {
    "MIT License": "MIT", "Apache License, Version 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause", "BSD 2-Clause License": "BSD-2-Clause", "New BSD License": "BSD-3-Clause",
    "BSD License": "LicenseRef-BSD", "ISC License": "ISC", "Boost Software License": "BSL-1.0",
    "zlib License": "Zlib", "Python Software Foundation License": "PSF-2.0", "GPLv2": "GPL-2.0-only",
    "GNU General Public License v3": "GPL-3.0-only", "GNU GPL version 3": "GPL-3.0-only", "GPLv3": "GPL-3.0-only",
    "GNU General Public License, version 2 or later": "GPL-2.0-or-later", "LGPLv3": "LGPL-3.0-only",
    "GNU Lesser General Public License v2.1": "LGPL-2.1-only", "AGPLv3": "AGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only", "Mozilla Public License 2.0": "MPL-2.0",
    "Eclipse Public License 2.0": "EPL-2.0", "EUPL 1.2": "EUPL-1.2", "CDDL 1.0": "CDDL-1.0",
}  # fmt: skip
NOTICES = (
    "Licensed under the {}.",
    "License: {}",
    "Released under the terms of the {}.",
    "{}",
    "Copyright (c) 2020 Foo, {}",
    "Copyright (c) 2020 Foo. All rights reserved.\nUse of this file is governed by the {}.",
    "This file is part of Foo and distributed under the {};\nsee the LICENSE file.",
)
MENTIONS = (
    "Parses the text of files, the {} among them.",
    "Contains no {} code.",
    "This file is not under the {}.",
    "Compare the {} with other licenses.",
    "Tells whether a file has the {}.",
)
METADATA = ("{}", "The {}", "License :: OSI Approved :: {}", "['{}']", "{}; MIT")
RESERVED = (
    "Copyright (c) Foo. All rights reserved. Confidential.",
    "For non-commercial research use only.",
    "PROPRIETARY AND CONFIDENTIAL",
    "Unauthorized copying of this file is strictly prohibited.",
    "Licensed under the Foo Source License.",
    "Copyright Foo Corp. All rights reserved.",
    "Redistribution is prohibited without written permission of Foo.",
    "This code is the property of Foo Inc.",
)
BODY = "\nx = 1\n"


def shapes(words: str) -> Iterator[str]:
    """Yield the words as a comment and as a docstring."""
    yield "".join(f"# {line}\n" for line in words.splitlines()) + BODY
    yield f'"""A module.\n\n{words}\n"""\n{BODY}'


def main() -> None:
    """Measure, print, keep."""
    notices = [(text, name) for form in NOTICES for words, name in NAMES.items() for text in shapes(form.format(words))]
    found = [(text, name, header_license(text)) for text, name in notices]
    wrong = [each for each in found if each[2] != each[1]]
    forbidden = [each for each in wrong if not is_allowed(each[1], ALLOWED)]
    leaks = [each for each in forbidden if each[2] is None or (each[2] != UNCLEAR and is_allowed(each[2], ALLOWED))]
    mentions = [text for form in MENTIONS for words in NAMES for text in shapes(form.format(words))]
    taken = [text for text in mentions if header_license(text) is not None]
    reserved = [text for words in RESERVED for text in shapes(words)]
    silent = [text for text in reserved if header_license(text) != UNCLEAR]
    columns = [
        (form.format(words), spdx(f"{name}; MIT") if "; MIT" in form else name)
        for form in METADATA
        for words, name in NAMES.items()
    ]
    unknown = [(words, spdx(words)) for words, name in columns if spdx(words) != name]
    result = {
        "notices": len(notices), "understood": len(notices) - len(wrong), "leaks": len(leaks),
        "mentions": len(mentions), "taken for licences": len(taken),
        "reserved": len(reserved), "silent": len(silent), "names": len(columns), "known": len(columns) - len(unknown),
    }  # fmt: skip
    for what, number in result.items():
        print(f"{what:<20} {number}")
    for each in [*wrong, *taken, *silent, *unknown]:
        print(repr(each))
    (Path(__file__).parent / "results" / "licenses.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
