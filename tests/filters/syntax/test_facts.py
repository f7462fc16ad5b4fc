# ruff: noqa: E501 - a program stands in one line
"""Facts are those of CPython's own tree and symbol table, whatever the code is."""

import ast
import inspect
import time
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.syntax.facts import Sums, read_facts
from curate.filters.syntax.plain import parsing
from tests.filters.syntax.by_cpython import sums, undefined_names

LIBRARY = sorted(Path(inspect.getfile(ast)).parent.glob("[a-h]*.py"))
LONGEST = 1_000_000


def facts(*texts: str) -> list[Sums]:
    return read_facts(pa.chunked_array([list(texts)], pa.large_string()), LONGEST)


def same(text: str) -> None:
    with parsing():
        expected = sums(text)
    [found] = facts(text)
    assert list(found) == pytest.approx(expected) if expected else not found.functions


def test_facts_are_those_of_cpython_on_the_standard_library() -> None:
    texts = [path.read_text("utf-8") for path in LIBRARY]
    with parsing():
        expected = [sums(text) for text in texts]
    assert sum(each is not None for each in expected) > 45
    for path, found, right in zip(LIBRARY, facts(*texts), expected, strict=True):
        assert list(found) == pytest.approx(right) if right else not found.functions, path.name


BODIES = {
    "a class in a function": "def f(x):\n    class A:\n        y = [\n 1]\n        def g(self): return x\n    return A\n",
    "blocks of all kinds": (
        "def f(a):\n    try:\n        with a as b, b as (c, d):\n            for e in c: pass\n            else: e\n"
        "    except (OSError, E) as error:\n        print(error)\n    finally:\n        while a: a -= 1\n"
        "    if a: pass\n    elif b: pass\n    elif c: return None\n    else: return\nE = OSError\n"
    ),
    "a match": (
        "def f(a):\n    match a:\n        case [x, *rest] if x: return rest\n        case {'k': y, **more}: return y, more\n"
        "        case int(z) | str(z): return z\n        case A.B as w: return w\n        case _: assert a\n"
    ),
    "comprehensions": (
        "def f(a):\n    x = [b for b in a if b for c in b]\n    y = {k: v for k, v in a}\n    return {z for z in (y for y in x)}\n"
        "class A:\n    n = 3\n    m = [i for i in range(n)]\n    k = [n for _ in m]\n"
    ),
    "a walrus": "def f(a):\n    if (b := a): return b, [c := d for d in a], c\n    return any((e := x) for x in a) and e\n",
    "lambdas": "g = lambda a, *b, c=1, **d: (a, b, c, d, e)\ndef f(): return g\n",
    "decorators and defaults": (
        "import functools\n@functools.wraps(missing)\ndef f(a=absent, *, b: int = 3) -> 'Nothing': return a\n"
        "@functools.cache\nclass A(f, metaclass=type, key=gone): pass\n"
    ),
    "annotations": (
        "from typing import List\nx: List['Later'] = []\ny: Unknown\ndef f(a: Absent[int, 'Str'], b: 'Late') -> None: pass\n"
    ),
    "annotations that are not evaluated": (
        "from __future__ import annotations\ndef f(a: Absent, b: Gone[3]) -> Away:\n    x: Far = 1\n    return x\n"
    ),
    "private names": (
        "__shared = 1\n__dunder__ = 2\nclass _A:\n    __own = 1\n    def f(self): return __shared, self.__own, __dunder__\n"
    ),
    "globals and free names": (
        "def f():\n    global total\n    total = 1\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n        return n, total\n"
        "    return g\ndef h(): return total\n"
    ),
    "a global that nobody sets": "def f():\n    global absent\n    return absent\n",
    "names in a class": "class A:\n    x = 1\n    def f(self): return x\n    def g(self): return __class__\n",
    "imports": (
        "import os, a.b.c, numpy as np, _x\nfrom . import y\nfrom .z import w\nfrom a._b import c as d, e\n"
        "def f():\n    import sys\n    return os, a, np, y, w, d, e, sys, b\n"
    ),
    "deletion": "def f(a):\n    del a[0], b\n    c = 1\n    del c\n",
    "a star import": "from os import *\ndef f(): return getcwd()\n",
    "targets": "def f(a):\n    [b, (c, *d)], a.x, a[e] = a\n    b.y: int = 3\n    for g, (h, a[0]) in a: pass\n    return b, c, d, g, h\n",
    "docstrings": (
        '"""Three words here."""\nclass A:\n    """Of a class\n    with lines."""\n    "not a\\\n docstring"\n'
        'def f():\n    """One\u00a0two\u3000three\u2028four.\n    >>> 1\n    """\n    return 1\ndef g():\n    b"no"\ndef h(): f"no {f}"\n'
    ),
    "data": "X = {\n 1: 2,\n}\nY = 'a' \\\n 'b'\nZ = f(\n 1)\nW = None\nprint(\n X)\nU += [\n 1]\nV: int = (\n 1,\n 2)\ndef f(): pass\n",
    "tests": (
        "class TestA:\n    def test_b(self): pass\n    def c(self):\n        assert 1\n        self.assertTrue(2)\n        assert_same(3)\n"
        "        x = self.assertNot(1)\n"
    ),
    "generators": "def f(a):\n    x = yield a\n    yield from a\ndef g():\n    yield\nasync def h():\n    async for i in f(1): await i\n",
    "names of few letters": "def _a_(self, cls, b, *args, __cc__, **kw): return 1\ndef été(naïve): return naïve\n",
    "long elif chains": "def f(a):\n    if a: pass\n" + "    elif a: pass\n" * 300,
    "a chain": "def f(a):\n    return a" + ".b" * 400 + "\n",
    "nothing": "def f(): pass",
}


