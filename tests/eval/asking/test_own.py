"""Your own tasks and held-out exercises, asked as the known benchmarks are."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.errors import UserError
from curate.eval.asking.own import choose, named
from curate.eval.asking.protocols import PROTOCOLS
from curate.eval.code import EvalCode
from curate.eval.held_out import as_task, write_tasks
from curate.files.shards import write_shard
from curate.stage import Context

ADD: dict[str, Any] = {
    "task_id": "own/add",
    "prompt": 'def add(a, b):\n    """Add two numbers.\n\n    >>> add(1, 2)\n    3\n    """\n',
    "entry_point": "add",
    "solution": "    return a + b\n",
    "tests": ["assert add(2, 2) == 4", "assert add(-1, 1) == 0"],
}
WORDS = {"task_id": 1, "text": "Double a number.", "code": "def f(x):\n  return 2 * x", "tests": ["assert f(2) == 4"]}


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_file_is_asked_in_the_form_that_its_tasks_have(tmp_path: Path) -> None:
    code, words = write(tmp_path / "sums.jsonl", ADD), write(tmp_path / "words.jsonl", WORDS)
    assert (choose(code).name, choose(words).name) == ("sums@completion", "words@doc")
    assert choose(code).prompts(benchmarks.load(code)) == {"own/add": ADD["prompt"]}
    assert choose(words).prompts(benchmarks.load(words)) == {"1": '"""\nDouble a number.\nassert f(2) == 4\n"""\n'}
    assert choose(code).stop == PROTOCOLS["humaneval@completion"].stop
    assert choose(words).stop == PROTOCOLS["mbpp@doc-500"].stop


@pytest.mark.parametrize("form", ["doc", "doc-500", "doc-stripped", "completion-chat", "evalplus"])
def test_a_form_is_that_of_a_known_protocol(tmp_path: Path, form: str) -> None:
    protocol = choose(write(tmp_path / "sums.jsonl.gz".removesuffix(".gz"), ADD) + f"@{form}")
    assert protocol.name == f"sums@{form.removesuffix('-500')}"
    assert protocol.benchmark == "sums"


def test_a_task_with_a_prompt_can_be_asked_in_words_too(tmp_path: Path) -> None:
    path = write(tmp_path / "sums.jsonl", ADD)
    protocol, tasks = choose(f"{path}@doc"), benchmarks.load(path)
    prompt = protocol.prompts(tasks)["own/add"]
    assert str(prompt).startswith('"""\nAdd two numbers.')
    assert (
        protocol.program(tasks[0], prompt, "def add(a, b):\n    return a + b\n") == "def add(a, b):\n    return a + b\n"
    )
    assert protocol.continuation(tasks[0], prompt) == "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    ("row", "form", "line"),
    [
        (WORDS, "completion", "task '1' lacks `prompt`, which 'completion' needs; try .*tasks.jsonl@doc"),
        (
            {**ADD, "tests": None, "test": "def check(add):\n    assert add(1, 1) == 2"},
            "doc",
            "lacks `text` and `tests`",
        ),
        (ADD, "3shot", "no form '3shot' for a file of tasks"),
    ],
)
def test_a_form_that_the_tasks_do_not_allow_is_refused(
    tmp_path: Path, row: dict[str, Any], form: str, line: str
) -> None:
    path = write(tmp_path / "tasks.jsonl", {name: value for name, value in row.items() if value is not None})
    with pytest.raises(UserError, match=line):
        EvalCode(tasks=(f"{path}@{form}",)).check({})


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for name in ("nothing.jsonl", "nothing.jsonl@doc"):
        with pytest.raises(UserError, match=r"no benchmark and no file is called 'nothing\.jsonl'"):
            EvalCode(tasks=(name,)).check({})


def test_a_file_never_passes_for_a_known_benchmark(tmp_path: Path) -> None:
    assert choose(write(tmp_path / "humaneval.jsonl", ADD)).benchmark == "own-humaneval"
    assert not choose(write(tmp_path / "sums+.jsonl", ADD)).plus


def test_protocols_beside_a_file_say_how_it_is_asked() -> None:
    assert named(["a.jsonl"], ["humaneval@completion", "mbpp@doc-500"]) == ["a.jsonl@completion", "a.jsonl@doc-500"]
    assert named(["a.jsonl", "mbpp"], []) == ["a.jsonl", "mbpp"]
    assert named(["mbpp", "humaneval"], ["mbpp@3shot-500"]) == ["humaneval", "mbpp@3shot-500"]


def exercise(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"e{number}",
        "text": f'def add{number}(a: int) -> int:\n    """Add {number}.\n\n    >>> add{number}(1)\n    {number + 1}\n'
        f'    """\n    return a + {number}\n',
        "function_name": f"add{number}",
        "description": f"Add {number}.",
        "solution": f"    return a + {number}",
        "cases": [{"arguments": "1", "value": str(number + 1)}, {"arguments": "5", "value": str(number + 5)}],
        "tests": f"assert add{number}(1) == {number + 1}\nassert add{number}(5) == {number + 5}",
        "reason": "held out",
        **changes,
    }


def test_a_held_out_exercise_is_asked_as_its_text_stands_and_tested_on_what_it_does_not_show() -> None:
    task = as_task(exercise(7))
    assert task is not None
    assert task["prompt"] + task["solution"] == exercise(7)["text"]
    assert task["prompt"].endswith('"""\n')
    assert task["tests"] == ["assert add7(5) == 12"]
    shown = as_task(exercise(7, cases=[{"arguments": "1", "value": "8"}], tests="assert add7(1) == 8"))
    assert shown is not None
    assert shown["tests"] == ["assert add7(1) == 8"]


def test_what_cannot_be_asked_is_no_task(tmp_path: Path) -> None:
    assert as_task(exercise(7, text="Explained in prose.")) is None
    assert as_task(exercise(7, tests=None)) is None
    write_shard(pa.Table.from_pylist([exercise(1, reason="like held out")]), tmp_path / "dropped" / "0.parquet")
    with pytest.raises(UserError, match="held nothing out"):
        write_tasks(tmp_path, tmp_path / "exercises.jsonl")


def test_a_stage_asks_what_another_held_out_in_both_forms(tmp_path: Path, tiny: Path) -> None:
    from curate.progress import Progress

    rows = [exercise(n, reason="held out" if n % 2 else "like held out") for n in range(8)]
    write_shard(pa.Table.from_pylist(rows), tmp_path / "holdout" / "dropped" / "0.parquet")
    out = tmp_path / "score"
    out.mkdir()
    stage = EvalCode(tasks=(), held_out="apart", max_tokens=4)
    stage.check({})
    metrics = stage.run(Context("score", 17, out, {"base": tiny}, {"apart": tmp_path / "holdout"}), Progress())
    scores = {row["protocol"]: row for row in json.loads((out / "scores.json").read_text())}
    assert list(scores) == ["exercises@completion", "exercises@doc"]
    assert {row["n_tasks"] for row in scores.values()} == {4}
    assert all(row["ceiling"] == 1.0 and row["data"] == "exercises.jsonl" for row in scores.values())
    assert all(row["boundary"]["as_trained"] == 4 for row in scores.values())
    assert [row["benchmark"] for row in scores.values()] == list(scores)  # a column of its own for each form
    assert metrics["exercises@doc_pass_at_1"] == 0
    assert 5 < metrics["exercises@completion_bits_per_byte"] < 11


def test_nothing_to_ask_is_refused() -> None:
    with pytest.raises(UserError, match="nothing is asked"):
        EvalCode(tasks=()).check({})
