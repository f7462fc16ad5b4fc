"""A function that does what a task asks is found by running it, however it is written."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from benchmarks.planting import rewritten
from benchmarks.rewritten import REWRITTEN
from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.decontam import behavioural
from curate.decontam.behavioural import Behavioural, imports
from curate.errors import UserError
from curate.files.shards import documents
from curate.sandbox.programs import Judgement, Trial, judge
from curate.stage import Context, Verdict

CONTEXT = Context("synthetic", 17, Path("nowhere"))
CHECK = "def check(candidate):\n    assert candidate([3, 1, 2], 2) == [1, 2]\n    assert candidate([5, 4], 1) == [4]\n"
WORDS = "Return the lowest numbers of a list, as many as wanted, in ascending order."
SOLVES = f'def lows(items, how_many):\n    """{WORDS}"""\n    return sorted(items)[:how_many]\n'


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    try:
        return {task.task_id: task for name in ("humaneval", "mbpp") for task in benchmarks.load(name)}
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], Behavioural]:
    """Return a stage with one task of its own, judged by the test given."""

    def stage(test: str = CHECK) -> Behavioural:
        prompt = f'def smallest(numbers, count):\n    """{WORDS}"""\n'
        solution = "    import heapq\n    return heapq.nsmallest(count, numbers)\n"
        row = {"task_id": "own/1", "prompt": prompt, "solution": solution, "entry_point": "smallest", "test": test}
        path = tmp_path / "own.jsonl"
        path.write_text(json.dumps(row) + "\n")
        return Behavioural(against=[str(path)])

    return stage


def run(stage: Behavioural, *texts: str) -> Verdict:
    shard = documents({"id": str(number), "text": text, "source": "test"} for number, text in enumerate(texts))
    return stage.judge(shard, CONTEXT)


def test_other_solutions_under_other_words_are_caught(tasks: dict[str, Task]) -> None:
    verdict = run(Behavioural(), *(rewritten(tasks[name], Random(1)) for name in REWRITTEN))
    names = verdict.evidence["task"].to_pylist()
    assert len(names) >= 30
    assert sum(name == own for name, own in zip(names, REWRITTEN, strict=True)) >= 0.65 * len(names)


def test_the_rewritten_solutions_are_solutions(tasks: dict[str, Task]) -> None:
    trials = []
    for name in REWRITTEN:
        source = rewritten(tasks[name], Random(1))
        function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
        trials.append(Trial(source, function.name, tasks[name].test))
    assert {result.verdict for result in judge(trials)} == {"pass"}


def test_a_drop_names_the_task_and_the_function(own: Callable[[], Behavioural]) -> None:
    wrong = SOLVES.replace("[:how_many]", "[how_many:]")
    verdict = run(own(), SOLVES, wrong, "prose alone", "")
    assert verdict.reasons.to_pylist() == ["benchmark behaviour", None, None, None]
    assert verdict.evidence["task"].to_pylist()[0] == "own/1"
    assert verdict.evidence["matched"].to_pylist()[0] == "def lows"
    assert verdict.metrics == {"trials": 2, "passes": 1, "vague": 0, "infra": 0}


def test_what_stands_around_a_function_does_not_decide(own: Callable[[], Behavioural]) -> None:
    code = f"import nowhere_to_be_found\n{SOLVES}\nassert lows([], 1)"
    lesson = f"# Sorting\n\nDon't panic. (It's easy:\n\n```python\n{code}\n```\n"
    helped = SOLVES.replace("sorted(items)", "ordered(items)") + "\n\ndef ordered(items):\n    return sorted(items)\n"
    unbound = f"def other(x=NOWHERE):\n    return x\n\n\ndef hinted(x: Nowhere) -> Nowhere: ...\n\n\n{SOLVES}"
    hinted = SOLVES.replace("(items, how_many)", "(items: 'List', how_many: Nowhere) -> nowhere.Array")
    modern = f"from __future__ import annotations\n\nimport json\n\n\n{SOLVES}"
    assert run(own(), lesson, helped, unbound, hinted, modern).reasons.null_count == 0


def test_a_copy_in_a_file_with_imports_from_the_future_is_caught(tasks: dict[str, Task]) -> None:
    task = tasks["HumanEval/0"]  # its prompt imports, and what is imported comes before the document's own imports
    copy = f"from __future__ import annotations\n\n{task.prompt}{task.solution}"
    assert run(Behavioural(), copy).evidence["task"].to_pylist() == ["HumanEval/0"]


def test_a_function_that_takes_other_arguments_is_not_tried(own: Callable[[], Behavioural]) -> None:
    assert run(own(), SOLVES.replace("items, how_many", "items, how_many, key")).metrics["trials"] == 0


def test_a_test_that_a_constant_passes_convicts_nobody(own: Callable[[str], Behavioural]) -> None:
    verdict = run(own("def check(candidate):\n    assert candidate([], 0) == []\n"), SOLVES)
    assert verdict.reasons.to_pylist() == [None]
    assert verdict.metrics["passes"] == verdict.metrics["vague"] == 1


def test_a_failure_of_the_sandbox_is_counted_and_drops_nothing(
    own: Callable[[], Behavioural], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Judgement("infra", "no room", 0.0, 0.0, 0.0)
    monkeypatch.setattr(behavioural, "judge", lambda trials, limits, together: (broken for _ in trials))
    verdict = run(own(), SOLVES)
    assert verdict.reasons.to_pylist() == [None]
    assert verdict.metrics["infra"] == 1


def test_only_the_standard_library_is_imported() -> None:
    text = (
        "from __future__ import annotations\nimport re, json\nfrom math import gcd\nimport numpy as np\n"
        "from . import x\nimport os, torch\nfrom here on\n"
    )
    assert imports(text) == "import re, json\nfrom math import gcd"
