import ast
import inspect
import time
from collections import Counter
from pathlib import Path

import ast_serialize
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters.syntax import tree
from curate.filters.syntax.tree import Trees
from curate.text.parser import LARGEST_BYTES, parse

LIBRARY = sorted(Path(inspect.getfile(ast)).parent.glob("[a-e]*.py"))
SIMPLE = (
    ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete, ast.Global,
    ast.Nonlocal, ast.Pass, ast.Break, ast.Continue, ast.Import, ast.ImportFrom,
)  # fmt: skip


def read(*texts: str) -> Trees:
    column = pa.chunked_array([list(texts)], pa.large_string())
    return tree.read_trees(column)


def counted_by_ast(text: str) -> list[int]:
    """Statements, imports, passes, prints, functions, classes as CPython's tree has them."""
    found: Counter[str] = Counter()
    for node in ast.walk(ast.parse(text)):
        found["statement"] += isinstance(node, SIMPLE) and not is_documentation(node)
        found["import"] += isinstance(node, ast.Import | ast.ImportFrom)
        found["pass"] += isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and constant(node.value) is ...)
        found["print"] += isinstance(node, ast.Expr) and getattr(getattr(node.value, "func", None), "id", "") == "print"
        found["function"] += isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        found["class"] += isinstance(node, ast.ClassDef)
    return [found[name] for name in ("statement", "import", "pass", "print", "function", "class")]


def constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def is_documentation(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(constant(node.value), str)


def test_counts_are_those_of_cpythons_tree_on_the_standard_library() -> None:
    texts = [path.read_text("utf-8") for path in LIBRARY]
    found = read(*texts)
    assert len(texts) > 30
    assert not found.error_line.any()
    assert found.counts[:, : tree.CLASSES + 1].tolist() == [counted_by_ast(text) for text in texts]


NEWER = (
    "type X[T: int] = list[T]\nclass A[T, *Ts]:\n    x: T = 1\n"
    "def f[T = int](x: T) -> T: return 0x123456789012345678901\n"
)


def test_each_count_is_what_it_says() -> None:
    text = '"doc é"\nimport a, b\nx = [1, -300, 2.5, "str", None, f"{x.yy}z"]\n...\nprint(lambda: 1)\n'
    counts = read(text).counts[0].tolist()
    assert counts == [4, 1, 1, 1, 0, 0, 6 + 1, 4, len("x" + "x" + "yy" + "print"), len("strz"), len("doc é".encode())]
    assert read(NEWER).counts[0, : tree.CLASSES + 1].tolist() == [3, 0, 0, 0, 1, 1]


def test_comments_for_mypy_hide_nothing() -> None:
    body = "import sys\nif sys.platform == 'win32':\n    def f():\n        x = 1\n"
    for head in ("", "# type: ignore\n", "# mypy: ignore-errors\n", "x = 1  # type: (\n" * 0):
        assert read(head + body)[tree.STATEMENTS].tolist() == [2]
    assert read("x = []  # type: [[[\n").error_line.tolist() == [0]


@given(st.text(st.sampled_from("abx01 \n\t()[]:=+'\"#\\,.\0é")))
@settings(max_examples=300, deadline=None)
def test_what_the_fast_parser_says_cpythons_parser_says_too(text: str) -> None:
    try:
        ast.parse(text)
        valid = True
    except (SyntaxError, ValueError):
        valid = False
    assert (read(text).error_line[0] == 0) == valid


PYTHON_2 = [
    "print 'x'\n", "print x, y\n", "print >>f\nprint 'x'\n", "try:\n    pass\nexcept A, e:\n    pass\n", "exec 'x'\n",
    "raise E, 'x'\n", "x = `a`\n", "if a <> b: pass\n", "x = 0777\n", "x = 10L\n", "x = ur'a'\n",
    "def f(a, (b, c)): pass\n",
]  # fmt: skip


@pytest.mark.parametrize("text", PYTHON_2)
def test_python_2_is_told_from_other_errors(text: str) -> None:
    found = read(text)
    assert found.error_line[0] > 0
    assert found.python_2.tolist() == [True]


NO_PYTHON = [
    "x = (\n", "def f(:\n", "print('x'\n", "<html>\n", "{{ x }\n", "x = 1 +\n# print 'x'\n", "print the document\n",
    "Use `make`, 1.05 of 0.07\n", "def f(a, b):\n    return (\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_PYTHON)
def test_other_errors_are_not_python_2(text: str) -> None:
    found = read(text)
    assert found.error_line[0] > 0
    assert found.python_2.tolist() == [False]


TOO_DEEP = {
    "brackets": "(" * 10_000 + ")" * 10_000,
    "an open bracket": "[" * 1_000_000,
    "indentation": "".join(" " * level + "if x:\n" for level in range(1500)),
    "signs": "-" * 1_000_000 + "1",
    "powers": "a**" * 100_000 + "a",
    "a null byte": "x = 1\n\0",
    "an f-string of brackets": "f'" + "{" * 10_000,
    "unions of nothing": "x: " + "|" * 500_000,
    "brackets that make no sense": "x(" + "@a(" * 50_000,
}
LONG = 150_000
CHAINS = {
    "attributes": "x" + ".a" * LONG,
    "calls": "x" + "()" * LONG,
    "calls of methods": "x" + ".a()" * LONG,
    "a sum": "1+" * LONG + "1",
    "a sum in an f-string": "f'{" + "1+" * LONG + "1}'",
    "a sum after quotes in an f-string": 'f"{x["#"]' + "+1" * LONG + '}"',
    "a union": "x: " + "a|" * LONG + "a",
    "a union in a string": 'x: "' + "a|" * LONG + 'a"',
    "continued lines": "x = 1" + "\\\n+1" * LONG,
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_brackets_and_blocks_without_end_are_refused_fast(name: str) -> None:
    read("x\n")  # pays for compilation
    start = time.process_time()
    assert read(TOO_DEEP[name]).error_line[0] > 0
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", CHAINS)
def test_chains_that_overflow_an_ordinary_stack_are_read(name: str) -> None:
    found = read(CHAINS[name] + "\ny = 1\n")
    assert found.error_line.tolist() == [0]
    assert found[tree.STATEMENTS].tolist() == [2]


@pytest.mark.parametrize("unit", ["1+", "a|", ".a", "()"])
def test_the_longest_chain_of_the_largest_text_fits(unit: str) -> None:
    start = "x: a" if unit[0] in ".(" else "x: "
    errors, _ = parse((start + unit * (LARGEST_BYTES // 2 - 4) + "a" * (unit[-1] in "+|")).encode())
    assert not errors


def test_long_is_not_deep() -> None:
    sums = "x = 1" + "+1" * 5000 + "\n"
    flat = "if x:\n    pass\n" + "elif y:\n    pass\n" * 20_000
    data = "x = [" + "-1.5, " * 200_000 + "]\n"
    assert read(sums, flat, data, "x = 1\n" * 100_000, "x(" + "a.b, " * 50_000 + ")\n").error_line.tolist() == [0] * 5


def test_bytes_that_are_no_characters_and_texts_beyond_the_limit_get_a_verdict() -> None:
    broken = pa.array([b"x = '\xff'", b"x = '\xed\xa0\x80'"], pa.large_binary()).view(pa.large_string())
    column = pa.chunked_array([broken])
    assert tree.read_trees(column).error_line.tolist() == [1, 1]
    huge = read("x = 1\n" * 1_000_000, "x = 1\n")
    assert huge.read.tolist() == [False, True]
    assert huge[tree.STATEMENTS].tolist() == [0, 1]


def test_a_format_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast_serialize, "parse", lambda *a, **k: (b"\x03\x16\xfe", [], [], b"", {}))
    with pytest.raises(ValueError, match="tested version"):
        read("x = 1\n")
