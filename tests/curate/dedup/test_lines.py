"""Boilerplate cut out of documents, line by line."""

import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.dedup.lines import Lines, cut
from curate.files.shards import list_shards, read_shard
from tests.curate.dedup.conftest import Deduplicate, Outcome, Rows

HEADER = "# Copyright 2020 The Authors.\n# Licensed under\n#\n#   the Apache License, Version 2.0\n\n"


def rows_of(outcome: Outcome, half: str = "kept") -> dict[str, dict[str, Any]]:
    tables = [read_shard(path) for path in list_shards(outcome.directory / half)]
    return {row["id"]: row for row in pa.concat_tables(tables).to_pylist()}


def restored(row: dict[str, Any]) -> str:
    """Return the text of a kept row as it was."""
    rest, gone = (iter(list(io.StringIO(row[name] or "", newline="\n"))) for name in ("text", "removed_text"))
    numbers = set(row["removed_lines"] or [])
    lines, number = [], 0
    while (line := next(gone if number in numbers else rest, None)) is not None:
        lines.append(line)
        number += 1
    return "".join(lines)


def test_a_header_of_many_documents_goes_and_can_be_put_back(library: Rows, deduplicate: Deduplicate) -> None:
    rows = [{**row, "text": HEADER + row["text"]} for row in library[:60]] + library[60:90]
    outcome = deduplicate(Lines(documents=20), rows[:50], rows[50:])
    kept = rows_of(outcome)
    for row in rows[:60]:
        assert kept[row["id"]]["removed_lines"][:4] == [0, 1, 2, 3]
        assert kept[row["id"]]["removed_text"].startswith(HEADER.rstrip("\n"))
        assert "The Authors" not in kept[row["id"]]["text"]
    assert {row["id"]: row["text"] for row in rows} == {name: restored(row) for name, row in kept.items()}
    assert outcome.metrics["repeated_blocks"] >= 2


def test_what_no_more_documents_have_than_allowed_stays(deduplicate: Deduplicate) -> None:
    rows = [{"id": str(n), "text": f"{HEADER}x = {n}\n" * 3} for n in range(10)]
    kept = rows_of(deduplicate(Lines(documents=10), rows))
    assert {row["id"]: row["text"] for row in rows} == {name: row["text"] for name, row in kept.items()}
    assert all(row["removed_text"] is None for row in kept.values())


def test_a_document_of_little_else_is_dropped_whole_with_the_share_that_was_left(deduplicate: Deduplicate) -> None:
    rows = [{"id": str(n), "text": HEADER + "x" * 10 * n} for n in range(30)]
    outcome = deduplicate(Lines(documents=20, least_left=0.5), rows)
    assert outcome.dropped.keys() == {str(number) for number in range(9)}
    for name, row in outcome.dropped.items():
        assert (row["reason"], row["text"]) == ("boilerplate", rows[int(name)]["text"])
        assert row["score"] == len("x" * 10 * int(name)) / len(row["text"]) < 0.5


def test_repeated_code_is_cut_only_where_any_line_may_go(deduplicate: Deduplicate) -> None:
    code = "import os\n\nimport sys\nimport re\n"
    end = "# one\nx = 1\n# two\ny = 2\n# three\n"
    rows = [{"id": str(n), "text": f"{code}value = {n} * {n}\n{end}"} for n in range(30)]
    careful, bold = (rows_of(deduplicate(Lines(lines=lines, least_left=0), rows)) for lines in ("comments", "any"))
    assert all(row["removed_text"] is None for row in careful.values()), "nor are comments joined over code"
    assert bold["7"]["text"] == "value = 7 * 7\n"
    assert bold["7"]["removed_lines"] == [0, 1, 2, 3, 5, 6, 7, 8, 9]


@given(
    st.lists(st.lists(st.sampled_from(["# a", " # b", "# c\r", "x", "", " ", "// d"]), max_size=9), max_size=6),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["comments", "any"]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_the_lines_in_blocks_of_too_many_documents_go(
    deduplicate: Deduplicate, documents: list[list[str]], block: int, most: int, lines: Any
) -> None:
    rows = [{"id": str(number), "text": "\n".join(each)} for number, each in enumerate(documents)]
    stage = Lines(lines=lines, block=block, documents=most, least_left=0)
    kept = rows_of(deduplicate(stage, rows[::2], rows[1::2]))
    having: dict[tuple[str, ...], set[int]] = {}
    blocks = []
    for number, each in enumerate(documents):
        runs: list[list[int]] = [[]]
        for at, line in enumerate(each):
            if line.strip() and lines == "comments" and line.strip() == "x":
                runs.append([])
            elif line.strip():
                runs[-1].append(at)
        found = [run[at : at + block] for run in runs for at in range(len(run) - block + 1)]
        blocks.append([(tuple(each[at].strip() for at in places), places) for places in found])
        for content, _ in blocks[-1]:
            having.setdefault(content, set()).add(number)
    for number, row in enumerate(rows):
        gone = [range(places[0], places[-1] + 1) for content, places in blocks[number] if len(having[content]) > most]
        expected = sorted({line for each in gone for line in each})
        assert (kept[row["id"]]["removed_lines"] or []) == expected
        assert restored(kept[row["id"]]) == row["text"]


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n\n", "a\r\nb\x0bc\u2028d\n"])
def test_lines_end_at_newlines_alone(text: str) -> None:
    numbers = list(range(text.count("\n")))
    rest, gone = cut(text, numbers)
    assert gone + rest == text
