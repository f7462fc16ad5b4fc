import pytest

from curate.text.licenses import is_allowed, licence_class, spdx


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", 2), ("MIT License", 2), ("Apache Software License; BSD License", 2), ("bsd-3-clause", 2),
        ("Python Software Foundation License", 2), ("ISC License (ISCL)", 2), ("Zope Public License", 2),
        (None, 1), ("", 1), ("UNKNOWN", 1), ("NOASSERTION", 1),
        ("GPL-3.0-only", 0), ("MIT OR GPL-2.0", 0), ("MPL-2.0", 0), ("LicenseRef-Company", 0), ("permit", 0),
    ],
)  # fmt: skip
def test_licences_fall_into_three_classes(licence: str | None, expected: float) -> None:
    assert licence_class(licence) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mit", "MIT"), ("The MIT License", "MIT"), ("MIT License", "MIT"), ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"), ("BSD License", "LicenseRef-BSD"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("ISC License (ISCL)", "ISC"), ("Python Software Foundation License", "PSF-2.0"),
        ("mit or gpl-2.0-only", "MIT OR GPL-2.0-only"),
        ("Apache Software License; MIT OR ISC", "Apache-2.0 AND (MIT OR ISC)"), ("MIT; MIT License", "MIT"),
        ("Repoze Public License", "LicenseRef-Repoze-Public-License"),
        ("<script>", "LicenseRef-script"), ("?", "LicenseRef-Unnamed"),
        (None, None), ("", None), ("UNKNOWN", None), ("none; n/a", None),
        ("The MIT License (MIT)", "MIT"), ('BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
        ('BSD 2-Clause "Simplified" License', "BSD-2-Clause"), ("The Unlicense", "Unlicense"),
        ("Boost Software License 1.0", "BSL-1.0"), ("Creative Commons Zero v1.0 Universal", "CC0-1.0"),
        ("['mit']", "MIT"), ("['mit', 'apache-2.0']", "Apache-2.0 AND MIT"),
        ("License :: OSI Approved :: MIT License", "MIT"), ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT or Apache 2.0", "MIT OR Apache-2.0"), ("MIT, BSD", "MIT AND LicenseRef-BSD"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("GPL v2 or later", "GPL-2.0-or-later"),
        ("GNU Lesser General Public License v2.1", "LGPL-2.1-only"), ("AGPLv3", "AGPL-3.0-only"),
        ("GNU Library or Lesser General Public License (LGPL)", "LicenseRef-LGPL"), ("GPL", "LicenseRef-GPL"),
        ("Do What The F*ck You Want To Public License", "WTFPL"), ("Eclipse Public License 2.0", "EPL-2.0"),
        ("University of Illinois/NCSA Open Source License", "NCSA"), ("BSD (3-clause)", "BSD-3-Clause"),
        ("Historical Permission Notice and Disclaimer (HPND)", "HPND"), ("Zero-Clause BSD (0BSD)", "0BSD"),
        ("BSD or GPL", "LicenseRef-BSD OR LicenseRef-GPL"), ("Proprietary", "LicenseRef-Proprietary"),
    ],
)  # fmt: skip
def test_names_become_spdx_expressions_that_stay_what_they_are(name: str | None, expected: str | None) -> None:
    assert spdx(name) == expected
    assert expected is None or spdx(expected) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True), ("mit", True), ("GPL-3.0-only", False), ("MIT OR GPL-2.0-only", True),
        ("MIT AND GPL-2.0-only", False), ("(GPL-2.0-only OR MIT) AND ISC", True),
        ("GPL-2.0-only OR (MIT AND LGPL-2.1-only)", False),
        ("Apache-2.0 WITH LLVM-exception", True), ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT OR", False), ("", False), ("(((", False), ("MIT MIT", False),
    ],
)  # fmt: skip
def test_an_expression_is_allowed_if_the_allowed_licences_suffice(expression: str, expected: bool) -> None:
    assert is_allowed(expression, ["MIT", "ISC", "Apache-2.0"]) is expected
