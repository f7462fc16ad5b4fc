import pytest

from curate.licenses import licence_class


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
