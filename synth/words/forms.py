"""A function as few steps over expressions: what steps.py makes of statements, and sentences.py says.

Out: the forms, the source of a program that does the same (so that a run can show that it does), and what is asked of
expressions: names put in the place of others, how often one is read, whether two are the same.

Beside Python's own expressions stand calls of HELPERS, which say in one word what some loops do.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent

from curate.text.trees import copied, parse

HELPERS = """
def _best(pairs, most, found):
    for worth, item in pairs:
        if worth > most:
            most, found = worth, item
    return found


def _least(pairs, most, found):
    for worth, item in pairs:
        if worth < most:
            most, found = worth, item
    return found


def _last(items, found):
    for item in items:
        found = item
    return found


def _sums(pairs):
    found = {}
    for key, value in pairs:
        found[key] = found[key] + value if key in found else value
    return found


def _groups(pairs):
    found = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _product(items):
    found = 1
    for item in items:
        found *= item
    return found


def _distinct(items):
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _with(mapping, key, value):
    return {**mapping, key: value}
"""
"""`_best` and `_least` give the item of the pair that is worth most, or least, the first of equal ones, if that is more
(less) than what there was; `_sums` adds the values of equal keys up, `_groups` lists them."""
LARGEST = 260
"""Nodes of an expression; what is larger has no words that anybody would read."""


class Unsayable(Exception):
    """Something for which there are no words here."""


def only_function(source: str) -> ast.FunctionDef:
    """Return the one function that stands in a source, beside imports. Raises Unsayable where more or else does."""
    module = parse(source)
    match [node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)] if module else []:
        case [ast.FunctionDef() as function]:
            return function
    raise Unsayable("more than a function")


@dataclass(frozen=True)
class Return:
    """The end: a value."""

    value: ast.expr


@dataclass(frozen=True)
class Raise:
    """The end: an error."""

    error: str


@dataclass(frozen=True)
class Let:
    """A name for a value that the rest speaks of more than once."""

    name: str
    value: ast.expr
    rest: "Steps"


@dataclass(frozen=True)
class Branch:
    """Two ways."""

    test: ast.expr
    then: "Steps"
    otherwise: "Steps"


@dataclass(frozen=True)
class Search:
    """A loop that ends with the first element for which a test holds."""

    loop: ast.comprehension
    """With the test as its last condition."""
    found: ast.expr
    rest: "Steps"


Steps = Return | Raise | Let | Branch | Search


def program(steps: Steps, header: str, *, told: bool = False) -> str:
    """Return the source of a function that does these steps; errors that are among them are values where `told`."""
    return f"{HELPERS}\n\n{header}\n{indent(_lines(steps, told), '    ')}\n"


def _lines(steps: Steps, told: bool) -> str:
    match steps:
        case Return(value):
            return f"return {ast.unparse(value)}"
        case Raise(error):
            return f"return {error!r}" if told else f"raise {error}"
        case Let(text, value, rest):
            return f"{text} = {ast.unparse(value)}\n{_lines(rest, told)}"
        case Branch(test, then, otherwise):
            return f"if {ast.unparse(test)}:\n{indent(_lines(then, told), '    ')}\n{_lines(otherwise, told)}"
        case Search(loop, found, rest):
            condition = ast.unparse(joined(loop.ifs))
            head = f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}:"
            return f"{head}\n    if {condition}:\n        return {ast.unparse(found)}\n{_lines(rest, told)}"


def joined(tests: list[ast.expr]) -> ast.expr:
    """Return conditions as one; True for none."""
    if not tests:
        return ast.Constant(True)
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), list(tests))


def same(one: ast.AST, other: ast.AST) -> bool:
    """Tell whether two expressions are written alike."""
    return ast.dump(one) == ast.dump(other)


def name(text: str) -> ast.Name:
    """Return the expression that is a name."""
    return ast.Name(text, ast.Load())


def reads(node: ast.AST | list[ast.stmt], text: str) -> int:
    """Return how often a name is read in code."""
    nodes = node if isinstance(node, list) else [node]
    return sum(
        isinstance(part, ast.Name) and part.id == text and isinstance(part.ctx, ast.Load)
        for each in nodes for part in ast.walk(each)
    )  # fmt: skip


def names_in(node: ast.AST) -> set[str]:
    """Return all names in an expression."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def replaced(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """Return an expression with values in the place of names that it does not give a value itself."""
    if not names_in(node) & values.keys():
        return node
    made: ast.expr = _Replacing(values).visit(copied(node))
    if sum(1 for _ in ast.walk(made)) > LARGEST:
        raise Unsayable("too large")
    return made


class _Replacing(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = dict(values)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self.values.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return node if value is None else copied(value)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        inner = _Replacing(_without(self.values, {each.arg for each in node.args.args}))
        node.body = inner.visit(node.body)
        return node

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> ast.expr:
        own = {each for loop in node.generators for each in names_in(loop.target)}
        read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        put = {each for key, value in self.values.items() if key in read for each in names_in(value)}
        if own & put:
            node = _renamed(node, own & put)
            own = {each for loop in node.generators for each in names_in(loop.target)}
        node.generators[0].iter = self.visit(node.generators[0].iter)
        inner = _Replacing(_without(self.values, own))
        for place, loop in enumerate(node.generators):
            loop.ifs = [inner.visit(test) for test in loop.ifs]
            loop.iter = inner.visit(loop.iter) if place else loop.iter
        if isinstance(node, ast.DictComp):
            node.key, node.value = inner.visit(node.key), inner.visit(node.value)
        else:
            node.elt = inner.visit(node.elt)
        return node

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension


Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def _renamed(node: Comprehension, names: set[str]) -> Comprehension:
    """Return a comprehension with other names for what it gives values to."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            part.id = f"other_{part.id}"
    return node


