"""The profile of a corpus: every figure against a plain reading of the texts, and against planted faults."""

import re
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from curate.files.shards import documents, write_shard
from curate.text import scan
from curate.text.profile import SAMPLE, Profile, profile

Row = Mapping[str, Any]


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Profile]:
    """Profile rows, written into shards of so many rows."""

    def of(rows: Sequence[Row], shard_rows: int = 10_000) -> Profile:
        place = tmp_path / f"{shard_rows}-{len(list(tmp_path.iterdir()))}"
        paths = []
        for start in range(0, max(len(rows), 1), shard_rows):
            paths.append(place / f"{start:06}.parquet")
            write_shard(documents(rows[start : start + shard_rows]), paths[-1])
        return profile(paths)

    return of


def real_files(count: int) -> list[dict[str, Any]]:
    found = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:count]
    return [{"id": path.name, "text": path.read_text(encoding="utf-8"), "source": "stdlib"} for path in found]


def code(number: int) -> str:
    return f"def area_{number}(width, height):\n    return width * height * {number}\n"


def rows(texts: Sequence[str], **columns: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"{n}", "text": text, "source": "s", **{name: values[n] for name, values in columns.items()}}
        for n, text in enumerate(texts)
    ]


def test_the_library_of_python_is_valid_and_of_one_style(corpus: Callable[..., Profile]) -> None:
    files = real_files(60)
    found = corpus(files)
    assert (found.documents, found.parsed, found.parses, found.duplicates) == (60, 60, 1, 0)
    assert found.bytes == sum(len(row["text"].encode()) for row in files)
    assert found.uniform_encoding == 1 and found.indentation["mixed"] == 0 and found.indentation["spaces"] > 0.9
    assert found.repeated_text is not None and 0 < found.repeated_text < 0.2


def test_shards_of_any_size_give_one_profile(corpus: Callable[..., Profile]) -> None:
    files = real_files(40)
    assert corpus(files) == corpus(files, 7) == corpus(files, 1)


def test_each_fault_moves_its_own_figure(corpus: Callable[..., Profile]) -> None:
    clean = [code(n) for n in range(96)]
    faults = {
        "parses": (0.99, "def broken(:\n" + code(100)),
        "duplicates": (0.01, clean[5].replace("    ", "        ")),
        "noise": (0.01, code(101) + "# \x1b[31m\n"),
        "outliers": (0.01, code(102) + "# " + "word " * 300 + "\n"),
        "uniform_encoding": (0.99, code(103) + "# cafÃ©\n"),
    }
    base = corpus(rows([*clean, *(code(n) for n in range(200, 204))]))
    for name, (share, text) in faults.items():
        found = corpus(rows([*clean, text, *(code(n) for n in range(200, 203))]))
        assert getattr(found, name) == pytest.approx(share), name
        assert {other for other in faults if getattr(found, other) != getattr(base, other)} == {name}


def test_blobs_line_ends_and_indentation_are_seen(corpus: Callable[..., Profile]) -> None:
    texts = [
        "A = '" + "QUJD+/" * 30 + "'\n",
        "a = 1\r\nb = 2\n",
        "if a:\n\tb = 1\n    # c\n",
        "if a:\n\tb = 1\n",
        "c\n",
    ]
    found = corpus(rows(texts))
    assert (found.noise, found.uniform_encoding) == (0.2, 0.8)
    assert found.indentation == {"spaces": 0, "tabs": 0.2, "mixed": 0.2, "none": 0.6}


def test_text_that_is_there_twice_is_half_repeated(corpus: Callable[..., Profile]) -> None:
    texts = [row["text"] for row in real_files(20)]
    once, twice = corpus(rows(texts)), corpus(rows([text for text in texts for _ in range(2)]))
    assert once.repeated_text is not None and twice.repeated_text is not None
    assert twice.duplicates == 0.5
    assert 1 - twice.repeated_text == pytest.approx((1 - once.repeated_text) / 2)


def test_the_sampled_share_of_repeated_text_is_near_that_of_all_lines(corpus: Callable[..., Profile]) -> None:
    texts = [row["text"] for row in real_files(150)]
    stripped = [re.sub(r"[ \t\x0b\x0c]", "", line) for text in texts for line in text.splitlines()]
    lines = [line for line in stripped if len(line.encode()) >= scan.LINE_BYTES]
    expected = 1 - sum(len(line.encode()) for line in set(lines)) / sum(len(line.encode()) for line in lines)
    assert corpus(rows(texts)).repeated_text == pytest.approx(expected, abs=0.02)


