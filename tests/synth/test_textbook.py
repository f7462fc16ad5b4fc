"""Textbook sections are kept only if their code runs; every attempt leaves one row."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.llm import Completion
from curate.stage import Context
from synth.textbook import Textbook, repeats, section

PROSE = (
    "A list holds values in order. To add them up, start with zero and add one value after the other, until none is "
    "left. Python does the same with its own function, which is shorter to write and quick to run on long lists.\n\n"
)
CODE = "```python\nnumbers = [1, 2, 3]\nprint(sum(numbers))\n```\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE + "\n\n" + CODE + "\nThe program prints 6.", None),
        (PROSE + "\n\n" + CODE + "\nNow again:\n\n```python\nprint(max(numbers))\n```\n", None),
        (PROSE, "no code"),
        (CODE, "too short"),
        ("I'm sorry, I cannot write that. " + PROSE + CODE, "refusal"),
        (PROSE + "\n\n```python\nprint(", "cut off inside code"),
        (PROSE + "\n\n```python\nfor x in:\n```\n", "code does not parse"),
        (PROSE + "\n\n```python\nprint(undefined)\n```\n", "code fails"),
        (PROSE + "\n\n```python\nwhile True:\n    pass\n```\n", "code: timeout"),
        (PROSE * 3 + CODE, "repetition"),
        (PROSE + CODE + CODE, "repetition"),
    ],
)
def test_a_section_is_kept_or_says_why_not(
    teach: Any, seeds: pa.Table, context: Context, text: str, reason: str | None
) -> None:
    teach(lambda request: text)
    made = Textbook(model="teacher", cpu_s=0.5).make(seeds.slice(0, 1), context)
    if reason is None:
        [row] = made.documents.to_pylist()
        assert row["text"].startswith("# Sums of 0\n\nA list holds")
        assert row["seed_id"] == "file0.py::f#0"
    else:
        assert made.documents.num_rows == 0
        assert made.rejected["reason"].to_pylist() == [reason]


def test_prose_that_ran_out_of_tokens_ends_with_its_last_sentence() -> None:
    reply = Completion("a", PROSE + CODE + "It prints 6. And then the", "length", 1, 1)
    assert section(reply, {"topic": "x"}, "chat").endswith("```\nIt prints 6.")
    reply = replace(reply, text=PROSE + CODE + "And then the")
    assert section(reply, {"topic": "x"}, "chat").endswith("print(sum(numbers))\n```")


def test_repeats_counts_sequences_seen_before() -> None:
    assert repeats(list("abcdefg")) == 0
    assert repeats(["a"] * 103) == pytest.approx(0.99)
    assert repeats(["too", "short"]) == 0


def test_the_real_small_model_goes_the_whole_way(seeds: pa.Table, context: Context, smollm: Any) -> None:
    here = replace(context, models={"teacher": smollm})
    made = Textbook(model="teacher", max_tokens=80).make(seeds.slice(0, 2), here)
    assert made.documents.num_rows + made.rejected.num_rows == 2
    assert made.metrics["completion_tokens"] > 0
