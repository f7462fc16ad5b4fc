import ast
import gc
import warnings

import pytest

from filters.syntax import cannot_run, parse, parsing, undefined_names

VALID = [
    "",
    "x = 1\n",
    "\ufeffx = 1\n",
    "# coding: no-such-codec\nx = 1\n",
    "async def f():\n    await g()\n",
    "x = '\\d'\n",
]
BROKEN = ["print 'x'\n", "x = 1\ny = (\n", "z = '\0'\n", "(" * 100_000, "x" + ".a" * 100_000, "-" * 100_000 + "1"]


@pytest.mark.parametrize("text", VALID)
def test_valid_python_has_a_tree(text: str) -> None:
    with parsing():
        assert parse(text) is not None


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_python_has_none_and_never_raises(text: str) -> None:
    with parsing():
        assert parse(text) is None


def test_warnings_about_a_text_stay_silent_and_the_collector_comes_back() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with parsing():
            assert not gc.isenabled()
            assert isinstance(parse("assert (1, 2)\nx = '\\d' is 1\n"), ast.Module)
    assert caught == []
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os\nfrom a import b as c\ndef f(x):\n    return os, c, x, len(x), f, __file__\n", set()),
        ("def f():\n    return __salt__['a'] + helper(1)\n", {"__salt__", "helper"}),
        ("from a import *\nprint(area(2))\n", {"area"}),
        ("def f():\n    global total\n    total = 1\n\ndef g():\n    return total\n", set()),
        ("class A:\n    x = 1\n    y = [x for _ in range(3)]\n    def m(self):\n        return __class__\n", {"x"}),
    ],
)
def test_names_that_nothing_defines_are_found(text: str, names: set[str]) -> None:
    assert undefined_names(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "from __future__ import rested_snopes\n",
        "def f(a, a):\n    return a\n",
        "def f():\n    nonlocal a\n",
        "def f():\n    from os import *\n",
        "x = 1\nglobal x\n",
        "print(never_defined)\n",
    ],
)
def test_what_python_refuses_beyond_its_grammar_cannot_run(text: str) -> None:
    assert cannot_run(text)
    assert not cannot_run("from __future__ import annotations\n\n\ndef f(a, b):\n    return a\n")
