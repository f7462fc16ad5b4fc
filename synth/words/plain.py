"""Statements made plain before they are said one by one: choices without choices in them, loops for comprehensions.

In: the statements of a function. Out: statements that do the same. Not taken on trust either: whoever says them runs
them beside the function.
"""

import ast
from collections.abc import Sequence

from curate.synth.words.forms import and_parts, joined, name, names_in, negated
from curate.text.trees import copied

FRESH = ("result", "found", "collected", "gathered")


def plain(body: Sequence[ast.stmt], *, unrolled: bool) -> list[ast.stmt]:
    """Return statements in plain form; `unrolled`: comprehensions that are returned or named become loops."""
    taken = {part.id for each in body for part in ast.walk(each) if isinstance(part, ast.Name)}
    flat = [_Flat().visit(copied(each)) for each in body if not isinstance(each, ast.Import | ast.ImportFrom)]
    if not unrolled:
        return flat
    fresh = [each for each in FRESH if each not in taken]
    return [part for each in flat for part in _unrolled(each, fresh)]


def errors_told(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return statements that return an error's name where these raise it."""
    return [_Told().visit(copied(each)) for each in body]


class _Told(ast.NodeTransformer):
    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        """Return the name of the error."""
        match node.exc:
            case ast.Call(func=ast.Name(id=error)) | ast.Name(id=error):
                return ast.Return(ast.Constant(error))
        return node


class _Flat(ast.NodeTransformer):
    """Turns `if a: (if b: X else: Y) else: Z` and conditional expressions into choices one after the other."""

    def visit_If(self, node: ast.If) -> ast.stmt:
        """Take a choice out of the first way of another."""
        node = self._visited(node)
        match node.body:
            case [ast.If(test=inner, body=then, orelse=other)]:
                both = joined([*and_parts(node.test), *and_parts(inner)])
                if other:
                    return self.visit_If(ast.If(both, then, [ast.If(node.test, other, node.orelse)]))
                if node.orelse:
                    return ast.If(negated(node.test), node.orelse, [ast.If(inner, then, [])])
                return ast.If(both, then, [])
        return node

    def _visited(self, node: ast.If) -> ast.If:
        node.body = [self.visit(each) for each in node.body]
        node.orelse = [self.visit(each) for each in node.orelse]
        return node

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        """Return the one or the other."""
        match node.value:
            case ast.IfExp(test=test, body=one, orelse=other):
                return ast.If(test, [self.visit(ast.Return(one))], [self.visit(ast.Return(other))])
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        """Give the one or the other."""
        match node.value:
            case ast.IfExp(test=test, body=one, orelse=other):
                ways = [ast.Assign(list(map(copied, node.targets)), each, lineno=0) for each in (one, other)]
                return ast.If(test, *([self.visit(way)] for way in ways))
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        """Append the one or the other."""
        match node.value:
            case ast.Call(
                func=ast.Attribute(attr="append") as method, args=[ast.IfExp(test=test, body=one, orelse=other)]
            ):
                ways: list[list[ast.stmt]] = [[ast.Expr(ast.Call(copied(method), [each], []))] for each in (one, other)]
                return ast.If(test, *ways)
        return node


def _unrolled(node: ast.stmt, fresh: list[str]) -> list[ast.stmt]:
    match node:
        case ast.Return(value=ast.expr() as value) if fresh:
            loop = _loop(value, fresh[0])
            return [*loop, ast.Return(name(fresh.pop(0)))] if loop else [node]
        case ast.Assign(targets=[ast.Name(id=text)], value=value) if text not in names_in(value):
            return _loop(value, text) or [node]
        case ast.If() if not node.orelse:
            node.body = [part for each in node.body for part in _unrolled(each, fresh)]
            return [node]
        case _:
            return [node]


def _loop(value: ast.expr, text: str) -> list[ast.stmt]:
    """Return statements that give a name the value of a comprehension, or none where it is something else."""
    own, place = ast.Name(text, ast.Store()), name(text)
    start: ast.expr
    match value:
        case ast.ListComp(elt=item, generators=loops):
            start = ast.List([], ast.Load())
            step: ast.stmt = ast.Expr(ast.Call(ast.Attribute(place, "append", ast.Load()), [item], []))
        case ast.SetComp(elt=item, generators=loops):
            start = ast.Call(name("set"), [], [])
            step = ast.Expr(ast.Call(ast.Attribute(place, "add", ast.Load()), [item], []))
        case ast.DictComp(key=key, value=item, generators=loops):
            start = ast.Dict([], [])
            step = ast.Assign([ast.Subscript(place, key, ast.Store())], item, lineno=0)
        case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp(elt=item, generators=loops)], keywords=[]):
            start = ast.Constant(0)
            step = ast.AugAssign(own, ast.Add(), item)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=""), attr="join"),
            args=[ast.GeneratorExp(elt=item, generators=loops) | ast.ListComp(elt=item, generators=loops)], keywords=[],
        ):  # fmt: skip
            start = ast.Constant("")
            step = ast.AugAssign(own, ast.Add(), item)
        case _:
            return []
    step = _Flat().visit(step)
    for loop in reversed(loops):
        if loop.ifs:
            step = _Flat().visit(ast.If(joined(loop.ifs), [step], []))
        step = ast.For(loop.target, loop.iter, [step], [], lineno=0)
    return [ast.Assign([own], start, lineno=0), step]
