"""Exercises are believed only after running; every attempt leaves one row."""

import doctest
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import documents, read_shard
from curate.llm import Request
from curate.stage import Context
from curate.synth.exercise.exercise import Exercise
from tests.synth.conftest import Cut

NAMES = ("add_all", "sum_of_loaves", "count_flour", "weigh_dough", "list_total", "bread_sum")


def stub(request: Request) -> str:
    """A stub with a name of its own for each seed."""
    name = NAMES[int(request.id[4])]
    prose = f"Return the sum of the numbers plus {name.count('_') + len(name)}."
    return f' {name}(numbers: list[int]) -> int:\n    """{prose}\n\n    >>> {name}([1, 2])\n    12\n    '


def good(request: Request) -> str:
    """Right answers: two ways of adding, and each function adds a number of its own."""
    if request.id.endswith("/stub"):
        return stub(request)
    name = NAMES[int(request.id[4])]
    more = name.count("_") + len(name)
    more += 100 * int(request.id[4])
    if request.id[-1] in "02":
        return f"\n    return sum(numbers) + {more}"
    return f"\n    total = {more}\n    for n in numbers:\n        total += n\n    return total"


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
    assert row["text"].startswith("def add_all(numbers: list[int]) -> int:\n")
    assert row["text"].endswith("    return sum(numbers) + 8\n"), "the shortest of the agreeing solutions stands"
    assert ">>> add_all([1, 2])\n    11\n" in row["text"], "the teacher's wrong example is replaced"
    assert (row["agreement"], row["distinct"], row["asked"], row["tier"]) == (1.0, 2, 4, "gold")
    assert row["seed_id"] == "file0.py::f#0"
    assert (made.metrics["calls_made"], made.metrics["agree_4_of_4"]) == (6 * 5, 6)


STUB = ' add_up(numbers: list[int]) -> int:\n    """Return the sum of all the numbers.'


@pytest.mark.parametrize(
    ("text", "solution", "reason"),
    [
        ("", "", "no code"),
        (" f(x: int[]):\n", "", "stub does not parse"),
        (STUB, "\n    pass", "no solution parses"),
        (STUB, "\n    return len(numbers) * 0", "constant output"),
        (STUB, "\n    return numbers", "identity output"),
        (STUB, "\n    return str(sum(numbers))", "wrong return type"),
        (STUB, "\n    return numbers[100]", "raised"),
        (STUB, "\n    while True:\n        numbers = numbers or [1]\n    return 1", "did not end well"),
        (STUB, "\n    while True:\n        __import__('os').fork()\n    return 1", "did not end well"),
        (STUB, "\n    import os\n    return len(os.listdir())", "imports more than an exercise may"),
        (' larger(a: int, b: int) -> int:\n    """Return the larger of the two."""', "", "copied from the prompt"),
        (' f(x: Socket) -> int:\n    """Return what the socket sends."""', "", "no inputs for its types"),
        (' f(x, y):\n    """Return the sum of the two."""', "", "types are missing"),
        (' f(x: int) -> int:\n    """Prints the number and returns it."""', "", "speaks of more than a result"),
        (' f(x: int) -> int:\n    """返回两个数字的总和 并且 不做 其他 事情."""', "", "not English"),
        (' f(x: int) -> int:\n    """' + "Return it again and again. " * 6 + '"""', "", "repetition"),
        (
            ' f(text: str) -> list[str]:\n    """Return the different letters of a text."""',
            "\n    return list(set(text))",
            "other values under another hash seed",
        ),
        (STUB + " Returns -7 if there are none.", "\n    return sum(numbers)", "a stated result never came"),
        (STUB + " Raises ValueError if it is empty.", "\n    return sum(numbers)", "a stated error never came"),
        (STUB + " Return 3 if the list is empty.", "\n    return sum(numbers) or 1", "a stated result never came"),
    ],
)
def test_a_failed_attempt_says_why(
    teach: Any, seeds: pa.Table, context: Context, text: str, solution: str, reason: str
) -> None:
    teach(lambda request: text if request.id.endswith("/stub") else solution)
    made = Exercise(model="teacher", cpu_s=0.3).make(seeds.slice(0, 1), context)
    assert made.documents.num_rows == 0
    assert made.rejected["reason"].to_pylist() == [reason]


