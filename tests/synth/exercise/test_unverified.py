"""What a teacher wrote and nobody ran, and exercises that are not made distinct: the same attempts, fewer checks."""

from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.llm import Request
from curate.stage import Context
from curate.synth.exercise.exercise import Exercise
from curate.synth.item.item import read_item
from curate.synth.item.renderings import RENDERINGS

FAULTY = "def last_loaf(loaves: list[int]) -> int:\n    return loaves[-1] / 0\n"
TIDY = '''def last_loaf(loaves: list[int]) -> int:
    """Return the last element of `loaves` divided by 0."""
    return loaves[-1] / 0
'''


def make(context: Context, seeds: pa.Table, **options: Any) -> Any:
    stage = Exercise(model="teacher", style="chat", **options)
    return stage.make(seeds, context)


def coded(name: str, body: str) -> Any:
    """A teacher that writes one function in each attempt, numbered."""
    return lambda request: f"def {name}_{'abcdef'[int(request.id[4])]}(xs: list[int]) -> int:\n{body}\n"


def described(request: Request) -> str:
    """A stub, and a solution that gives the same for every input."""
    name = f"add_{'abcdef'[int(request.id[4])]}"
    if request.id.endswith("/stub"):
        return f' {name}(xs: list[int]) -> int:\n    """Return the sum of xs.\n    >>> {name}([1])\n    7\n    """\n'
    return "    return 0\n" if request.id.endswith("/0") else "    return sum(xs)\n"


def test_code_that_fails_when_it_runs_is_kept_with_the_words_of_a_rule(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    teach(lambda _: FAULTY, chat=True)
    checked = make(context, seeds, first_comes="code")
    assert checked.documents.num_rows == 0
    made = make(context, seeds, first_comes="code", verify=False)
    rows = made.documents.to_pylist()
    assert [row["text"] for row in rows] == [TIDY]
    assert (rows[0]["described_by"], rows[0]["cases"], rows[0]["tests"], rows[0]["tier"]) == ("rule", [], None, None)
    reasons = made.rejected["reason"].to_pylist()
    assert reasons == ["is written like another"] + ["its name is taken"] * 4, "it is distinct as far as can be told"


def test_a_first_solution_is_believed_and_examples_that_the_teacher_made_up_are_not_kept(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    teach(described, chat=True)
    checked = make(context, seeds, distinct=False).documents["solution"].to_pylist()
    assert checked == ["    return sum(xs)"] * 6, "the first solution is one of four"
    made = make(context, seeds, verify=False, distinct=False)
    assert made.rejected["reason"].to_pylist() == []
    assert made.documents.num_rows == 6
    row = made.documents.to_pylist()[0]
    assert row["text"] == 'def add_a(xs: list[int]) -> int:\n    """Return the sum of xs."""\n    return 0\n'
    assert made.metrics["calls_made"] == 0, "a stub and the first solution are among what was asked before"


def test_the_teacher_may_be_asked_what_code_does_that_no_rule_has_words_for(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    odd = "    while xs:\n        xs = xs[:-1] if len(xs) % 3 else sorted(xs)[1:]\n    return len(xs)"

    def answer(request: Request) -> str:
        described = " how many items are left." if request.id.endswith("/description") else None
        return described or coded("left", odd)(request)

    teach(answer, chat=True)
    unsaid = make(context, seeds, first_comes="code", verify=False, distinct=False)
    assert set(unsaid.rejected["reason"].to_pylist()) == {"no rule has words for it"}
    told = make(context, seeds, first_comes="code", verify=False, distinct=False, described_by="either")
    assert {row["description"] for row in told.documents.to_pylist()} == {"Return how many items are left."}


def test_code_that_cannot_be_formatted_stays_as_it_was_written(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(lambda asked: described(asked) if asked.id.endswith("/stub") else "    return  sum(xs)+lost\n", chat=True)
    made = make(context, seeds, verify=False, distinct=False)
    assert made.rejected["reason"].to_pylist() == []
    assert made.documents.num_rows == 6
    assert all("return  sum(xs)+lost" in text for text in made.documents["text"].to_pylist())


def test_a_task_of_a_benchmark_is_refused_whether_or_not_it_runs(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(lambda _: "def has_close_elements(xs: list[float]) -> bool:\n    return xs[0] > 1\n", chat=True)
    made = make(context, seeds, first_comes="code", verify=False, avoid=["humaneval"])
    assert set(made.rejected["reason"].to_pylist()) == {"a benchmark's name"}


def test_verified_exercises_that_need_not_be_distinct_are_all_kept(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    teach(lambda _: "def total(xs: list[int]) -> int:\n    return sum(xs) + 7\n", chat=True)
    assert make(context, seeds, first_comes="code").documents.num_rows == 1
    made = make(context, seeds, first_comes="code", distinct=False)
    assert made.documents.num_rows == 6
    assert len({row["solution"] for row in made.documents.to_pylist()}) == 1


def test_an_exercise_without_values_has_no_shape_that_shows_some(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(coded("total", "    return sum(xs) + 7"), chat=True)
    made = make(context, seeds, first_comes="code", verify=False, distinct=False)
    item = read_item(made.documents.to_pylist()[0])
    assert {name for name, render in RENDERINGS.items() if render(item, [item] * 3)} == {"humaneval"}


def test_checks_of_what_is_not_verified_are_refused() -> None:
    with pytest.raises(ValidationError, match="leave out truth and round_trip"):
        Exercise(model="teacher", verify=False, truth=True)
