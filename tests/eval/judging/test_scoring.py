"""Scoring: a verdict for every sample, nothing lost, nothing counted twice, and bad input named by its line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task, load
from curate.errors import UserError
from curate.eval.judging import scoring
from curate.eval.judging.scoring import Checks, Result, Sample, counts, estimates, judge_samples, score, summary_text
from curate.files.shards import read_jsonl
from curate.sandbox.programs import Judgement, Trial
from curate.table.leaderboard import table_text

DOUBLE = {
    "task_id": "own/double",
    "prompt": "def double(x):\n",
    "entry_point": "double",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
NODE = {
    "task_id": "own/node",
    "entry_point": "value",
    "tests": ["assert value(one) == 1", "assert value(Node(2)) == 2"],
    "setup": "one = Node(1)",
}
RIGHT = [
    {"task_id": "own/double", "completion": "    return x * 2\n"},
    {
        "task_id": "own/node",
        "solution": "class Node:\n    def __init__(self, x): self.x = x\ndef value(n): return n.x\n",
    },
]


def write(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def silent(line: str) -> None:
    """Is told the self-check."""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    return write(tmp_path / "tasks.jsonl", [DOUBLE, NODE])


def verdicts(path: Path) -> list[tuple[str, int, str]]:
    return [(row["task_id"], row["index"], row["verdict"]) for row in read_jsonl(path)]


def test_completions_and_solutions_get_their_verdicts(tmp_path: Path, tasks: Path) -> None:
    wrong = {"task_id": "own/double", "solution": "def double(x): return x + 1"}
    broken = {"task_id": "own/double", "completion": "    return ("}
    absent = {"task_id": "own/double", "solution": "x = 1"}
    samples = write(tmp_path / "samples.jsonl", [*RIGHT, wrong, broken, absent])
    out = tmp_path / "out" / "results.jsonl"
    text = score(samples, str(tasks), out, workers=1, say=silent)
    assert verdicts(out) == [
        ("own/double", 0, "pass"),
        ("own/node", 0, "pass"),
        ("own/double", 1, "wrong"),
        ("own/double", 2, "syntax"),
        ("own/double", 3, "missing"),
    ]
    keys = {"task_id", "index", "verdict", "detail", "cpu_s", "wall_s", "peak_mb"}
    assert all(set(row) == keys for row in read_jsonl(out))
    assert "pass@1 62.5%" in text and "pass 2, wrong 1, syntax 1, missing 1" in text


def test_odd_sources_get_a_verdict(tmp_path: Path, tasks: Path) -> None:
    odd = ["\0", "\ud800", "x = '" + "a" * 2_000_000 + "'", "", "def double(x):\r\n    return 'ß'\r\n"]
    rows = [{"task_id": "own/double", "solution": source} for source in odd]
    out = tmp_path / "results.jsonl"
    score(write(tmp_path / "samples.jsonl", [*rows, RIGHT[1]]), str(tasks), out, workers=1, say=silent)
    assert [verdict for *_, verdict in verdicts(out)] == ["syntax", "syntax", "missing", "missing", "wrong", "pass"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "not JSON"),
        ({"task_id": "own/triple", "completion": ""}, "unknown task_id 'own/triple'"),
        ({"completion": ""}, "unknown task_id 'None'"),
        ({"task_id": "own/node"}, "exactly one of"),
        ({"task_id": "own/node", "completion": "", "solution": ""}, "exactly one of"),
        ({"task_id": "own/node", "solution": 1}, "a string"),
        ({"task_id": "own/node", "solution": "", "index": -1}, "index -1"),
        ({"task_id": "own/node", "solution": "", "index": True}, "index True"),
        ({"task_id": "own/node", "solution": "", "index": 0}, "sample 0 of own/node is there twice"),
    ],
)
def test_a_malformed_sample_is_named_by_its_line(tmp_path: Path, tasks: Path, row: Any, complaint: str) -> None:
    samples = write(tmp_path / "samples.jsonl", [*RIGHT, row])
    with pytest.raises(UserError) as error:
        score(samples, str(tasks), tmp_path / "results.jsonl", say=silent)
    assert f"{samples}, line 3: " in str(error.value) and complaint in str(error.value)
    assert not (tmp_path / "results.jsonl").exists()


def test_a_task_without_a_sample_is_refused(tmp_path: Path, tasks: Path) -> None:
    samples = write(tmp_path / "samples.jsonl", RIGHT[:1])
    with pytest.raises(UserError, match="no sample for 1 of the tasks, the first is own/node"):
        score(samples, str(tasks), tmp_path / "results.jsonl", say=silent)


def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path, tasks: Path) -> None:
    samples = write(tmp_path / "samples.jsonl", RIGHT)
    before = samples.read_bytes()
    with pytest.raises(UserError, match="is no results file of this tool"):
        score(samples, str(tasks), samples, say=silent)
    assert samples.read_bytes() == before


class Judge:
    """Stands in for the sandbox where a test counts what is asked of it: programs that say `pass` pass."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dies_after: int | None = None
        self.broken = False

    def __call__(self, trials: Iterable[Trial], *, workers: int, allow_weak: bool) -> Iterator[Judgement]:
        for trial in trials:
            if self.dies_after is not None and len(self.asked) >= self.dies_after:
                raise KeyboardInterrupt
            self.asked.append(trial.source)
            verdict = "infra" if self.broken else "pass" if "pass" in trial.source else "wrong"
            yield Judgement(verdict, "", 0.1, 0.1, 9.0)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Judge:
    stand_in = Judge()
    monkeypatch.setattr(scoring, "judge", stand_in)
    monkeypatch.setattr(scoring, "isolation_level", lambda: "none")
    return stand_in


