"""A loop that keeps the best element so far, as one expression: by what it is worth, or by the element itself.

In: what a round makes of a name, and of the others that change with it. Out: a call of `max`, `min`, or of a helper of
forms.py; None where the loop does something else.
"""

import ast
from collections.abc import Callable, Mapping

from curate.synth.words.forms import Loop, and_parts, name, names_in, reads, replaced, same

Values = Mapping[str, ast.expr]


def best_of(own: str, update: ast.expr, before: ast.expr, loop: Loop, others: Values) -> ast.expr | None:
    """Return what is kept of the best element, where each round compares one with the best so far."""
    match update:
        case ast.IfExp(test=test, body=body, orelse=ast.Name(id=kept)) if kept == own:
            *conditions, test = and_parts(test)
        case _:
            return None
    match test:
        case ast.Compare(left=left, ops=[ast.Gt() | ast.Lt() as sign], comparators=[right]):
            more = isinstance(sign, ast.Gt)
        case _:
            return None
    changing = set(others) | {own}
    if names_in(left) & changing:  # best < worth
        left, right, more = right, left, not more
    if names_in(left) & changing or any(names_in(each) & changing for each in conditions):
        return None
    over = loop.over(conditions)
    helper = "_best" if more else "_least"
    if same(right, name(own)) and same(body, left):  # largest = worth
        kept_one = ast.List([before, ast.Starred(ast.GeneratorExp(left, over), ast.Load())], ast.Load())
        return ast.Call(name("max" if more else "min"), [kept_one], [])
    if names_in(body) & changing:
        return None
    pairs = ast.GeneratorExp(ast.Tuple([left, body], ast.Load()), over)
    within = _worth(own, left, body, right)
    if within is not None:  # len(word) > len(longest)
        return ast.Call(name(helper), [pairs, _counted(within(before)), before], [])
    for other, its in others.items():
        match its:
            case ast.IfExp(test=ast.expr() as its_test, body=ast.expr() as worth) if (
                same(right, name(other)) and same(worth, left) and same(its_test, update.test)
            ):
                return ast.Call(name(helper), [pairs, _start(other), before], [])
    return None


def _counted(worth: ast.expr) -> ast.expr:
    """Return the length of an empty text or list as a number."""
    match worth:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Constant(value="") | ast.List(elts=[])]):
            return ast.Constant(0)
        case _:
            return worth


def _start(other: str) -> ast.expr:
    """Stands for what another name was before the loop; steps.py puts it in."""
    return name(f"{other} before")


def _worth(own: str, left: ast.expr, body: ast.expr, right: ast.expr) -> Callable[[ast.expr], ast.expr] | None:
    """Return what makes of an element what it is worth, where the best so far is compared by the same."""
    if own not in names_in(right) or reads(right, own) != 1:
        return None
    if not same(replaced(right, {own: body}), left):
        return None
    return lambda before: replaced(right, {own: before})
