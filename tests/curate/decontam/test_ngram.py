"""Benchmark problems are found in documents, and nothing else is."""

import ast
import html
import json
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.benchmarks.catalogue import Task
from curate.decontam.behavioural import Behavioural
from curate.decontam.disguise import hidden, without_numbers
from curate.decontam.ngram import NGram, passages
from curate.decontam.structure import Structure
from curate.decontam.tasks import Against
from curate.errors import UserError
from curate.files.shards import documents
from curate.stage import Context, Verdict
from curate.text.buffers import text_buffers

BEFORE = "import os\n\n\nclass Unrelated:\n    def run(self):\n        return os.getcwd()\n\n\n"
AFTER = "\n\n\nif __name__ == '__main__':\n    print(Unrelated().run())\n"
CONTEXT = Context("clean", 17, Path("nowhere"))


def judge(texts: list[str], stage: Against | None = None) -> Verdict:
    shard = documents({"id": str(number), "text": text, "source": "test"} for number, text in enumerate(texts))
    return (stage or NGram()).judge(shard, CONTEXT)


def caught(texts: list[str]) -> float:
    """Return the share of texts that are dropped."""
    return 1 - judge([BEFORE + text + AFTER for text in texts]).reasons.null_count / len(texts)


def program(task: Task) -> str:
    return task.prompt + (task.solution or "")


def bare(task: Task) -> str:
    """Return the program through the parser and back, its docstrings taken out: all layout and comments are lost."""
    tree = ast.parse(program(task))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def squeezed(task: Task) -> str:
    """Return the program with one blank for every run of whitespace: no longer Python, still the problem."""
    return " ".join(program(task).split())


@pytest.mark.parametrize(
    ("copy", "least"),
    [
        (program, 0.94),
        (squeezed, 0.94),
        (bare, 0.91),
        (lambda task: f'"""{task.text}"""', 0.98),
        (lambda task: json.dumps({"text": task.text, "code": program(task)}, indent=1), 0.8),
    ],
    ids=["as published", "all on one line", "without comments and docstrings", "the statement alone", "as JSON"],
)
def test_planted_copies_are_caught(tasks: list[Task], copy: Callable[[Task], str], least: float) -> None:
    assert caught([copy(task) for task in tasks]) >= least


def test_a_copy_is_dropped_for_its_own_task_or_one_with_the_same_words(tasks: list[Task]) -> None:
    names = judge([program(task) for task in tasks]).evidence["task"].to_pylist()
    own = sum(task.task_id == name for task, name in zip(tasks, names, strict=True))
    assert own >= 0.97 * sum(name is not None for name in names)


def test_humaneval_is_caught_by_its_prompt_alone(tasks: list[Task]) -> None:
    humaneval = [task for task in tasks if task.benchmark == "humaneval"]
    assert caught([task.prompt + "    ...\n" for task in humaneval]) == 1


def test_a_renamed_function_is_still_caught(tasks: list[Task]) -> None:
    humaneval = [task for task in tasks if task.benchmark == "humaneval"]
    renamed = [program(task).replace(task.entry_point, "renamed") for task in humaneval]
    assert caught(renamed) >= 0.95