TASK = Task("t", "own", "f", "def check(candidate): assert candidate()")
TESTS = Checks({"t": TASK})
SAMPLES = [Sample("t", index, f"pass {index}" if index % 2 else f"no {index}") for index in range(6)]


def test_after_a_crash_only_what_is_missing_is_judged(tmp_path: Path, sandbox: Judge) -> None:
    whole = judge_samples(SAMPLES, TESTS, tmp_path / "whole.jsonl")
    out = tmp_path / "results.jsonl"
    sandbox.asked.clear()
    sandbox.dies_after = 4
    with pytest.raises(KeyboardInterrupt):
        judge_samples(SAMPLES, TESTS, out)
    out.write_bytes(out.read_bytes()[:-20])  # the last line is torn
    sandbox.dies_after = None
    sandbox.asked.clear()
    assert judge_samples(SAMPLES, TESTS, out) == whole
    assert sandbox.asked == [sample.program for sample in SAMPLES[3:]]
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    sandbox.asked.clear()
    assert judge_samples(SAMPLES, TESTS, out) == whole
    assert sandbox.asked == []


def test_other_samples_or_tests_are_judged_afresh(tmp_path: Path, sandbox: Judge) -> None:
    out = tmp_path / "results.jsonl"
    judge_samples(SAMPLES, TESTS, out)
    sandbox.asked.clear()
    judge_samples([*SAMPLES[:-1], Sample("t", 5, "changed")], TESTS, out)
    assert len(sandbox.asked) == 6
    sandbox.asked.clear()
    other = Task("t", "own", "f", "def check(candidate): assert not candidate()")
    judge_samples([*SAMPLES[:-1], Sample("t", 5, "changed")], Checks({"t": other}), out)
    assert len(sandbox.asked) == 6
    assert len(list(read_jsonl(out))) == 6


