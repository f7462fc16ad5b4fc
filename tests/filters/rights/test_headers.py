"""What headers say of licences: those that give one, those that only speak of one, those that reserve rights."""

import pytest

from curate.filters.rights.headers import UNCLEAR, header_license

GIVEN = {
    "License: GPL-3.0": "GPL-3.0-only",
    "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3": "AGPL-3.0-only",
    "Licensed under AGPLv3": "AGPL-3.0-only",
    "License: LGPLv3": "LGPL-3.0-only",
    "Licensed under the EUPL, Version 1.2": "EUPL-1.2",
    "This file is part of Foo, which is GPLv2 licensed.": "GPL-2.0-only",
    "Copyright (c) 2012 Foo, GPLv3": "GPL-3.0-only",
    "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General\n"
    "Public License as published by the Free Software Foundation, either version 3 of the License, or\n"
    "(at your option) any later version.": "GPL-3.0-or-later",
    "You should have received a copy of the GNU Lesser General Public License along with this.": "LicenseRef-LGPL",
    "This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.": "MPL-2.0",
    "Distributed under the Eclipse Public License": "EPL-2.0",
    "CDDL 1.0": "CDDL-1.0",
    "Licensed under CC BY-NC 4.0": "LicenseRef-CC-BY-NC",
    "Released under the MIT License.": "MIT",
    "The MIT License (MIT)\n\nCopyright (c) 2020 Foo": "MIT",
    "Copyright 2020 Foo. MIT License.": "MIT",
    "License: BSD 3-Clause": "BSD-3-Clause",
    "License: BSD": "LicenseRef-BSD",
    "Licensed under the Apache License, Version 2.0 (the 'License')": "Apache-2.0",
    "Copyright 2020 Foo. All rights reserved.\nLicensed under the Apache License, Version 2.0": "Apache-2.0",
    "Use of this source code is governed by a BSD-style license that can be\nfound in the LICENSE file.": (
        "LicenseRef-BSD"
    ),
    "This is free and unencumbered software released into the public domain.": "Unlicense",
    "Licensed to PSF under a Contributor Agreement.": "PSF-2.0",
}
UNDERSTOOD_BY_NOBODY = [
    "Copyright (c) Foo Corp. All rights reserved. Confidential.",
    "Copyright (c) Foo Corp. All rights reserved.",
    "NVIDIA CORPORATION and its licensors retain all intellectual property\nand proprietary rights in this software.",
    "For non-commercial research use only.",
    "For academic use only.",
    "PROPRIETARY AND CONFIDENTIAL",
    "Unauthorized copying of this file, via any medium, is strictly prohibited",
    "This file may not be copied or distributed without the prior written permission of Foo.",
    "Licensed under the Foo Public License, version 7",
    "License: Foo Commercial",
    "Released under the MIT License. Not for commercial use.",
    "This code is the property of Foo Inc.",
]
SAID = [
    "Parse the text of the GNU General Public License and split it into sections.",
    "Contains no GPL code.",
    "This file is not licensed under the GPL.",
    "Checks whether files are under the GPL.",
    "Find confidential data in logs.",
    "See the LICENSE file for licensing details.",
    "This file is distributed under the same license as the Foo package.",
    "Copyright 2022 MIT and the authors",
    "Author: jane@csail.mit.edu",
    "Copyright (c) 2012 Foo",
    "Sort the rights of users, proprietary or not, by name.",
]


def comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines()) + "\nx = 1\n"


@pytest.mark.parametrize("text", GIVEN)
@pytest.mark.parametrize("form", [comment, lambda text: f'"""A module.\n\n{text}\n"""\n\nx = 1\n'])
def test_a_header_that_gives_a_licence_is_understood(text: str, form: object) -> None:
    assert callable(form) and header_license(form(text)) == GIVEN[text]


@pytest.mark.parametrize("text", UNDERSTOOD_BY_NOBODY)
def test_a_header_that_claims_rights_and_is_not_understood_is_unclear(text: str) -> None:
    assert header_license(comment(text)) == UNCLEAR


@pytest.mark.parametrize("text", SAID)
def test_a_header_that_only_speaks_of_licences_says_nothing(text: str) -> None:
    assert header_license(comment(text)) is None
    assert header_license(f'"""{text}"""\nx = 1\n') is None


def test_a_mention_does_not_hide_the_licence_that_is_given() -> None:
    text = (
        '"""This module contains no GNU General Public Licensed (GPLed) code.\n\nReleased under the MIT License.\n"""\n'
    )
    assert header_license(text) == "MIT"


def test_the_name_of_a_licence_in_a_modules_own_variable_counts() -> None:
    assert header_license('"""A module."""\n\n__license__ = "GPLv3"\n') == "GPL-3.0-only"
