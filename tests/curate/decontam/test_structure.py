"""Copies of a solution with other names, layout or words are found by their shape, and other functions are not."""

import ast
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.paraphrases import PARAPHRASES
from benchmarks.planting import plant, program, reformatted, renamed
from curate.benchmarks.catalogue import Task
from curate.decontam.lexer import COLUMNS, FIRST_BYTE, LAST_BYTE, lex
from curate.decontam.ngram import NGram
from curate.decontam.prose import stem
from curate.decontam.shapes import edit_similarity
from curate.decontam.structure import Structure
from curate.decontam.tasks import Against
from curate.files.shards import documents
from curate.stage import Context, Verdict
from curate.text.trees import Function, function_in, labels

CONTEXT = Context("clean", 17, Path("nowhere"))
LIBRARY = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


@pytest.fixture(scope="module")
def carriers() -> list[str]:
    return [text for path in LIBRARY if 0 < len(text := path.read_text("utf-8", "replace")) < 20_000]


@pytest.fixture(scope="module")
def planted(tasks: list[Task], carriers: list[str]) -> Callable[[str], tuple[list[Task], list[str]]]:
    """Tasks and texts that hold a copy of each, by kind."""

    @cache
    def made(kind: str) -> tuple[list[Task], list[str]]:
        pairs = plant(tasks, kind, carriers)
        return [task for task, _ in pairs], [text for _, text in pairs]

    return made


@pytest.fixture(scope="module")
def found_in(planted: Callable[[str], tuple[list[Task], list[str]]]) -> Callable[[str], list[str | None]]:
    """The task of which a copy was found in each of those texts, by kind."""
    return cache(lambda kind: judge(planted(kind)[1]).evidence["task"].to_pylist())


def judge(texts: list[str], stage: Against | None = None) -> Verdict:
    shard = documents({"id": str(number), "text": text, "source": "test"} for number, text in enumerate(texts))
    return (stage or Structure()).judge(shard, CONTEXT)


def dropped(texts: list[str], stage: Against | None = None) -> list[bool]:
    return [reason is not None for reason in judge(texts, stage).reasons.to_pylist()]


@pytest.mark.parametrize(
    ("kind", "least"), [("copy", 0.93), ("reformatted", 0.93), ("renamed", 0.92), ("paraphrased", 0.94)]
)
def test_planted_copies_are_caught_for_their_own_task(
    planted: Callable[[str], tuple[list[Task], list[str]]],
    found_in: Callable[[str], list[str | None]],
    kind: str,
    least: float,
) -> None:
    (copied, _), names = planted(kind), found_in(kind)
    assert len(copied) >= 40
    assert sum(name is not None for name in names) >= least * len(copied)
    assert sum(name == task.task_id for name, task in zip(names, copied, strict=True)) >= 0.9 * len(copied)


def test_both_rules_together_miss_no_copy_that_keeps_its_names(
    planted: Callable[[str], tuple[list[Task], list[str]]], found_in: Callable[[str], list[str | None]]
) -> None:
    for kind in ("copy", "reformatted"):
        _, texts = planted(kind)
        by_shape = [name is not None for name in found_in(kind)]
        assert sum(map(max, by_shape, dropped(texts, NGram()))) >= 0.99 * len(texts)


def test_the_standard_library_is_left_alone(tasks: list[Task]) -> None:
    paths = [*LIBRARY, *sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py"))]
    texts = [path.read_text("utf-8", "replace") for path in paths]
    assert len(texts) > 500
    assert sum(dropped(texts)) < 0.001 * len(texts) + 1


def test_words_alone_convict_nobody(tasks: list[Task], carriers: list[str]) -> None:
    assert not any(dropped([text for _, text in plant(tasks, "stub", carriers)]))


def test_a_drop_says_which_function_is_like_which_task(tasks: list[Task]) -> None:
    task = next(task for task in tasks if task.task_id == "HumanEval/1")
    verdict = judge([renamed(task, Random(1)), "def f(x):\n    return x\n"])
    assert verdict.reasons.to_pylist() == ["benchmark solution", None]
    assert {values.to_pylist()[1] for values in verdict.evidence.values()} == {None}
    row = {name: values[0].as_py() for name, values in verdict.evidence.items()}
    assert row["task"] == "HumanEval/1"
    assert row["score"] == 1
    assert row["matched"].startswith("def ")
    assert row["task_text"] == task.prompt + (task.solution or "")


@pytest.mark.parametrize(
    "around",
    [
        lambda code: f"# A lesson (don't skip it\n\nIt's about this:\n\n```python\n{code}```\n\nNow it's your turn.\n",
        lambda code: "class Holder:\n    size = 3\n\n" + "".join(f"    {line}\n" for line in code.splitlines()),
        lambda code: f"def broken(:\n    print 'two'\n\n{code}\nprint 'three'\n",
        lambda code: f"values = [1, 2,\n{code}",
        lambda code: code.replace("\n", "\r\n"),
    ],
    ids=["in a lesson", "as a method", "in a file that does not parse", "behind an open bracket", "line ends of DOS"],
)
def test_a_function_is_found_wherever_it_stands(tasks: list[Task], around: Callable[[str], str]) -> None:
    long = [task for task in tasks if task.task_id in ("HumanEval/1", "HumanEval/65", "HumanEval/94", "HumanEval/129")]
    assert all(dropped([around(renamed(task, Random(2))) for task in long]))


def test_renaming_and_reformatting_change_no_label(tasks: list[Task]) -> None:
    for task in tasks:
        tree = ast.parse(program(task))
        if sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)) > 1:
            continue  # the entry point need not come first
        sequences = [
            _labels(text) for text in (ast.unparse(tree), reformatted(task, Random(3)), renamed(task, Random(3)))
        ]
        assert all(np.array_equal(sequences[0], other) for other in sequences[1:]), task.task_id


