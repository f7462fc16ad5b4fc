"""Wheels and lists: what a line pins, what a package states of its licence, which files of a wheel are Documents."""

import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from curate.errors import DamagedFile, UserError
from curate.sources.kinds import Packages
from curate.sources.pins import Pin, read_pins
from curate.sources.wheels import contents, read_files
from curate.text.licenses import stated_license
from tests.curate.sources.test_sources import read_all, reasons
from tests.curate.sources.wheelhouse import make_wheel, pin_of, sha256_of, write_list

SHA = "0123456789abcdef" * 4
OTHER = SHA[::-1]
OSI = "License :: OSI Approved :: "


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder whose wheels were fetched before."""
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/packages").mkdir(parents=True)
    return tmp_path / "cache/packages"


def shelved(shelf: Path, *arguments: Any) -> str:
    """Make a wheel that was fetched before, and return the line that pins it."""
    wheel = make_wheel(shelf, *arguments)
    line = pin_of(wheel)
    wheel.rename(shelf / f"{sha256_of(wheel)}.whl")
    return line


def test_a_list_is_what_pip_reads_and_comes_in_the_order_of_names(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        f"# by hand\n\nZope.Interface == 7.0.1 \\\n    --hash=sha256:{SHA}  # ZPL-2.1\n    # via nothing\n"
        f"alpha==1.0.0rc1 --hash=sha256:{OTHER}"
    )
    assert read_pins(path) == [Pin("alpha", "1.0.0rc1", OTHER), Pin("zope-interface", "7.0.1", SHA)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"a>=1.0 --hash=sha256:{SHA}", "is no pin; write it as name==version --hash=sha256:"),
        (f"a==1.* --hash=sha256:{SHA}", "has no version: '1.*'"),
        ("a==1.0", "has no hash; write it as name==version --hash"),
        (f"a==1.0 --hash=sha256:{SHA} --hash=sha256:{OTHER}", "has 2 hashes"),
        ("a==1.0 --hash=sha256:abc", "64 hexadecimal digits"),
        (f"a==1.0 --hash=md5:{SHA}", "64 hexadecimal digits"),
        (f"a[extra]==1.0 --hash=sha256:{SHA}", "is no pin"),
        (f"a==1.0; python_version > '3' --hash=sha256:{SHA}", "has more than a version and a hash"),
        ("--index-url http://127.0.0.1/", "is an option; give pip's options in its own configuration"),
        ("-r other.txt", "is an option"),
        ("../a==1.0", "is no pin"),
    ],
)
def test_a_line_that_is_no_pin_is_named_with_what_would_do(line: str, told: str, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.txt", f"b==1.0 --hash=sha256:{SHA}", line)
    with pytest.raises(UserError) as caught:
        read_pins(path)
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert told in str(caught.value)


def test_a_list_that_is_missing_empty_or_names_a_package_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the list of packages .*none\.txt: No such file"):
        read_pins(tmp_path / "none.txt")
    with pytest.raises(UserError, match="names no packages; write lines of name==version"):
        read_pins(write_list(tmp_path / "list.txt", "# nothing"))
    lines = [f"{name}==1.0 --hash=sha256:{SHA}" for name in ("a.b", "c", "A_B")]
    with pytest.raises(UserError, match="line 3: a-b stands in line 1 already; keep one of them"):
        read_pins(write_list(tmp_path / "list.txt", *lines))


@pytest.mark.parametrize(
    ("expression", "field", "classifiers", "license"),
    [
        ("mit or apache-2.0", "GPL", (f"{OSI}BSD License",), "MIT OR Apache-2.0"),
        (None, "BSD-3-Clause", (f"{OSI}BSD License",), "BSD-3-Clause"),
        (None, "Copyright (c) 2020\nall of it", (f"{OSI}MIT License",), "MIT"),
        (None, "Dual License", (f"{OSI}BSD License", f"{OSI}Apache Software License"), "Apache-2.0 AND LicenseRef-BSD"),
        (None, None, ("License :: OSI Approved", f"{OSI}ISC License (ISCL)"), "ISC"),
        (None, "MIT", (f"{OSI}GNU Lesser General Public License v3 (LGPLv3)",), "LGPL-3.0-only AND MIT"),
        (None, "GPLv2", (f"{OSI}MIT License",), "GPL-2.0-only AND MIT"),
        (None, "See the LICENSE file", (), None),
        (None, "UNKNOWN", ("Topic :: Games",), None),
        (None, None, (), None),
    ],
)
def test_the_licence_of_a_package_never_hides_one_that_is_not_permissive(
    expression: str | None, field: str | None, classifiers: tuple[str, ...], license: str | None
) -> None:
    assert stated_license(expression, field, classifiers) == license


def test_each_file_of_a_wheel_is_a_document_or_a_row_with_its_reason(tmp_path: Path, shelf: Path) -> None:
    latin = "# -*- coding: latin-1 -*-\nname = 'é'\n"
    wheel = make_wheel(
        tmp_path,
        "kit",
        "1.0",
        {
            "kit/b.py": "x = 1\n",
            "kit/__init__.py": "",
            "kit/marked.py": b"\xef\xbb\xbfy = 2\n",
            "kit/latin.py": latin.encode("latin-1"),
            "kit/said_utf8.py": b"# coding: utf-8\n" + b"x = '\xe9'\n",
            "kit/odd.py": b"# coding: rot13\nx = '\xe9'\n",
            "kit/large.py": "z" * 20_000,
            "kit/data.json": "{}",
            "../up.py": "x = 1\n",
            "kit/../../up.py": "x = 1\n",
            "/etc/up.py": "x = 1\n",
            "c:\\up.py": "x = 1\n",
        },
    )
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("kit/b.py", "x = 2\n")
        link = zipfile.ZipInfo("kit/link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("kit/packed.py", "x = 1\n" * 100, zipfile.ZIP_BZIP2)
    line = pin_of(wheel)
    wheel.rename(shelf / f"{sha256_of(wheel)}.whl")
    made = read_all(Packages(name="code", packages=write_list(tmp_path / "list.txt", line), max_mb=0.01, shard_rows=4))
    rows = {row["id"]: row for row in made.documents.to_pylist()}
    assert list(rows) == [f"kit/1.0/kit/{name}.py" for name in ("__init__", "b", "latin", "marked")]
    assert [row["text"] for row in rows.values()] == ["", "x = 1\n", latin, "y = 2\n"]
    described = {"source": "code", "path": "kit/b.py", "package": "kit", "version": "1.0", "license": "MIT"}
    assert described.items() <= rows["kit/1.0/kit/b.py"].items()
    assert reasons(made) == {
        "kit/1.0/../up.py": "path leads out of the package",
        "kit/1.0/kit/../../up.py": "path leads out of the package",
        "kit/1.0//etc/up.py": "path leads out of the package",
        "kit/1.0/c:\\up.py": "path leads out of the package",
        "kit/1.0/kit/b.py": "duplicate id",
        "kit/1.0/kit/large.py": "too large",
        "kit/1.0/kit/link.py": "link in an archive",
        "kit/1.0/kit/odd.py": "not valid UTF-8",
        "kit/1.0/kit/packed.py": "unreadable",
        "kit/1.0/kit/said_utf8.py": "not valid UTF-8",
    }


def claim(wheel: Path, name: str, size: int) -> None:
    """Let the listing of a wheel claim another size of a file."""
    data = bytearray(wheel.read_bytes())
    place = data.rindex(name.encode()) - 46  # its header in the central directory
    assert data[place : place + 4] == b"PK\x01\x02"
    struct.pack_into("<I", data, place + 24, size)
    wheel.write_bytes(bytes(data))


def test_a_file_unpacks_to_no_more_than_its_listing_claims(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "bomb", "1.0", {"bomb.py": b"#" * 50_000_000, "fine.py": "x = 1\n"})
    claim(wheel, "bomb.py", 1000)
    files = contents(wheel).files
    tracemalloc.start()
    read = list(read_files(wheel, [file.index for file in files], 10_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == [(b"", "unreadable"), (b"x = 1\n", None)]
    assert peak < 5_000_000


def test_a_wheel_that_claims_to_be_boundless_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "bomb", "1.0", {"bomb.py": "x = 1\n"})
    claim(wheel, "bomb.py", 3_000_000_000)
    with pytest.raises(UserError, match=r"bomb 1\.0 claims to hold 1 Python files of 3,000 MB"):
        contents(wheel)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"no zip at all" * 100])
def test_what_is_no_wheel_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"is no wheel: .*; take it out of the list"):
        contents(path)


def test_packages_that_are_not_permissive_are_all_named_before_anything_is_read(tmp_path: Path, shelf: Path) -> None:
    lines = [
        shelved(shelf, "fine", "1.0", {"a.py": ""}),
        shelved(shelf, "free", "1.0", {"a.py": ""}, [f"Classifier: {OSI}GNU Affero General Public License v3"]),
        shelved(shelf, "silent", "2.0", {"a.py": ""}, []),
    ]
    path = write_list(tmp_path / "list.txt", *lines)
    with pytest.raises(UserError) as caught:
        Packages(packages=path).check({})
    assert "free (AGPL-3.0-only), silent (none stated); take them out of the list" in str(caught.value)
    with pytest.raises(UserError, match="free"):
        Packages(packages=path).parts()
    Packages(packages=write_list(path, *lines[:2]), allow=["MIT", "AGPL-3.0-only"]).check({})
    with pytest.raises(UserError, match="allow: 'agpl' is no SPDX identifier"):
        Packages(packages=path, allow=["agpl"]).check({})


def test_a_hash_of_another_package_s_wheel_is_refused(tmp_path: Path, shelf: Path) -> None:
    line = shelved(shelf, "one", "1.0", {"a.py": ""}).replace("one==1.0", "two==1.0")
    with pytest.raises(UserError, match=r"two==1\.0: the wheel with this hash is one==1\.0; mend name"):
        Packages(packages=write_list(tmp_path / "list.txt", line)).check({})


def test_the_key_rests_on_what_is_pinned_and_not_on_how_the_list_is_written(tmp_path: Path) -> None:
    lines = [f"{name}==1.0 --hash=sha256:{SHA}" for name in ("a", "b")]
    one = Packages(packages=write_list(tmp_path / "one.txt", *lines)).fingerprint()
    other = write_list(tmp_path / "other.txt", "# a comment", *reversed(lines))
    assert Packages(packages=other).fingerprint() == one
    assert Packages(packages=write_list(other, lines[0], lines[1].replace("1.0", "1.1"))).fingerprint() != one