def test_empty_cells_dates_and_licences_are_read_from_the_columns(corpus: Callable[..., Profile]) -> None:
    found = corpus(
        rows(
            [code(n) for n in range(4)],
            license=["MIT", "GPL-3.0-only", None, "MIT"],
            stars=[1, None, 3, 4],
            topics=[["a"], [], None, ["b", "c"]],
            committed_at=["2019-05-06T07:08:09Z", "2021-01-02", "soon", "2020-02-29 10:00"],
            path=["a.py", " ", "", "d.py"],
            quality=[0.5, None, None, None],
        )
    )
    assert found.fields == {"license": 0.75, "stars": 0.75, "topics": 0.5, "committed_at": 1, "path": 0.5}
    assert found.complete == pytest.approx(0.7)
    assert found.dates == {
        "column": "committed_at", "oldest": "2019-05-06", "median": "2020-02-29", "newest": "2021-01-02",
    }  # fmt: skip
    assert found.licence_classes == {"permissive": 2, "unknown": 1, "other": 1}
    assert found.licence_names == {"MIT": 2, "GPL-3.0-only": 1, "none": 1}


def test_spellings_of_one_licence_are_counted_once(corpus: Callable[..., Profile]) -> None:
    names = ["MIT License", "mit", "MIT; MIT License", "Apache Software License", "Apache 2.0", "UNKNOWN", None]
    found = corpus(rows([code(n) for n in range(7)], license=names))
    assert found.licence_names == {"MIT": 3, "Apache-2.0": 2, "none": 2}
    assert found.licence_classes == {"permissive": 5, "unknown": 2, "other": 0}


def test_lists_of_licences_and_real_dates_are_understood(corpus: Callable[..., Profile]) -> None:
    days = [date(2001, 1, 1), date(2011, 1, 1), None]
    found = corpus(rows([code(n) for n in range(3)], licenses=[["MIT", "BSD"], ["MIT", "GPL-2.0"], None], pushed=days))
    assert found.licence_names == {"LicenseRef-BSD AND MIT": 1, "GPL-2.0 AND MIT": 1, "none": 1}
    assert (found.dates["oldest"], found.dates["newest"]) == ("2001-01-01", "2011-01-01")
    found = corpus(rows([code(1)], license=["see LICENSE"], license_spdx=["MIT"]))
    assert found.licence_names == {"MIT": 1}


def test_a_column_that_some_shards_lack_counts_as_empty_there(tmp_path: Path) -> None:
    write_shard(documents(rows([code(1)], license=["MIT"])), tmp_path / "0.parquet")
    write_shard(documents(rows([code(2)])), tmp_path / "1.parquet")
    assert profile([tmp_path / "0.parquet", tmp_path / "1.parquet"]).fields == {"license": 0.5}


def test_prose_is_valid_if_its_code_is(corpus: Callable[..., Profile]) -> None:
    good, bad = (
        "# Loops\n\nA loop repeats.\n\n```python\nfor i in range(3):\n    print(i)\n```\n",
        "```python\nfor\n```\n",
    )
    assert corpus(rows([good, bad, "Only prose here.\n", "x = 1\n"])).parses == 0.5


def test_of_many_documents_the_same_sample_is_parsed_before_and_after(corpus: Callable[..., Profile]) -> None:
    texts = [f"x = {n}\n" if n % 2 else f"x = = {n}\n" for n in range(4 * SAMPLE)]
    before, valid = rows(texts), [row for row in rows(texts) if "= =" not in row["text"]]
    found = corpus(before)
    assert found.parsed == SAMPLE
    assert found.parses == pytest.approx(0.5, abs=0.1)
    assert corpus(valid).parses == 1


def test_a_huge_document_is_counted_and_not_parsed(corpus: Callable[..., Profile]) -> None:
    huge = "x = [1, 2]\n" * 100_000  # valid Python of over a million characters
    found = corpus(rows([huge, "def (:\n"]))
    assert (found.documents, found.parsed, found.parses) == (2, 1, 0)
    assert corpus(rows([huge])).parses is None


def test_nothing_has_a_profile_of_nothing(corpus: Callable[..., Profile]) -> None:
    assert corpus([]) == Profile(0, 0, 0)
    empty = corpus(rows(["", ""]))
    assert (empty.documents, empty.bytes, empty.duplicates, empty.outliers) == (2, 0, 0.5, 1)