def _labels(source: str) -> np.ndarray:
    function = function_in(source[source.index("def ") :])
    assert function
    return labels(function)


def test_another_order_of_names_or_another_call_is_another_function() -> None:
    sources = ["return a - b", "return b - a", "return max(a, b)", "return min(a, b)", "return a.x(b)", "return a.y(b)"]
    sequences = [labels(found).tobytes() for body in sources if (found := function_in(f"def f(a, b):\n    {body}\n"))]
    assert len(set(sequences)) == len(sources)


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
@settings(max_examples=60, deadline=None)
def test_edit_similarity_counts_the_least_number_of_edits(one: list[int], other: list[int]) -> None:
    table = [[max(i, j) if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            change = table[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            table[i][j] = min(change, table[i - 1][j] + 1, table[i][j - 1] + 1)
    longer = max(len(one), len(other))
    expected = 1 - table[-1][-1] / longer if longer else 0
    found = edit_similarity(np.array(one, dtype=np.uint64), np.array(other, dtype=np.uint64), 0.0)
    assert found == pytest.approx(expected)


def test_functions_stand_where_python_finds_them() -> None:
    for path in LIBRARY[:60]:
        source = path.read_bytes()
        if b"\x0c" in source:
            continue  # a form feed begins a line anew for Python's tokenizer alone
        tree = ast.parse(source)
        nodes = [node for node in ast.walk(tree) if isinstance(node, Function)]
        lines = {source[:first].count(b"\n") + 1: source[:last].count(b"\n") for first, last in _spans(source)}
        assert set(lines) == {node.lineno for node in nodes}, path
        for node in nodes:
            assert node.end_lineno is not None
            between = source.splitlines()[node.end_lineno : lines[node.lineno]]
            assert not any(line.strip() and not line.lstrip().startswith(b"#") for line in between), (path, node.name)


def test_a_function_is_found_behind_one_whose_body_is_an_ellipsis() -> None:
    source = b"class A:\n    def f(self) -> int: ...\n\n    def g(self):\n        ...\n\ndef h(x):\n    return x\n"
    assert [source[first:last].split(b"(")[0].strip() for first, last in _spans(source)] == [
        b"def f",
        b"def g",
        b"def h",
    ]


def _spans(source: bytes) -> list[tuple[int, int]]:
    functions = np.empty((4096, COLUMNS), dtype=np.int64)
    tokens = np.empty(len(source) + 1, dtype=np.uint64)
    _, found = lex(np.frombuffer(source, dtype=np.uint8), 0, len(source), tokens, functions)
    return [(int(row[FIRST_BYTE]), int(row[LAST_BYTE])) for row in functions[:found]]


@given(st.binary(max_size=200) | st.text("def f(x):\n \t'\"#\\[]{}é0.,=", max_size=120).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    functions = np.empty((8, COLUMNS), dtype=np.int64)
    tokens = np.empty(len(data) + 1, dtype=np.uint64)
    count, found = lex(np.frombuffer(data + b"\0", dtype=np.uint8), 0, len(data), tokens, functions)
    assert 0 <= count <= len(data)
    assert all(0 <= row[FIRST_BYTE] <= row[LAST_BYTE] <= len(data) for row in functions[:found])


@pytest.mark.parametrize(
    "forms",
    [
        ("rotate", "rotates", "rotated", "rotating", "rotation"),
        ("swap", "swaps", "swapped", "swapping"),
        ("query", "queries"),
        ("box", "boxes"),
        ("strict", "strictly"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len(set(map(stem, forms))) == 1


def test_paraphrases_use_words_of_their_own(tasks: list[Task]) -> None:
    texts = {task.task_id: " ".join(task.text.lower().split()) for task in tasks}
    assert all(paraphrase.lower().rstrip(".") not in texts[name] for name, paraphrase in PARAPHRASES.items())
