"""A value or a condition in words, or else as it is written: a formula that the reader can follow.

In: expressions within statements that are said one by one (procedure.py). Out: phrases and clauses. A formula has no
methods and no order of a set, and there are few of them in one description.
"""

import ast
from dataclasses import dataclass

from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.speaker import Speaker, code

INFINITY = {"float('inf')": "infinity", "float('-inf')": "minus infinity", "-float('inf')": "minus infinity"}
MOST_FORMULAS = 6


@dataclass
class Names:
    """What the sentences have given a name to so far, and how many formulas they show."""

    told: set[str]
    formulas: int = 0


@dataclass(frozen=True)
class Words:
    """Who says them, and what the reader was told of so far."""

    say: Speaker
    names: Names

    def test(self, node: ast.expr) -> str:
        """Return a condition as a clause."""
        try:
            return self.say.clause(node, tail=False)
        except Unsayable:
            parts = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Compare | ast.Call)]
            if not isinstance(node, ast.Compare | ast.BoolOp) or not any(isinstance(p, ast.Compare) for p in parts):
                raise
            return self.formula(node)

    def value(self, node: ast.expr, last: bool = False) -> str:
        """Return a value in words, or as it is written."""
        if ast.unparse(node) in INFINITY:
            return INFINITY[ast.unparse(node)]
        try:
            return self.say.np(node, tail=last)
        except Unsayable:
            return self.formula(node)

    def formula(self, node: ast.expr) -> str:
        """Return an expression as it is written."""
        parts = list(ast.walk(node))
        if any(isinstance(part, ast.Attribute | ast.JoinedStr | ast.Set) for part in parts) or "set" in names_in(node):
            raise Unsayable("a method in a formula, or the order of a set")
        self.names.formulas += 1
        if self.names.formulas > MOST_FORMULAS:
            raise Unsayable("mostly formulas")
        return code(self.say, node)