@pytest.mark.parametrize("name", BODIES)
def test_facts_are_those_of_cpython_on(name: str) -> None:
    same(BODIES[name])


REFUSED = [
    "from __future__ import rested_snopes\n",
    "def f(a, a):\n    return a\n",
    "f = lambda a, *a: a\ndef g(): pass\n",
    "def f():\n    nonlocal a\n",
    "nonlocal a\n",
    "def f():\n    from os import *\n",
    "class A:\n    from os import *\n",
    "x = 1\nglobal x\n",
    "def f(a):\n    global a\n",
    "def f():\n    print(a)\n    global a\n",
    "def f():\n    a = 1\n    def g():\n        global a\n        nonlocal a\n",
    "def f(): return [(yield) for _ in range(3)]\n",
    "print(never_defined)\n",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_python_refuses_beyond_its_grammar_cannot_run(text: str) -> None:
    [found] = facts(text + "def last(value):\n    return value\n")
    assert found.broken == 1
    same(text + "def last(value):\n    return value\n")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os\nfrom a import b as c\ndef f(x):\n    return os, c, x, len(x), f, __file__\n", set()),
        ("def f():\n    return __salt__['a'] + helper(1)\n", {"__salt__", "helper"}),
        ("from a import *\ndef f(): return area(2)\n", {"area"}),
        ("def f():\n    global total\n    total = 1\n\ndef g():\n    return total\n", set()),
        ("class A:\n    x = 1\n    y = [x for _ in range(3)]\n    def m(self):\n        return __class__\n", {"x"}),
    ],
)
def test_names_that_nothing_defines_are_found(text: str, names: set[str]) -> None:
    assert undefined_names(text) == names
    assert facts(text)[0].broken == bool(names)


STATEMENTS = st.sampled_from(
    ["x = y", "x += 1", "return x", "global z", "nonlocal x", "import a.b", "from a import b", "assertEqual(x)", "y: T = 1",
     "def g(x, y=z):\n {}", "class A:\n {}", "for x in y:\n {}", "if x:\n {}", "with y as x:\n {}", "try:\n {}\nfinally:\n {}",
     "[x for x in y]", "z = lambda x: x + y", "del x", "'text'", "(w := x)", "while 1:\n {}", "yield x", "x = {{\n1: 2}}"]
)  # fmt: skip
programs = st.recursive(
    st.lists(STATEMENTS, min_size=1, max_size=4).map("\n".join),
    lambda inner: st.tuples(st.lists(STATEMENTS, min_size=1, max_size=3), inner, inner).map(
        lambda parts: "\n".join(parts[0]).replace("{}", parts[1].replace("\n", "\n "), 1) + "\n" + parts[2]
    ),
    max_leaves=6,
)


@given(programs)
def test_facts_are_those_of_cpython_on_programs_of_all_statements(body: str) -> None:
    text = "def f(a):\n " + body.replace("{}", "pass").replace("{{", "{").replace("}}", "}").replace("\n", "\n ") + "\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(text)


def test_odd_texts_are_no_python_and_cost_no_time() -> None:
    facts("x\n")  # pays for compilation
    start = time.process_time()
    found = facts("", "x = (", "\0", "def f(): pass\n" * 200_000, "x = 1\n", "\ufeffdef f(): pass\n")
    assert [each.functions for each in found] == [0, 0, 0, 0, 0, 1]
    deep = "def f(x):\n    return x" + "()" * 150_000 + "\n"
    assert facts(deep)[0].functions == 1
    assert time.process_time() - start < 5