def _without(values: Mapping[str, ast.expr], own: set[str]) -> dict[str, ast.expr]:
    return {key: value for key, value in values.items() if key not in own}


def leaves(node: ast.expr) -> Iterator[tuple[list[ast.expr], ast.expr]]:
    """Yield the ways through conditional expressions: the conditions of each, and what it comes to."""
    if isinstance(node, ast.IfExp):
        for tests, leaf in leaves(node.body):
            yield [node.test, *tests], leaf
        for tests, leaf in leaves(node.orelse):
            yield [negated(node.test), *tests], leaf
    else:
        yield [], node


def negated(test: ast.expr) -> ast.expr:
    """Return the opposite of a condition."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)


def either(test: ast.expr, one: ast.expr, other: ast.expr) -> ast.expr:
    """Return a conditional expression, or the value alone where both are the same."""
    match one, other:
        case (
            ast.Call(func=ast.Name(id="_with"), args=[base, key, first]),
            ast.Call(func=ast.Name(id="_with"), args=[its, also, second]),
        ) if same(base, its) and same(key, also):
            return ast.Call(name("_with"), [base, key, either(test, first, second)], [])
    return one if same(one, other) else ast.IfExp(test, one, other)


@dataclass(frozen=True)
class Loop:
    """What a loop goes through."""

    rounds: tuple[tuple[ast.expr, ast.expr], ...]
    """Target and iterable; of several, each within the one before."""

    def over(self, tests: list[ast.expr]) -> list[ast.comprehension]:
        """Return it as the loops of a comprehension, with tests in the innermost."""
        loops = [ast.comprehension(target, over, [], 0) for target, over in self.rounds]
        loops[-1].ifs = list(tests)
        return loops

    @property
    def names(self) -> set[str]:
        """What it gives values to."""
        return {text for target, _ in self.rounds for text in names_in(target)}


def and_parts(test: ast.expr) -> list[ast.expr]:
    """Return the conditions that `and` joins, or the only one."""
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