def test_the_standard_library_is_left_alone(tasks: list[Task]) -> None:
    texts = [path.read_text("utf-8", "replace") for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py"))]
    assert len(texts) > 500
    dropped = len(texts) - judge(texts).reasons.null_count
    assert dropped < 0.001 * len(texts) + 1


def test_the_problems_of_one_benchmark_do_not_count_as_those_of_the_other(tasks: list[Task]) -> None:
    mbpp = [f"{task.text}\n{program(task)}" for task in tasks if task.benchmark == "mbpp"]
    assert judge(mbpp, NGram(against=["humaneval"])).reasons.null_count == len(mbpp)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a task file with one long and one short problem."""
    rows = [
        {
            "task_id": "own/1",
            "prompt": 'def blend(paints, ratio):\n    """Mix the first paint with the second in the given ratio."""\n',
            "solution": "    first, second = paints\n"
            "    return [ratio * a + (1 - ratio) * b for a, b in zip(first, second)]\n",
            "entry_point": "blend",
            "test": "def check(candidate):\n    assert candidate([[1], [0]], 1) == [1]\n",
        },
        {
            "task_id": "own/2",
            "prompt": "def halve(number):\n",
            "solution": "    return number / 2\n",
            "entry_point": "halve",
            "test": "def check(candidate):\n    assert candidate(2) == 1\n",
        },
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_drop_names_its_task_and_the_share_of_it_that_was_found(own: Path) -> None:
    solution = "first, second = paints\nreturn [ratio * a + (1 - ratio) * b for a, b in zip(first, second)]"
    verdict = judge([solution, "first, second = paints", ""], NGram(against=[str(own)]))
    assert verdict.reasons.to_pylist() == ["benchmark overlap", None, None]
    assert verdict.evidence["task"].to_pylist() == ["own/1", None, None]
    assert verdict.evidence["score"].to_pylist() == [1.0, None, None]
    shown = verdict.evidence["task_text"].to_pylist()
    assert "first, second = paints" in shown[0] and shown[1:] == [None, None]


def test_a_short_program_must_stand_there_whole(own: Path) -> None:
    texts = ["def halve(number): return number / 2", "def halve(number): return number / 3", "return number / 2"]
    verdict = judge(texts, NGram(against=[str(own)]))
    assert verdict.reasons.to_pylist() == ["benchmark overlap", None, None]


def test_a_passage_of_too_few_words_is_left_out() -> None:
    task = Task("t/1", "own", "f", "", prompt="def f(x):\n", solution="    return x\n", text="Return the argument.")
    assert list(passages(task)) == []


def test_a_changed_benchmark_changes_the_fingerprint(own: Path) -> None:
    stage = NGram(against=[str(own)])
    before = stage.fingerprint()
    own.write_text(own.read_text().replace("halve", "bisect"))
    assert stage.fingerprint() != before
    assert judge(["def bisect(number): return number / 2"], stage).reasons.null_count == 0


def test_a_benchmark_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"humanevil.*did you mean 'humaneval'"):
        NGram(against=["humanevil"]).check({})


def test_a_shard_without_rows_is_no_mistake(own: Path) -> None:
    verdict = NGram(against=[str(own)]).judge(documents([]), CONTEXT)
    assert len(verdict.reasons) == 0
    assert pa.types.is_float64(verdict.evidence["score"].type)


RULES = (NGram, Structure, Behavioural)


@pytest.fixture
def bare_task(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a way to write a file of one task of few words."""

    def write(prompt: str = "def f(x):\n", **columns: str) -> list[str]:
        test = "def check(candidate):\n    assert candidate(1) == 2\n"
        path = tmp_path / "bare.jsonl"
        path.write_text(json.dumps({"task_id": "t/1", "prompt": prompt, "entry_point": "f", "test": test, **columns}))
        return [str(path)]

    return write


@pytest.mark.parametrize("rule", RULES)
def test_tasks_that_nothing_can_be_recognised_by_are_said_before_anything_runs(
    rule: type[Against], bare_task: Callable[..., list[str]]
) -> None:
    with pytest.raises(UserError, match=r"no task of '.*bare\.jsonl' has a .*; leave it out or use another rule"):
        rule(against=bare_task()).check({})


@pytest.mark.parametrize("rule", RULES)
def test_tasks_of_which_little_is_known_are_no_mistake(
    rule: type[Against], bare_task: Callable[..., list[str]]
) -> None:
    """Without a word of documentation there is nothing to be near to, without a long solution no shape."""
    for against in (
        bare_task(solution="    return x + 1  # and four more words\n"),
        bare_task('def f(x):\n    """Add one to a number and give back the sum."""\n', solution="    return x + 1\n"),
    ):
        stage = rule(against=against)
        stage.check({})
        assert judge(["def g(x):\n    return x + 7\n", ""], stage).reasons.to_pylist() == [None, None]


def lines_of(task: Task) -> list[str]:
    return program(task).splitlines(keepends=True)


def row_of(task: Task) -> str:
    return json.dumps({"task_id": task.task_id, "prompt": task.prompt, "canonical_solution": task.solution})


DISGUISES: dict[str, Callable[[Task], str]] = {
    "a literal": lambda task: f"PROMPT = {program(task)!r}\n",
    "bytes": lambda task: f"PROMPT = {program(task).encode()!r}\n",
    "one literal a line": lambda task: "PROMPT = (\n" + "".join(f"    {line!r}\n" for line in lines_of(task)) + ")\n",
    "a list of lines": lambda task: "LINES = [\n" + "".join(f"    {line!r},\n" for line in lines_of(task)) + "]\n",
    "a row of JSON": lambda task: f"TASKS = [{row_of(task)}]\n",
    "a row in a literal": lambda task: f"ROW = {row_of(task)!r}\n",
    "a row in a row": lambda task: json.dumps({"row": row_of(task)}) + "\n",
    "line numbers": lambda task: "".join(f"# {at:3} {line}" for at, line in enumerate(lines_of(task), 1)) + "\n",
    "line numbers in a literal": lambda task: (
        repr("".join(f"{at}| {line}" for at, line in enumerate(lines_of(task), 1))) + "\n"
    ),
    "HTML": lambda task: f'"""\n<pre>{html.escape(program(task))}</pre>\n"""\n',
    "HTML in a literal": lambda task: f"PAGE = {f'<pre>{html.escape(program(task))}</pre>'!r}\n",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_problem_in_disguise_is_found_as_it_is_found_bare(disguise: str, tasks: list[Task]) -> None:
    some = tasks[::3]
    for rule, least in ((NGram(), 0.99), (Structure(), 0.97)):
        bare_ones = judge([BEFORE + program(task) + AFTER for task in some], rule).reasons.is_valid()
        found = judge([BEFORE + DISGUISES[disguise](task) + AFTER for task in some], rule).reasons.is_valid()
        both = sum(one and other for one, other in zip(bare_ones.to_pylist(), found.to_pylist(), strict=True))
        assert both >= least * sum(bare_ones.to_pylist())


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("x = 'a\\nb'\n", "a\nb\n"),
        ("x = ('a\\n'\n     \"b\" 'c')\n", "a\nbc\n"),
        ("x = ['a\\n', 'b', 'c']\n", "a\nb\nc\n"),
        ("x = b'a\\tb\\n' # it's 'c\\n'\n", "a\tb\n"),
        ("x = '''a\nb''' + f(y) + 'c\\nd'\n", "c\nd\n"),
        ("x = '\\x64\\u00e9\\\"\\n\\q'\n", 'dé"\n\\q\n'),
        ("x = r'a\\nb'; y = 1\n", "a\\nb\n"),
        ("x = 'a' 'b'\n", ""),
        ("don't\nx = 'a\\nb\nc'\n", "a\nb\n"),
        ("x = '''never closed\\n", ""),
        ("x = 'a\\", ""),
        ("'", ""),
        ("", ""),
    ],
)
def test_literals_are_read_as_the_strings_that_they_are(text: str, strings: str) -> None:
    found = hidden(*text_buffers(documents([{"id": "a", "text": text, "source": "t"}]).column("text")), escaped=True)
    first = found.data[found.offsets[0] : found.offsets[min(1, len(found.rows))]].tobytes().decode()
    assert first == strings


def test_only_numbers_that_count_lines_are_taken_away() -> None:
    text = b"1: a\n2: b\n\n7 c\n1990 d\n[3] e\n[4]  f\n   12\tg\n   13\t\n   14\t    h"
    assert without_numbers(text) == b"a\nb\ne\n f\ng\n\n    h\n"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="'\"\\nrbx0u4#\n,+( 1&;<", max_size=40))
def test_no_text_can_harm_the_reading_of_literals(text: str) -> None:
    found = hidden(*text_buffers(documents([{"id": "a", "text": text, "source": "t"}]).column("text")), escaped=False)
    assert found.offsets[-1] <= 8 * len(text) + 64 and set(found.rows.tolist()) <= {0}
