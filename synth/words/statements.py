"""What steps.py asks of statements: whether they return, what they change; and loops over indices made plain.

In: statements. Out: answers, and statements in which a loop over the indices of a list goes through its elements.
"""

import ast
from collections.abc import Sequence

from curate.synth.words.forms import name, names_in, reads

AWAY = ast.Return | ast.Raise | ast.Continue | ast.Break
"""What leaves the statements that it stands among."""


def is_docstring(statement: ast.stmt) -> bool:
    """Tell whether a statement only says something."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class ByElement(ast.NodeTransformer):
    """Lets a loop over the indices of a list, which are used for nothing but its elements, go through these."""

    def visit_For(self, node: ast.For) -> ast.AST:
        """Visit the loops within, then this one."""
        self.generic_visit(node)
        found = _indexed(node.target, node.iter, node.body)
        if found is None:
            return node
        element, whole = found
        node.body = [_Elements(whole, names_in(node.target), element).visit(each) for each in node.body]
        node.target, node.iter = ast.Name(element, ast.Store()), name(whole)
        return node


class _Elements(ast.NodeTransformer):
    def __init__(self, whole: str, index: set[str], element: str) -> None:
        self.whole, self.index, self.element = whole, index, element

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        match node:
            case ast.Subscript(value=ast.Name(id=whole), slice=ast.Name(id=index), ctx=ast.Load()) if (
                whole == self.whole and index in self.index
            ):
                return name(self.element)
        return self.generic_visit(node)


def _indexed(target: ast.expr, over: ast.expr, body: list[ast.stmt]) -> tuple[str, str] | None:
    match target, over:
        case ast.Name(id=index), ast.Call(
            func=ast.Name(id="range"), args=[ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=whole)])], keywords=[]
        ):
            pass
        case _:
            return None
    found = [
        part for each in body for part in ast.walk(each)
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and part.value.id == whole
        and isinstance(part.slice, ast.Name) and part.slice.id == index and isinstance(part.ctx, ast.Load)
    ]  # fmt: skip
    element = whole[:-1] if whole.endswith("s") and len(whole) > 2 else "item"
    taken = {text for each in body for text in names_in(each)}
    if not found or reads(body, index) != len(found) or element in taken or is_set(body, whole):
        return None
    return element, whole


def in_a_loop(rest: list[ast.stmt], text: str) -> bool:
    """Tell whether a name is read within a loop, which may never come to it."""
    loops = (ast.For, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
    return any(isinstance(part, loops) and reads(part, text) for each in rest for part in ast.walk(each))


def touched(rest: list[ast.stmt], text: str) -> bool:
    """Tell whether a name is given another value later, or what it stands for is changed."""
    return any(
        (isinstance(part, ast.Name) and part.id == text and not isinstance(part.ctx, ast.Load)) or changes(part, text)
        for each in rest for part in ast.walk(each)
    )  # fmt: skip


def is_set(body: Sequence[ast.stmt], text: str) -> bool:
    """Tell whether statements give a name another value, or change it."""
    return any(
        (isinstance(part, ast.Name) and part.id == text and isinstance(part.ctx, ast.Store)) or changes(part, text)
        for each in body for part in ast.walk(each)
    )  # fmt: skip


def changes(part: ast.AST, text: str) -> bool:
    """Tell whether code changes what a name stands for: by a method, or an index."""
    match part:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner))):
            return text in names_in(owner)
        case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store()):
            return owner == text
        case _:
            return False


def leaves_early(statement: ast.stmt) -> bool:
    """Tell whether a statement may return, raise, or go on with the next round around it."""
    inner = [part for part in ast.walk(statement) if isinstance(part, ast.Return | ast.Raise)]
    return bool(inner) or (isinstance(statement, ast.If) and skips(statement))


def skips(statement: ast.If) -> bool:
    """Tell whether a condition may go on with the next round of the loop around it."""
    return any(
        isinstance(each, ast.Continue) or (isinstance(each, ast.If) and skips(each))
        for each in [*statement.body, *statement.orelse]
    )


def ends(body: Sequence[ast.stmt]) -> bool:
    """Tell whether statements never come to what stands behind them."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise | ast.Continue)


def stops(loop: ast.For) -> bool:
    """Tell whether a loop holds a `break` of its own."""
    nested = {
        id(inner)
        for part in ast.walk(loop)
        if isinstance(part, ast.For | ast.While) and part is not loop
        for inner in ast.walk(part)
    }
    return any(isinstance(part, ast.Break) and id(part) not in nested for part in ast.walk(loop))


def that_apply(notes: Sequence[str], body: Sequence[ast.stmt]) -> list[str]:
    """Return notes, without those on the longer of two where a function refuses two of different lengths."""
    return [note for note in notes if "longer" not in note or not _refuses_other_lengths(body)]


def _refuses_other_lengths(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a function ends at once where two of what it was given are not of one length."""
    for each in body:
        match each:
            case ast.If(
                test=ast.Compare(
                    left=ast.Call(func=ast.Name(id="len")), ops=[ast.NotEq()],
                    comparators=[ast.Call(func=ast.Name(id="len"))],
                )
            ) if ends(each.body):  # fmt: skip
                return True
    return False


def after_loop(body: Sequence[ast.stmt], place: int) -> str:
    """Return what says that a statement stands behind the loop before it; of two, one in the other, "the loop" could
    be either."""
    if not place or not isinstance(body[place - 1], ast.For | ast.While):
        return ""
    loops = [node for node in ast.walk(body[place - 1]) if isinstance(node, ast.For | ast.While)]
    return "after the loop, " if len(loops) == 1 else "after the outer loop, "
