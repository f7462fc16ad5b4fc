"""Exercises are believed only after running; every attempt leaves one row."""

import doctest
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.llm import Request
from curate.shards import read_shard
from curate.stage import Context
from synth.exercise import Exercise

STUB = (
    ' add_up(numbers: list[int]) -> int:\n    """Return the sum of the numbers.\n\n    >>> add_up([1, 2])\n    12\n    '
)


def good(request: Request) -> str:
    if request.id.endswith("/stub"):
        return STUB
    return (
        "\n    return sum(numbers)"
        if request.id[-1] in "02"
        else "\n    total = 0\n    for n in numbers:\n        total += n\n    return total"
    )


def run_tests(row: dict[str, Any]) -> tuple[int, int]:
    """Run a document's doctests and asserts; return (doctests failed, doctests tried)."""
    space: dict[str, Any] = {}
    exec(row["text"], space)
    exec(row["tests"], space)
    examples = doctest.DocTestParser().get_doctest(space[row["function_name"]].__doc__, space, "made", None, 0)
    found = doctest.DocTestRunner(verbose=False).run(examples)
    return found.failed, found.attempted


def test_agreeing_solutions_make_a_document_with_true_tests(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(good)
    made = Exercise(model="teacher").make(seeds, context)
    assert (made.documents.num_rows, made.rejected.num_rows) == (6, 0)
    row = made.documents.to_pylist()[0]
    assert run_tests(row) == (0, 3)
    assert row["text"].startswith('def add_up(numbers: list[int]) -> int:\n    """Return the sum of the numbers.\n')
    assert row["text"].endswith('"""\n    return sum(numbers)\n'), "the shortest of the agreeing solutions stands"
    assert ">>> add_up([1, 2])\n    3\n" in row["text"], "the teacher's wrong example is replaced"
    assert (row["agreement"], row["distinct"], row["seed_id"]) == (1.0, 2, "file0.py::f#0")
    assert made.metrics["calls_made"] == 6 * 5


@pytest.mark.parametrize(
    ("stub", "solution", "reason"),
    [
        ("", "", "no code"),
        (" f(x: int[]):\n", "", "stub does not parse"),
        (STUB, "\n    pass", "no solution parses"),
        (STUB, "\n    return len(numbers) * 0", "constant output"),
        (STUB, "\n    return numbers", "identity output"),
        (STUB, "\n    return str(sum(numbers))", "wrong return type"),
        (STUB, "\n    return numbers[100]", "raised"),
        (STUB, "\n    while True:\n        numbers = numbers or [1]\n    return 1", "did not end well"),
        (' larger(a: int, b: int) -> int:\n    """Return the larger of the two."""', "", "copied from the prompt"),
        (' f(x: Socket) -> int:\n    """Return what the socket sends."""', "", "no inputs for its types"),
    ],
)
def test_a_failed_attempt_says_why(
    teach: Any, seeds: pa.Table, context: Context, stub: str, solution: str, reason: str
) -> None:
    teach(lambda request: stub if request.id.endswith("/stub") else solution)
    made = Exercise(model="teacher", cpu_s=0.3).make(seeds.slice(0, 1), context)
    assert made.documents.num_rows == 0
    assert made.rejected["reason"].to_pylist() == [reason]


def test_count_is_drawn_over_all_shards_and_nothing_else_is_asked(teach: Any, context: Context) -> None:
    table = teach(good)
    stage = Exercise(model="teacher", count=4, solutions=2)
    shards = [stage.make(read_shard(path), context) for path in context.shards()]
    assert sum(made.documents.num_rows + made.rejected.num_rows for made in shards) == 4
    assert table.asked == 4 * 3


def test_a_second_run_replays_every_call_and_gives_the_same(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(good)
    first = Exercise(model="teacher").make(seeds, context)
    table = teach(lambda request: pytest.fail("asked again"))
    second = Exercise(model="teacher").make(seeds, context)
    assert second.documents.equals(first.documents)
    assert (table.asked, second.metrics["calls_replayed"]) == (0, 30)


def test_a_shard_without_seeds_gives_the_columns_of_the_others(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(good)
    some, none = (Exercise(model="teacher").make(shard, context) for shard in (seeds, seeds.slice(0, 0)))
    assert none.documents.schema == some.documents.schema
    assert none.rejected.schema == some.rejected.schema
    assert (none.documents.num_rows, none.rejected.num_rows) == (0, 0)


def test_a_chat_teacher_answers_in_blocks(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        assert request.messages and request.prompt is None
        if request.id.endswith("/stub"):
            return f'```python\ndef{STUB}\n    """\n```'
        assert "def add_up(numbers: list[int]) -> int:" in request.messages[0].content
        return "Sure!\n```python\ndef add_up(numbers: list[int]) -> int:\n    return sum(numbers)\n```"

    teach(answer)
    made = Exercise(model="teacher", style="chat").make(seeds, context)
    assert [run_tests(row) for row in made.documents.to_pylist()] == [(0, 3)] * 6


def test_calls_that_fail_are_attempts_without_an_answer(seeds: pa.Table, context: Context, smollm: Any) -> None:
    short = replace(context, models={"teacher": smollm.model_copy(update={"max_context": 32})})
    made = Exercise(model="teacher").make(seeds.slice(0, 2), short)
    assert made.rejected["reason"].to_pylist() == ["no answer"] * 2


def test_the_real_small_model_goes_the_whole_way(seeds: pa.Table, context: Context, smollm: Any) -> None:
    here = replace(context, models={"teacher": smollm})
    stage = Exercise(model="teacher", solutions=3, max_tokens=40, stub_tokens=64)
    made = stage.make(seeds.slice(0, 3), here)
    assert made.documents.num_rows + made.rejected.num_rows == 3
    assert all(run_tests(row)[0] == 0 for row in made.documents.to_pylist())
    reasons = made.rejected["reason"].to_pylist() if made.rejected.num_rows else []
    assert "no answer" not in reasons
    again = stage.make(seeds.slice(0, 3), here)
    assert again.documents.equals(made.documents) and again.rejected.equals(made.rejected)
    assert again.metrics["calls_made"] == 0 < made.metrics["calls_made"]
