import ast
import gc
import warnings

import pytest

from curate.filters.syntax.plain import parse, parsing

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
