import ast

from filters.structure import Function, structure

TEXT = '''"""A module of five words."""
import os, numpy
from . import sibling
from a._private import thing

TABLE = [
    1,
    2,
]
LIMIT = 3


class Shape:
    """A shape."""

    def area(self, width, height=1, *, scale=2):
        """Return the area.

        >>> Shape().area(2)
        """
        total = 0
        for step in range(width):
            if step:
                total += height
        def inner(x):
            return [x for _ in x]
        return total * scale

    def nothing(self):
        return None


def test_area():
    assert Shape().area(1) == 2
'''


def test_a_module_is_told_by_its_functions_imports_and_data() -> None:
    facts = structure(ast.parse(TEXT))
    assert (facts.documentation, facts.classes, facts.tests) == (5, 1, 1)
    assert (facts.data_lines, facts.setting_lines) == (4, 1)
    assert (facts.imports_foreign, facts.imports_private) == (1, 2)
    assert [function.name for function in facts.functions] == ["area", "inner", "nothing", "test_area"]


def test_a_function_is_told_by_its_own_statements_and_not_by_those_within_another() -> None:
    area, inner, nothing, test_area = structure(ast.parse(TEXT)).functions
    assert area == Function(
        name="area", lines=8, documentation=5, examples=True, parameters=("width", "height", "scale"), loops=2,
        decisions=1, checks=0, returns=True,
    )  # fmt: skip
    assert (inner.loops, inner.returns) == (1, True)
    assert (nothing.returns, nothing.parameters) == (False, ())
    assert test_area.checks == 1


def test_an_empty_module_has_nothing() -> None:
    facts = structure(ast.parse(""))
    assert (facts.lines, facts.functions, facts.classes) == (0, [], 0)
