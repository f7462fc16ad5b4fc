"""Code that comes first is kept only where its description, solved without seeing it, gives the same."""

import re
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.llm import Request
from curate.stage import Context
from curate.synth.exercise.exercise import Exercise
from curate.synth.teacher import asking
from curate.synth.teacher.answers import read_function

NAMES = ("add_all", "sum_of_loaves", "count_flour", "weigh_dough", "list_total", "bread_sum")
CODE = "def {name}(numbers: list[int]) -> int:\n    return sum(numbers) + {more}\n"


def named(request: Request) -> tuple[str, int]:
    """A function of its own for each seed."""
    number = int(request.id[4])
    return NAMES[number], 100 * number + 7


def right(request: Request) -> str:
    name, more = named(request)
    if request.id.endswith("/stub"):
        return CODE.format(name=name, more=more)
    if request.id.endswith("/description"):
        return f" the sum of the numbers plus {more}."
    return f"    total = {more}\n    for n in numbers:\n        total += n\n    return total"


def make(context: Context, seeds: pa.Table, **options: Any) -> Any:
    given = {"described_by": "teacher", **options}
    stage = Exercise(model="teacher", style="chat", first_comes="code", solutions=3, agreement=1.0, **given)
    return stage.make(seeds, context)


def test_a_description_that_is_solved_to_the_same_results_makes_a_document(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    teach(right, chat=True)
    made = make(context, seeds)
    assert made.rejected.num_rows == 0
    row = made.documents.to_pylist()[1]
    assert row["text"].startswith('def sum_of_loaves(numbers: list[int]) -> int:\n    """Return the sum of the numbers')
    assert row["text"].endswith("return sum(numbers) + 107\n"), "the shortest of those that agree stands"
    assert (row["asked"], row["agreement"], row["tier"], row["distinct"]) == (3, 1.0, "gold", 2)
    assert made.metrics["calls_made"] == 6 * 4, "code, description, two solutions"


@pytest.mark.parametrize(("declared", "expected"), [("list", "int"), ("str", "int"), ("list[str]", "int")])
def test_types_that_say_too_little_or_something_else_are_read_off_what_came(
    teach: Any, seeds: pa.Table, context: Context, declared: str, expected: str
) -> None:
    def answer(request: Request) -> str:
        return right(request).replace("list[int]) -> int", f"list) -> {declared}")

    teach(answer, chat=True)
    made = make(context, seeds, avoid=[])
    assert made.documents.num_rows == 6
    assert {row["header"].partition("(")[2] for row in made.documents.to_pylist()} == {
        f"numbers: list[int]) -> {expected}:"
    }


def test_what_the_code_looks_for_is_among_its_inputs(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/stub"):
            return "def f(rooms: list[str]) -> int:\n    return sum(room == 'attic' for room in rooms)\n"
        if request.id.endswith("/description"):
            return " how many of the rooms are 'attic'."
        return "    return rooms.count('attic')"

    teach(answer, chat=True)
    made = make(context, seeds.slice(0, 1), avoid=[])
    assert made.rejected["reason"].to_pylist() == []
    [row] = made.documents.to_pylist()
    assert "attic" in row["text"].partition(">>>")[2], "an example shows it"


def test_the_teacher_describes_code_whose_name_it_is_not_told(teach: Any, seeds: pa.Table, context: Context) -> None:
    asked: list[str] = []

    def answer(request: Request) -> str:
        if request.id.endswith("/description"):
            asked.append(request.messages[0].content)
        return right(request)

    teach(answer, chat=True)
    make(context, seeds)
    assert len(asked) == 6
    assert not any(name in text for text in asked for name in NAMES)
    assert all("def function(numbers: list[int]) -> int:" in text for text in asked)
    assert all("# function([]) -> " in text for text in asked), "results stand behind the code"


@pytest.mark.parametrize(
    ("code", "description", "reason", "calls"),
    [
        ("def f(x: list[int]) -> int:\n    return len(x) * 0\n", "", "constant output", 1),
        ("def f(x: list[int]) -> int:\n    return x[100]\n", "", "raised", 1),
        ("def f(x: list[int]) -> str:\n    return sum(x) or ''\n", "", "wrong return type", 1),
        ("def f(frob) -> int:\n    return len(frob)\n", "", "types are missing", 1),
        ("import torch\n\n\ndef f(x: int) -> int:\n    return x + 1\n", "", "imports more than an exercise may", 1),
        ("def f(x: list[int]) -> int:\n    return sum(x\n", "", "code does not parse", 1),
        ("def f(x: list[int]) -> int:\n    print(x)\n", "", "returns nothing", 1),
        ("I cannot help with that.", "", "code does not parse", 1),
        ("x = 1\n", "", "no code", 1),
        ("def fold_note(text: str, width: int) -> str:\n    return text[width:]\n", "", "copied from the prompt", 1),
        (CODE.format(name="f", more=1), "", "no docstring", 3),
        (CODE.format(name="f", more=1), " what the code makes of the numbers.", "tells how, and not what", 3),
        (CODE.format(name="f", more=1), " the largest of all numbers.", "no majority", 5),
        (
            CODE.format(name="f", more=1),
            " the sum of the numbers plus 1. Return 0 if the list is empty.",
            "a stated",
            5,
        ),
    ],
)
def test_what_is_no_exercise_is_refused_as_early_as_it_can_be_known(
    teach: Any, seeds: pa.Table, context: Context, code: str, description: str, reason: str, calls: int
) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/stub"):
            return code
        if request.id.endswith("/description"):
            return description
        return "    return max(x)" if "largest" in description else "    return sum(numbers) + 1"

    teach(answer, chat=True)
    made = make(context, seeds.slice(0, 1), avoid=[])
    assert made.documents.num_rows == 0
    [row] = made.rejected.to_pylist()
    assert row["reason"].startswith(reason)
    assert made.metrics["calls_made"] == calls


def test_what_was_described_badly_is_described_again(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/0/description"):
            return " the largest of the numbers plus 7."
        solved = "/solution/" in request.id
        return "    return max(numbers)" if solved and "the largest" in request.messages[0].content else right(request)

    teach(answer, chat=True)
    made = make(context, seeds.slice(0, 1))
    [row] = made.documents.to_pylist()
    assert "Return the sum of the numbers plus 7." in row["text"]
    assert made.metrics["calls_made"] == 1 + 2 + 3, "code; description and a solution; the same again, and one more"
    teach(answer, chat=True)
    context.calls.joinpath("calls.jsonl").unlink()
    assert make(context, seeds.slice(0, 1), descriptions=1).documents.num_rows == 0


def test_an_int_where_a_float_is_returned_is_the_same_number(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/stub"):
            return "def half_of_all(numbers: list[float]) -> float:\n    return sum(numbers) / 2\n"
        if request.id.endswith("/description"):
            return " half of the sum of the numbers."
        return "    if not numbers:\n        return 0\n    return sum(numbers) / 2"

    teach(answer, chat=True)
    assert make(context, seeds.slice(0, 1)).documents.num_rows == 1


def test_two_that_do_the_same_are_one_before_anything_is_described(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/stub"):
            return CODE.format(name=named(request)[0], more=7)
        return right(request).replace(str(named(request)[1]), "7")

    teach(answer, chat=True)
    made = make(context, seeds)
    assert made.documents.num_rows == 1
    assert set(made.rejected["reason"].to_pylist()) == {"does what another does"}
    assert made.metrics["calls_made"] == 6 + 3, "six times code; one description, two solutions"


def test_the_last_function_of_an_answer_is_read_with_what_stands_above_it() -> None:
    text = (
        "```python\nfrom math import gcd\n\n\ndef step(a: int) -> int:\n    return a + 1\n\n\n"
        'def least(a: int,\n          b: int) -> int:\n    """Say it."""\n'
        "    return step(a * b) // gcd(a, b)\n```\nIt works."
    )
    stub, program = read_function(text)  # type: ignore[misc]
    assert (stub.name, stub.header) == ("least", "def least(a: int,\n          b: int) -> int:")
    assert program.before == "from math import gcd\ndef step(a: int) -> int:\n    return a + 1"
    assert program.body == "    return step(a * b) // gcd(a, b)"
    assert read_function("def f(a: int) -> int: return a") == "returns nothing", "a body on the header's line"
    assert read_function("def f(a: int) -> int:\n    return (a", cut_off=True) == "cut off"


def test_attempts_that_other_processes_work_on_make_the_same_documents(
    teach: Any, seeds: pa.Table, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> str:
        return right(request) if request.id[4] != "3" else "I cannot help with that."

    teach(answer, chat=True)
    here = make(replace(context, directory=context.directory / "here"), seeds, avoid=[])
    monkeypatch.setattr(asking, "MANY", 1)
    there = make(context, seeds, avoid=[])
    assert there.documents.num_rows == 5
    assert there.documents.equals(here.documents)
    assert there.rejected.equals(here.rejected)


def test_those_who_solve_a_description_do_not_see_the_name(teach: Any, seeds: pa.Table, context: Context) -> None:
    asked: list[str] = []

    def answer(request: Request) -> str:
        name, _ = named(request)
        if request.id.endswith("/stub"):
            return f"def {name}(n: int) -> int:\n    return 1 if n < 2 or n > 9 else n + {name}(n - 1)\n"
        if request.id.endswith("/description"):
            return " the sum of the whole numbers from 1 to n, and 1 where n is less than 2 or more than 9."
        asked.append("\n".join(turn.content for turn in request.messages))
        return "    if n < 2 or n > 9:\n        return 1\n    rest = function(n - 1)\n    return n + rest"

    teach(answer, chat=True)
    made = make(context, seeds.slice(0, 1), avoid=[])
    assert made.rejected["reason"].to_pylist() == []
    [row] = made.documents.to_pylist()
    assert len(asked) == 2
    assert all("def function(n: int) -> int:" in text and NAMES[0] not in text for text in asked)
    assert f"rest = {NAMES[0]}(n - 1)" in row["second"], "one that calls itself has the right name again"


def test_a_parameter_that_a_loop_variable_hides_is_ignored(teach: Any, seeds: pa.Table, context: Context) -> None:
    code = (
        "def hot(pairs: list[tuple[str, int]], day: str) -> list[str]:\n    return [day for day, t in pairs if t > 3]\n"
    )
    teach(lambda request: code, chat=True)
    made = make(context, seeds.slice(0, 1), avoid=[])
    assert made.rejected["reason"].to_pylist() == ["ignores a parameter"]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [("word == 'wait' and n > 3", None), ("len(word) > 500", "a parameter decides nothing")],
)
def test_a_parameter_is_tried_until_it_decides_something_or_the_function_is_refused(
    teach: Any, seeds: pa.Table, context: Context, condition: str, reason: str | None
) -> None:
    def answer(request: Request) -> str:
        if request.id.endswith("/stub"):
            return f"def f(n: int, word: str) -> int:\n    return 0 if {condition} else n + 5\n"
        if request.id.endswith("/description"):
            return " n plus 5, or 0 if the word is 'wait' and n is more than 3."
        return f"    if {condition}:\n        return 0\n    return 5 + n"

    teach(answer, chat=True)
    made = make(context, seeds.slice(0, 1), avoid=[])
    assert made.rejected["reason"].to_pylist() == ([reason] if reason else [])
    if reason is None:
        [row] = made.documents.to_pylist()
        assert any("'wait'" in case["arguments"] and case["value"] == "0" for case in row["cases"])


def test_code_that_a_rule_has_words_for_needs_no_description_and_no_solutions(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    teach(right, chat=True)
    made = make(context, seeds, described_by="rule", avoid=[])
    row = made.documents.to_pylist()[1]
    assert all(part in " ".join(row["description"].split()) for part in ("the sum of the numbers in ", " plus 107."))
    assert len({re.sub(r"\d+", "", each["description"]) for each in made.documents.to_pylist()}) > 1, "several wordings"
    assert (row["described_by"], row["tier"], row["agreement"], row["asked"]) == ("rule", "gold", 1.0, 1)
    assert made.metrics["calls_made"] == 6, "the code alone"


def test_an_error_is_said_with_the_inputs_that_bring_it(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        name, more = named(request)
        return f"def {name}(parcels: list[int]) -> float:\n    return sum(parcels) / len(parcels) + {more}\n"

    teach(answer, chat=True)
    made = make(context, seeds, described_by="rule", avoid=[])
    for row in made.documents.to_pylist():
        said = " ".join(row["description"].split())
        empty, error = r"(?:`parcels`|the (?:given )?list) is empty", "ZeroDivisionError"
        assert re.search(rf"{empty}, {error} is raised\.$|Raises? (?:a )?{error} if {empty}\.$", said), said


@pytest.mark.parametrize(("who", "asked"), [("rule", 6), ("either", 6 * 4)])
def test_code_without_words_is_dropped_or_left_to_the_teacher(
    teach: Any, seeds: pa.Table, context: Context, who: str, asked: int
) -> None:
    def answer(request: Request) -> str:
        name, more = named(request)
        loop = f"    def total(items: list[int]) -> int:\n        return sum(items) + {more}\n\n"
        loop += "    return total(numbers)"
        return f"def {name}(numbers: list[int]) -> int:\n{loop}\n" if request.id.endswith("/stub") else right(request)

    teach(answer, chat=True)
    made = make(context, seeds, described_by=who, avoid=[])
    if who == "rule":
        assert set(made.rejected["reason"].to_pylist()) == {"no rule has words for it"}
    else:
        assert {row["described_by"] for row in made.documents.to_pylist()} == {"teacher"}
        assert made.documents.num_rows == 6
    assert made.metrics["calls_made"] == asked


def test_an_error_that_the_code_raises_does_not_hide_another_of_its_kind(
    teach: Any, seeds: pa.Table, context: Context
) -> None:
    def answer(request: Request) -> str:
        name, more = named(request)
        return (
            f"def {name}(parcels: list[int], least: int) -> int:\n"
            "    if least < 0:\n        raise ValueError('least')\n"
            f"    return max(parcels) + least + {more}\n"
        )

    teach(answer, chat=True)
    made = make(context, seeds, described_by="rule", avoid=[])
    for row in made.documents.to_pylist():
        said = " ".join(row["description"].split())
        assert re.search(r"[Rr]aise a ValueError if (?:`least`|the given number) is negative", said), said
        assert re.search(r"(?:`parcels`|the (?:given )?list) is empty", said), said
        assert said.index("max(") < said.index("negative"), "what it is for comes first"