def test_a_harness_failure_is_judged_again_and_never_counted(tmp_path: Path, sandbox: Judge) -> None:
    out = tmp_path / "results.jsonl"
    sandbox.broken = True
    failed = judge_samples(SAMPLES[:2], TESTS, out)
    with pytest.raises(UserError, match="none of the 2 samples could be judged"):
        estimates(failed)
    sandbox.broken = False
    assert [result.verdict for result in judge_samples(SAMPLES[:2], TESTS, out)] == ["wrong", "pass"]
    assert len(list(read_jsonl(out))) == 2


def result(task_id: str, index: int, verdict: str) -> Result:
    return Result(task_id, index, verdict, "", 0.0, 0.0, 0.0)


def test_infra_lowers_no_score_and_is_reported() -> None:
    results = [result("a", 0, "pass"), result("a", 1, "infra"), result("b", 0, "infra"), result("c", 0, "wrong")]
    assert counts(results) == [(1, 1), (1, 0)]
    assert estimates(results)[0].value == 0.5
    assert "2 samples could not be judged and are not counted, the first is sample 1 of a" in summary_text(results)


def test_a_test_that_never_calls_its_candidate_is_named_and_gives_no_score(tmp_path: Path) -> None:
    tasks = write(tmp_path / "tasks.jsonl", [DOUBLE | {"test": "def check(double):\n    double\n"}])
    samples = write(tmp_path / "samples.jsonl", RIGHT[:1])
    with pytest.raises(UserError, match=r"the first is sample 0 of own/double \(the test never called the candidate\)"):
        score(samples, str(tasks), tmp_path / "results.jsonl", workers=1, say=silent)


def test_pass_at_10_is_given_where_every_task_has_ten_samples() -> None:
    ten = [result("a", index, "pass" if index == 0 else "wrong") for index in range(10)]
    assert [each.k for each in estimates(ten)] == [1, 10]
    assert [each.k for each in estimates([*ten, result("b", 0, "pass")])] == [1]


TRAPS = {f"Mbpp/{number}" for number in (126, 367, 601, 927)}
"""A function called `sum`; objects made by the setup; a class used by the tests; setup again."""


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_reference_solutions_pass(tmp_path: Path, name: str) -> None:
    """All of HumanEval; of MBPP every twelfth task and the odd ones (all 974 pass, in 40 s on two busy cores)."""
    if benchmarks._file(benchmarks.BENCHMARKS[name]) is None:
        pytest.skip(f"{name} is not on this machine; set CURATE_BENCHMARKS")
    tasks = {
        task.task_id: task
        for place, task in enumerate(load(name))
        if name == "humaneval" or place % 12 == 0 or task.task_id in TRAPS
    }
    samples = [Sample(task.task_id, 0, f"{task.prompt}{task.solution}") for task in tasks.values()]
    results = judge_samples(samples, Checks(tasks), tmp_path / "results.jsonl")
    assert [result for result in results if result.verdict != "pass"] == []
    assert len(results) >= 80


def test_what_was_scored_enters_the_table_under_a_name_and_two_of_them_can_be_compared(
    tmp_path: Path, tasks: Path
) -> None:
    wrong = [{"task_id": "own/double", "solution": "def double(x): return x + 1"}, RIGHT[1]]
    places = [tmp_path / "before.jsonl", tmp_path / "after.jsonl"]
    for rows, out in zip([wrong, RIGHT], places, strict=True):
        given = write(tmp_path / "samples.jsonl", rows)
        score(
            given, str(tasks), out, name=f"mine {out.stem}", parameters=1.3e9, dataset_tokens=7e9, workers=1, say=silent
        )
    text = table_text(places)
    assert "| mine before | 1.3B | 7B |" in text and "| mine after | 1.3B | 7B |" in text
    assert "50.0" in text and "100.0" in text and "tasks.jsonl@given" in text
    compared = table_text(places, diff=True)
    assert "first   mine before   50.0" in compared and "second  mine after   100.0" in compared
    assert "gained 1 (only mine after passes): own/double" in compared
    score(given, str(tasks), places[1], workers=1, say=silent)  # judged already: only the name is new
    assert "| samples |" in table_text(places)
