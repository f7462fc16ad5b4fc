import ast
import gc
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.syntax import parse, parsing, syntax_error_line, undefined_names

VALID = [
    "",
    "x = 1\n",
    "\ufeffx = 1\n",
    "# coding: no-such-codec\nx = 1\n",
    "async def f():\n    await g()\n",
    "x = '\\d'\n",
]
BROKEN = {
    "print 'x'\n": 1,
    "x = 1\ny = (\n": 2,
    "x = 1\n\nz = '\0'\n": 3,
    "(" * 100_000: 1,
    "x" + ".a" * 100_000: 1,
    "-" * 100_000 + "1": 1,
    "def f(a, a): pass\n": 1,
}


@pytest.mark.parametrize("text", VALID)
def test_valid_python_has_no_syntax_error(text: str) -> None:
    with parsing():
        assert syntax_error_line(text) == 0
        assert parse(text) is not None


@pytest.mark.parametrize(("text", "line"), BROKEN.items(), ids=range(len(BROKEN)))
def test_what_is_no_python_names_a_line_and_never_raises(text: str, line: int) -> None:
    with parsing():
        assert syntax_error_line(text) == line


@given(st.text(st.sampled_from("abx01 \n\t()[]:=+'\"#\\,.\0é")))
def test_what_the_parser_refuses_has_an_error_line(text: str) -> None:
    with parsing():
        if parse(text) is None:
            assert syntax_error_line(text) > 0


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