def test_a_stub_that_was_cut_off_is_none(teach: Any, seeds: pa.Table, context: Context) -> None:
    teach(lambda request: Cut(' f(x: int) -> int:\n    """Return the number that comes after'))
    made = Exercise(model="teacher").make(seeds.slice(0, 1), context)
    assert made.rejected["reason"].to_pylist() == ["cut off"]


def test_solutions_are_asked_for_only_where_they_can_decide(teach: Any, seeds: pa.Table, context: Context) -> None:
    def apart(request: Request) -> str:
        if request.id.endswith("/stub"):
            return stub(request)
        return f"\n    return sum(numbers) + {request.id[-1]}"

    table = teach(apart)
    made = Exercise(model="teacher", agreement=1.0).make(seeds.slice(0, 1), context)
    assert (made.rejected["reason"].to_pylist(), table.asked) == (["no majority"], 1 + 2)
    assert " by 1; " in made.rejected["detail"][0].as_py()
    assert made.metrics["agree_1_of_2"] == 1
    one = replace(context, directory=context.directory / "other")
    table = teach(lambda request: apart(request) if request.id[-1] in "b1" else good(request))
    made = Exercise(model="teacher").make(seeds.slice(0, 1), one)
    assert table.asked == 1 + 4
    assert made.documents.select(["agreement", "tier"]).to_pylist() == [{"agreement": 0.75, "tier": "silver"}]


def test_what_stands_already_is_dropped_before_it_is_paid_for(teach: Any, seeds: pa.Table, context: Context) -> None:
    same = STUB.replace("add_up", "pile_up")

    def answer(request: Request) -> str:
        number = request.id[4]
        if request.id.endswith("/stub"):
            name = {"0": "pile_up", "1": "up_pile", "2": "pile_up"}.get(number, f"heap_{'abc'[int(number) - 3]}")
            return same.replace("pile_up", name)
        return "\n    return sum(numbers)" if number != "5" else "\n    return 2 * sum(numbers)"

    table = teach(answer)
    made = Exercise(model="teacher").make(seeds, context)
    assert made.documents["function_name"].to_pylist() == ["pile_up", "heap_c"]
    assert made.rejected["reason"].to_pylist() == [
        "does what another does", "its name is taken", "does what another does", "does what another does",
    ]  # fmt: skip
    assert table.asked == 6 + 2 * 5 + 2 * 2, "no solution for a taken name, two for a known behaviour"


def test_benchmarks_are_kept_away_from(
    teach: Any, seeds: pa.Table, context: Context, tmp_path: Any, monkeypatch: Any
) -> None:
    prompt = (
        'def weave_ribbons(reds, blues):\n    """Weave the red ribbons and the blue ribbons into one braid '
        'that alternates colours."""\n'
    )
    test = "def check(f):\n    assert f(1, 2)"
    task = json.dumps({"task_id": "own/1", "prompt": prompt, "entry_point": "weave_ribbons", "test": test})
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(task + "\n")
    refused = {
        "weave_ribbons": "Return the sum of all the numbers.",
        "ribbons_weave": "Return the sum of all the numbers.",
        "make_braid": "Weave red ribbons and blue ribbons into a braid with alternating colours.",
        "tall_trees": "Return how many trees are taller than all of their neighbours.",
    }

    def answer(request: Request) -> str:
        if not request.id.endswith("/stub"):
            return "\n    return len(numbers) + sum(numbers) // 3"
        name, prose = list(refused.items())[int(request.id[4])]
        return f' {name}(numbers: list[int]) -> int:\n    """{prose}'

    teach(answer)
    made = Exercise(model="teacher", avoid=[str(tasks)]).make(seeds.slice(0, 4), context)
    assert made.rejected["reason"].to_pylist() == ["a benchmark's name"] * 2 + ["near a benchmark's task"]
    assert made.documents["function_name"].to_pylist() == ["tall_trees"]


