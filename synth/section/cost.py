"""How often a function's loop goes round, where its form leaves no doubt.

In: a function's syntax tree. Out: a sentence, or an empty text.
"""

import ast
from collections.abc import Iterator, Sequence

from curate.synth.section.patterns import COMPREHENSIONS, Function, calls_with_generator

MAY_SKIP = ast.If | ast.IfExp | ast.BoolOp | ast.Lambda | ast.Try | ast.FunctionDef
"""What may leave out what stands in it."""


def rounds_cost(function: Function, *, raises: bool = False) -> str:
    """Return how much a function has to do, where that follows from its loops; empty elsewhere.

    One loop over a parameter, by a `for` or a comprehension, that is always come to, with nothing in it that goes
    through something itself; `raises`: an error may end it.
    """
    ends_before = any(isinstance(each, ast.If) and _goes(each) for each in function.body)
    found = [] if ends_before or raises else list(_loops(function.body))
    rounds = sum(isinstance(each, ast.For | ast.While | ast.comprehension) for each in ast.walk(function))
    if len(found) != 1 or rounds != 1 or not isinstance(found[0][0], ast.Name):
        return ""
    over, inner = found[0][0].id, found[0][1]
    names = [part for each in function.body for part in ast.walk(each) if isinstance(part, ast.Name)]
    if over not in {each.arg for each in function.args.args} or any(
        part.id == over and isinstance(part.ctx, ast.Store) for part in names
    ):
        return ""
    body = [part for each in inner for part in ast.walk(each)]
    leaves = any(isinstance(part, ast.Return | ast.Break | ast.Raise) for part in body) or calls_with_generator(
        "any", "all", "next"
    )(function)
    again = sum(part.id == over for part in names) > 1  # its elements may be looked at elsewhere too
    if again or any(isinstance(part, ast.Call) and not _is_quick(part) for part in body):
        if leaves:
            return f"There is one round for each element of `{over}`, or fewer where it stops early."
        return f"There is one round for each element of `{over}`."
    if leaves:
        return f"In the worst case every element of `{over}` is looked at once; the loop may stop before."
    return (
        f"Each element of `{over}` is looked at exactly once, so the number of rounds grows in step with the "
        "number of elements."
    )


def _loops(body: Sequence[ast.AST]) -> Iterator[tuple[ast.expr, Sequence[ast.AST]]]:
    """Yield what is gone through, and what each round does, by loops that are come to whatever was given."""
    for node in body:
        if isinstance(node, MAY_SKIP):
            continue
        if isinstance(node, ast.For):
            yield node.iter, node.body
        elif isinstance(node, COMPREHENSIONS):
            made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            yield from ((each.iter, [*made, *each.ifs]) for each in node.generators)
        else:
            yield from _loops(list(ast.iter_child_nodes(node)))


def _goes(statement: ast.If) -> bool:
    return any(isinstance(each, ast.Return | ast.Raise) for each in ast.walk(statement))


def _is_quick(call: ast.Call) -> bool:
    quick = ("append", "get", "add")
    return (isinstance(call.func, ast.Attribute) and call.func.attr in quick) or (
        isinstance(call.func, ast.Name) and call.func.id in ("len", "abs")
    )
