"""Benchmarks: every problem gets one shape, and what is missing or malformed is said in one line."""

import gzip
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task, digest, load
from curate.errors import UserError
from curate.sandbox.programs import Trial, judge

ADD = {
    "task_id": "own/add",
    "prompt": 'def add(a, b):\n    """Add two numbers."""\n',
    "entry_point": "add",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
    "canonical_solution": "    return a + b\n",
}
PAIR = {
    "task_id": 7,
    "text": "Write a function to sum a pair.",
    "code": "class Pair:\r\n    x = 1\r\ndef total(pair):\r\n    return pair.x + 1",
    "tests": ["assert total(Pair()) == 2", "assert (total(one)) == 2"],
    "setup": "one = Pair()\r\n",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered here is remembered for one test alone."""
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    benchmarks._tasks.cache_clear()
    benchmarks._digest.cache_clear()


def write(path: Path, *rows: Any) -> Path:
    lines = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


def found(name: str) -> list[Task]:
    """Load a benchmark without asking the network, or skip where it is not installed."""
    if benchmarks._file(benchmarks.BENCHMARKS[name]) is None:
        pytest.skip(f"{name} is not on this machine; set CURATE_BENCHMARKS")
    return load(name)


def passes(task: Task, program: str) -> bool:
    """Run a trusted program against a task, the way a Task says it is done."""
    names: dict[str, Any] = {}
    for source in (program, task.setup, task.test):
        exec(source, names)
    try:
        names["check"](names[task.entry_point])
    except AssertionError:
        return False
    return True


def test_humaneval_has_164_whole_tasks() -> None:
    tasks = found("humaneval")
    assert len({task.task_id for task in tasks}) == 164
    assert all(task.text and task.solution and f"def {task.entry_point}(" in task.prompt for task in tasks)


def test_mbpp_has_974_tasks_of_which_500_are_the_test_split() -> None:
    tasks = found("mbpp")
    assert Counter(task.split for task in tasks) == {"prompt": 10, "test": 500, "validation": 90, "train": 374}
    assert tasks[10].task_id == "Mbpp/11" and tasks[10].split == "test"
    assert tasks[509].split == "test" and tasks[510].split == "validation"
    assert not any("\r" in (task.solution or "") + task.setup for task in tasks)
    assert [task.task_id for task in tasks if task.setup] == ["Mbpp/367", "Mbpp/927"]


def test_a_task_in_humanevals_shape_passes_with_its_reference_and_fails_without(tmp_path: Path) -> None:
    (task,) = load(write(tmp_path / "tasks.jsonl", ADD))
    assert task.text == "Add two numbers." and task.benchmark == "tasks.jsonl"
    assert passes(task, f"{task.prompt}{task.solution}")
    assert not passes(task, f"{task.prompt}    return a - b\n")


def test_a_list_of_asserts_becomes_a_check_of_the_candidate(tmp_path: Path) -> None:
    (task,) = load(write(tmp_path / "tasks.jsonl.gz", PAIR))
    assert (task.task_id, task.entry_point) == ("7", "total")
    assert passes(task, str(task.solution))
    assert not passes(task, "class Pair:\n    x = 2\ndef total(pair):\n    return pair.x + 1")


def test_the_entry_point_may_shadow_a_builtin_if_the_solution_defines_it(tmp_path: Path) -> None:
    row = {"task_id": "s", "code": "def sum(a, b):\n    return a + b", "tests": ["assert sum(1, 2) == abs(-3)"]}
    (task,) = load(write(tmp_path / "tasks.jsonl", row))
    assert task.entry_point == "sum"
    assert passes(task, str(task.solution))


def test_the_entry_point_is_found_without_a_solution(tmp_path: Path) -> None:
    row = {"task_id": "s", "tests": ["assert set(f([1])) == set([1])", "assert len(f([])) == 0"]}
    (task,) = load(write(tmp_path / "tasks.jsonl", row))
    assert (task.entry_point, task.solution) == ("f", None)


def test_a_function_of_the_prompt_that_the_test_calls_comes_with_the_test(tmp_path: Path) -> None:
    helper = "import math\n\ndef half(x):\n    return math.floor(x / 2)\n\n"
    row = {
        "task_id": "T/1",
        "prompt": helper + 'def f(x):\n    """Double it."""\n',
        "entry_point": "f",
        "test": "def check(candidate):\n    assert half(candidate(3)) == 3\n",
    }
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(row))
    (task,) = load(path)
    cheat = "def half(x):\n    return 3\n\ndef f(x):\n    return 0\n"
    trials = [Trial(task.prompt + "    return 2 * x\n", "f", task.test), Trial(cheat, "f", task.test)]
    assert [(each.verdict, each.detail[:10]) for each in judge(trials, allow_weak=True)] == [
        ("pass", ""),
        ("wrong", " (test lin"),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "list instead of an object"),
        ({**ADD, "task_id": None}, "task_id None"),
        ({**ADD, "task_id": True}, "task_id True"),
        ({**ADD, "test": "def check(candidate) assert"}, "not Python"),
        ({**ADD, "test": "assert add(1, 2) == 3"}, "does not define check"),
        ({**ADD, "test": "def check(candidate):\n    pass"}, "never calls 'add'"),
        ({**ADD, "entry_point": "a b", "test": ADD["test"]}, "'a b' is not a name"),
        ({**ADD, "entry_point": "class"}, "'class' is not a name"),
        ({**ADD, "prompt": "x = '\ud800'"}, "prompt holds a lone surrogate, '\\ud800'"),
        ({**ADD, "task_id": "\ud800"}, "task_id holds a lone surrogate"),
        ({**PAIR, "entry_point": "average"}, "none of the tests calls 'average'"),
        ({**ADD, "prompt": 3}, "prompt is int"),
        ({"task_id": "x"}, "needs `entry_point` and `test`"),
        ({"task_id": "x", "tests": "assert f() == 1"}, "not a list of strings"),
        ({"task_id": "x", "tests": ["assert f() == 1", "assert g() == 1"]}, "no function is called by every test"),
        ({"task_id": "x", "tests": ["assert f( == 1"]}, "not Python"),
        (ADD, "is there twice"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(tmp_path: Path, row: Any, complaint: str) -> None:
    path = write(tmp_path / "tasks.jsonl", ADD, row)
    with pytest.raises(UserError) as error:
        load(path)
    assert f"{path}, line 2: " in str(error.value)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_empty_or_broken_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'humaneval'"):
        load("humanevel")
    with pytest.raises(UserError, match="holds no tasks"):
        load(write(tmp_path / "empty.jsonl"))
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(json.dumps(ADD).encode())[:-9])
    with pytest.raises(UserError, match="cannot read"):
        load(tmp_path / "torn.jsonl.gz")


def test_a_benchmark_file_with_rows_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "HumanEval.jsonl.gz", ADD)
    monkeypatch.setenv("CURATE_BENCHMARKS", str(tmp_path))
    with pytest.raises(UserError, match=r"1 rows of humaneval, 164 are needed"):
        load("humaneval")
    monkeypatch.setenv("CURATE_BENCHMARKS", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="which is no folder"):
        load("humaneval")


def test_a_benchmark_that_is_nowhere_is_reported_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURATE_BENCHMARKS", str(tmp_path))
    monkeypatch.setattr(benchmarks, "unreachable_hub", lambda: "nobody answers")
    with pytest.raises(UserError, match=r"'mbpp' was not found: set CURATE_BENCHMARKS .* mbpp\.jsonl.*nobody answers"):
        load("mbpp")
    with pytest.raises(UserError, match=r"'mbpp\+' was not found: .*evalplus.*not on the hub"):
        load("mbpp+")


def test_without_a_network_the_answer_comes_within_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CURATE_BENCHMARKS", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://192.0.2.1")  # an address of documentation, which nobody answers
    started = time.monotonic()
    with pytest.raises(UserError, match=r"mbpp\.jsonl.*192\.0\.2\.1"):
        load("mbpp")
    assert time.monotonic() - started < 2


def test_a_benchmark_that_was_found_once_needs_neither_its_folder_nor_the_network_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, known = found("mbpp"), digest("mbpp")
    monkeypatch.delenv("CURATE_BENCHMARKS", raising=False)
    monkeypatch.setattr(benchmarks, "unreachable_hub", lambda: "nobody answers")
    assert known == benchmarks.BENCHMARKS["mbpp"].sha256
    assert (load("mbpp"), digest("mbpp")) == (tasks, known)
    kept = tmp_path / "cache" / "benchmarks" / "mbpp" / f"{known}.jsonl"
    kept.write_bytes(kept.read_bytes()[:-100])  # damaged: as if it were not there
    with pytest.raises(UserError, match="was not found"):
        load("mbpp")


def test_a_file_of_other_rows_is_read_but_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mbpp.jsonl", *({**PAIR, "task_id": number} for number in range(1, 975)))
    monkeypatch.setenv("CURATE_BENCHMARKS", str(tmp_path))
    assert len(load("mbpp")) == 974
    monkeypatch.delenv("CURATE_BENCHMARKS")
    monkeypatch.setattr(benchmarks, "unreachable_hub", lambda: "nobody answers")
    with pytest.raises(UserError, match="was not found"):
        load("mbpp")


def test_the_digest_sees_the_rows_and_not_their_packing(tmp_path: Path) -> None:
    reordered = dict(reversed(ADD.items()))
    plain = digest(write(tmp_path / "a.jsonl", ADD, PAIR))
    assert digest(write(tmp_path / "b.jsonl.gz", reordered, "", PAIR)) == plain
    assert digest(write(tmp_path / "c.jsonl", {**ADD, "prompt": ADD["prompt"] + " "}, PAIR)) != plain


def test_rows_from_the_hub_give_the_digest_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**PAIR, "task_id": number} for number in range(1, 975)]
    write(tmp_path / "mbpp.jsonl", *rows)
    monkeypatch.setenv("CURATE_BENCHMARKS", str(tmp_path))
    from_file, tasks = digest("mbpp"), load("mbpp")
    monkeypatch.delenv("CURATE_BENCHMARKS")
    asked: list[str] = []
    monkeypatch.setattr(benchmarks, "_from_hub", lambda name: asked.append(name) or tuple(rows))
    assert digest("mbpp") == from_file
    assert load("mbpp") == tasks
    assert asked == ["mbpp"], "the second time the cache folder has it"