def test_the_teacher_is_asked_whether_it_is_true(teach: Any, seeds: pa.Table, context: Context) -> None:
    def blind(request: Request) -> str:
        return "\n    return len(numbers)" if request.id == "file1.py::f#0/made/blind" else good(request)

    teach(blind)
    made = Exercise(model="teacher", truth=True, round_trip=True, style="chat").make(seeds.slice(0, 2), context)
    assert made.documents["truth"].to_pylist() == [pytest.approx(0.75)] * 2
    assert made.documents["round_trip"].to_pylist() == [1.0, 0.0]
    again = Exercise(model="teacher", truth=True, min_truth=0.8, style="chat")
    made = again.make(seeds.slice(0, 2), replace(context, directory=context.directory / "other"))
    assert made.rejected["reason"].to_pylist() == ["the teacher finds it untrue"] * 2


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


def test_input_that_holds_no_seeds_is_one_line(teach: Any, context: Context) -> None:
    teach(good)
    with pytest.raises(UserError, match="needs the column 'function_name'"):
        Exercise(model="teacher").make(documents([{"id": "a", "text": "x", "source": "code"}]), context)


def test_a_chat_teacher_goes_on_from_what_was_begun(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        assert request.messages and request.prompt is None and request.messages[-1].role == "assistant"
        begun = request.messages[-1].content
        if request.id.endswith("/stub"):
            assert begun == "```python\ndef"
            return good(request)
        assert begun.startswith(f"```python\ndef {NAMES[int(request.id[4])]}(") and begun.endswith('"""\n')
        return good(request)

    teach(answer)
    made = Exercise(model="teacher", style="chat").make(seeds, context)
    assert [run_tests(row) for row in made.documents.to_pylist()] == [(0, 3)] * 6


def test_an_answer_that_begins_anew_is_understood(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        return f"```python\ndef{stub(request)}" if request.id.endswith("/stub") else good(request)

    teach(answer)
    made = Exercise(model="teacher", style="chat").make(seeds.slice(0, 2), context)
    assert made.documents["function_name"].to_pylist() == list(NAMES[:2])


def test_an_endpoint_that_answers_whole_is_understood(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        assert request.messages and [message.role for message in request.messages] == ["user"]
        if request.id.endswith("/stub"):
            return f'Sure!\n```python\ndef{stub(request)}\n    """\n```'
        name = NAMES[int(request.id[4])]
        return f"Here:\n```python\ndef {name}(numbers: list[int]) -> int:{good(request)}\n```"

    teach(answer)
    spec = context.models["teacher"].model_copy(update={"backend": "openai"})
    made = Exercise(model="teacher", style="chat").make(seeds, replace(context, models={"teacher": spec}))
    assert [run_tests(row) for row in made.documents.to_pylist()] == [(0, 3)] * 6


def test_calls_that_fail_are_attempts_without_an_answer(teach: Any, seeds: pa.Table, context: Context) -> None:
    """A real model of too short a context fails in this way too: tests/curate/llm."""
    teach(lambda request: None)
    made = Exercise(model="teacher").make(seeds.slice(0, 2), context)
    assert made.rejected["reason"].to_pylist() == ["no answer"] * 2


def test_the_real_small_model_goes_the_whole_way(seeds: pa.Table, context: Context, smollm: Any) -> None:
    here = replace(context, models={"teacher": smollm})
    stage = Exercise(model="teacher", solutions=2, max_tokens=24, stub_tokens=32, style="completion")
    made = stage.make(seeds.slice(0, 1), here)
    assert made.documents.num_rows + made.rejected.num_rows == 1
    assert all(run_tests(row)[0] == 0 for row in made.documents.to_pylist())
    reasons = made.rejected["reason"].to_pylist() if made.rejected.num_rows else []
    assert "no answer" not in reasons
    again = stage.make(seeds.slice(0, 1), here)
    assert again.documents.equals(made.documents) and again.rejected.equals(made.rejected)
    assert again.metrics["calls_made"] == 0 < made.metrics["calls_made"]
