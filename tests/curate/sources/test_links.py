"""Links lead to files like any other, each read once, and nothing that cannot be read is left out in silence."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import UserError
from curate.sources.kinds import Folder, JsonLines, ParquetFiles
from tests.curate.sources.test_sources import ids, read_all, reasons, texts


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("name", ["*.parquet", "train-00000.parquet", "train-0000[0-9].parquet", "**/*.parquet"])
def test_a_cache_of_the_hub_holds_links_alone_and_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "hub" / "blobs").mkdir(parents=True)
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "hub" / "blobs" / "6f")
    data = tmp_path / "hub" / "snapshots" / "abc" / "data"
    link(data / "train-00000.parquet", "../../../blobs/6f")
    made = read_all(ParquetFiles(path=str(data / name)))
    assert texts(made) == ["a", "b"]
    assert ids(made) == [f"source/train-00000.parquet@{row}" for row in range(2)]


def test_files_and_links_in_one_glob_are_read_each_file_once(tmp_path: Path) -> None:
    for name in ("real.jsonl", "elsewhere.txt"):
        (tmp_path / name).write_text(f'{{"text": "{name}"}}\n')
    link(tmp_path / "again.jsonl", "real.jsonl")
    link(tmp_path / "b.jsonl", "elsewhere.txt")
    link(tmp_path / "c.jsonl", "b.jsonl")
    made = read_all(JsonLines(path=str(tmp_path / "*.jsonl")))
    assert dict(zip(ids(made), texts(made), strict=True)) == {
        "source/b.jsonl@0": "elsewhere.txt",
        "source/real.jsonl@0": "real.jsonl",
    }


def test_links_to_folders_are_followed_and_never_in_circles(tmp_path: Path) -> None:
    corpus, other = tmp_path / "corpus", tmp_path / "other"
    for path in (corpus / "a" / "one.py", other / "deep" / "two.py", other / "three.py", tmp_path / "outside.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    link(corpus / "b", str(other))
    link(corpus / "c", "../other")
    link(corpus / "a" / "up", "..")
    link(corpus / "whole", str(tmp_path))
    link(corpus / "root", "/")
    link(other / "back", str(corpus))
    link(other / "deep" / "self", ".")
    made = read_all(Folder(folder=str(corpus), name="s"))
    assert ids(made) == ["s/a/one.py", "s/b/deep/two.py", "s/b/three.py"]
    assert texts(made) == ["one.py", "two.py", "three.py"]
    assert ids(read_all(Folder(folder=str(corpus / "c"), name="s"))) == [
        "s/back/a/one.py",
        "s/deep/two.py",
        "s/three.py",
    ]


def test_a_link_to_nothing_is_an_error_of_files_and_a_row_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    link(tmp_path / "b.jsonl", "gone.jsonl")
    link(tmp_path / "loop.jsonl", "loop.jsonl")
    for name in ("*.jsonl", "b.jsonl", "loop.jsonl"):
        with pytest.raises(UserError, match=r"(b|loop)\.jsonl is a link to nothing"):
            read_all(JsonLines(path=str(tmp_path / name)))
    made = read_all(Folder(folder=str(tmp_path), pattern="*.jsonl", name="s"))
    assert ids(made) == ["s/a.jsonl"]
    assert reasons(made) == {"s/b.jsonl": "link to nothing", "s/loop.jsonl": "link to nothing"}


def test_what_is_no_file_is_left_out_and_hidden_files_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    (tmp_path / ".hidden.py").write_text("no")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    link(tmp_path / "to_pipe.py", "pipe.py")
    assert ids(read_all(Folder(folder=str(tmp_path)))) == ["source/a.py"]


@contextmanager
def as_nobody(place: Path) -> Iterator[None]:
    """Be a user to whom not all is permitted, as it is to root."""
    if os.geteuid():
        yield
        return
    place.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("closed", ["sub", "sub/a.py"])
def test_what_may_not_be_read_is_named_and_never_left_out(closed: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "code"
        (place / "sub").mkdir(parents=True)
        for name in ("top.py", "sub/a.py", "top.jsonl"):
            (place / name).write_text('{"text": "a"}\n')
        (place / closed).chmod(0)
        with as_nobody(Path(folder)):
            with pytest.raises(UserError, match=f"cannot read {place / closed}: Permission denied"):
                read_all(Folder(folder=str(place)))
            if closed == "sub":
                with pytest.raises(UserError, match=f"cannot read {place / closed}: Permission denied"):
                    JsonLines(path=str(place / "**" / "*.jsonl")).parts()
            assert texts(read_all(JsonLines(path=str(place / "*.jsonl")))) == ["a"]
        (place / closed).chmod(0o700)
