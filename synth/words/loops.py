"""A loop that adds up, collects, counts, looks for the best or the last, as one expression.

In: what each round makes of a name (`total + price`, where the loop's condition holds), and what the name stood for
before. Out: the expression that the name stands for behind the loop. Not covered: loops whose names depend on each
other, but for the best one and what it is worth.
"""

import ast
from collections.abc import Mapping

from curate.synth.words.best import best_of
from curate.synth.words.forms import (
    Loop,
    Unsayable,
    and_parts,
    joined,
    leaves,
    name,
    names_in,
    negated,
    same,
)

Values = Mapping[str, ast.expr]


def folded(own: str, update: ast.expr, before: ast.expr, loop: Loop, others: Values) -> ast.expr:
    """Return what a name stands for behind a loop each round of which makes `update` of it.

    `others` are the updates of the names that change in the same loop.
    """
    found = best_of(own, update, before, loop, others) or _distinct(own, update, before, loop, others)
    if found is not None:
        return found
    if names_in(update) & (set(others) - {own}):
        raise Unsayable("names that depend on each other")
    ways = list(leaves(update))
    if not any(own in names_in(leaf) for _, leaf in ways if not _is(leaf, own)):
        return _last(own, update, before, loop)
    added = _added(own, update)
    if added is not None:
        return _summed(added, before, loop)
    raise Unsayable("a loop of another kind")


def _distinct(own: str, update: ast.expr, before: ast.expr, loop: Loop, others: Values) -> ast.expr | None:
    """Return what is collected where each round adds what is not there yet, or was not seen yet."""
    match update:
        case ast.IfExp(
            test=test, body=ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=ast.List(elts=[item])), orelse=old
        ) if left == own and _is(old, own) and _is_empty(before, ast.List):
            pass
        case _:
            return None
    *conditions, last = and_parts(test)
    match last:
        case ast.Compare(left=tested, ops=[ast.NotIn()], comparators=[ast.Name(id=seen)]) if same(tested, item):
            pass
        case _:
            return None
    changing = {own, *others}
    if seen != own and not _is_seen(seen, others.get(seen), item, test):
        return None
    if any(names_in(each) & changing for each in [*conditions, item]):
        return None
    return ast.Call(name("_distinct"), [ast.GeneratorExp(item, loop.over(conditions))], [])


def _is_seen(seen: str, update: ast.expr | None, item: ast.expr, test: ast.expr) -> bool:
    """Tell whether each round notes what was seen: always, or where it is new."""
    if isinstance(update, ast.IfExp) and same(update.test, test) and _is(update.orelse, seen):
        update = update.body
    match update:
        case ast.BinOp(left=before, op=ast.BitOr(), right=ast.Set(elts=[noted])):
            return _is(before, seen) and same(noted, item)
        case _:
            return False


def _is(node: ast.expr, own: str) -> bool:
    return isinstance(node, ast.Name) and node.id == own


Added = tuple[ast.expr, ast.expr]


"""On which condition something is added, and what."""


def _added(own: str, update: ast.expr) -> Added | None:
    """Return what a round adds, if it does nothing else."""
    if _is(update, own):
        return ast.Constant(False), ast.Constant(None)
    match update:
        case ast.IfExp(test=test, body=body, orelse=other) if own not in names_in(test):
            one, two = _added(own, body), _added(own, other)
            return one and two and either_added(test, one, two)
        case ast.BinOp(left=ast.Name(id=left), op=ast.Add() | ast.BitOr(), right=right) if (
            left == own and own not in names_in(right)
        ):
            return ast.Constant(True), _tagged(update.op, right)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if own not in names_in(right):
            first = _added(own, left)  # (own + a) + b
            if first and _is_true(first[0]) and not isinstance(first[1], ast.List | ast.Set):
                return ast.Constant(True), ast.BinOp(first[1], ast.Add(), right)
            if first and _is_true(first[0]) and isinstance(first[1], ast.List) and isinstance(right, ast.List):
                return ast.Constant(True), ast.List([*first[1].elts, *right.elts], ast.Load())
            return None
        case ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=right) if left == own and own not in names_in(right):
            return ast.Constant(True), ast.UnaryOp(ast.USub(), right)
        case ast.BinOp(left=ast.Name(id=left), op=ast.Mult(), right=right) if left == own and own not in names_in(
            right
        ):
            return ast.Constant(True), ast.Call(name("_times"), [right], [])
        case ast.Call(func=ast.Name(id="max" | "min" as best), args=[one, two], keywords=[]):
            value = two if _is(one, own) else one if _is(two, own) else None
            if value is not None and own not in names_in(value):
                return ast.Constant(True), ast.Call(name(f"_{best}"), [value], [])
            return None
        case ast.Call(func=ast.Name(id="_with"), args=[mapping, key, value]) if _is(mapping, own):
            return _kept(own, key, value)
        case _:
            return None


def _tagged(sign: ast.operator, right: ast.expr) -> ast.expr:
    return right if isinstance(sign, ast.Add) else ast.Call(name("_also"), [right], [])


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def either_added(test: ast.expr, one: Added, other: Added) -> Added | None:
    """Return what is added on either way."""
    if _is_false(one[0]) and _is_false(other[0]):
        return one
    if _is_false(other[0]):
        return both(test, one[0]), one[1]
    if _is_false(one[0]):
        return both(negated(test), other[0]), other[1]
    if same(one[1], other[1]):
        if _is_true(one[0]):
            return ast.BoolOp(ast.Or(), [test, other[0]]), one[1]
        return (ast.BoolOp(ast.Or(), [negated(test), one[0]]), one[1]) if _is_true(other[0]) else None
    if _is_true(one[0]) and _is_true(other[0]):
        return _merged(test, one[1], other[1])
    if _is_true(one[0]):
        inner = _merged(test, one[1], other[1])
        return inner and (ast.BoolOp(ast.Or(), [test, other[0]]), inner[1])
    return None


def _merged(test: ast.expr, one: ast.expr, other: ast.expr) -> Added | None:
    match one, other:
        case ast.List(elts=[first]), ast.List(elts=[second]):
            return ast.Constant(True), ast.List([ast.IfExp(test, first, second)], ast.Load())
        case ast.Call(func=ast.Name(id=kind), args=[*key, first]), ast.Call(func=ast.Name(id=also), args=[*by, second]):
            same_key = len(key) == len(by) and all(map(same, key, by))
            if kind == also and kind in ("_entry", "_sum") and same_key:
                return ast.Constant(True), ast.Call(name(kind), [*key, ast.IfExp(test, first, second)], [])
            return None
        case (ast.List() | ast.Set() | ast.Call(), _) | (_, ast.List() | ast.Set() | ast.Call()) if _is_marked(
            one
        ) or _is_marked(other):
            return None
        case _:
            return ast.Constant(True), ast.IfExp(test, one, other)


def _is_marked(node: ast.expr) -> bool:
    marked = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("_")
    return marked or isinstance(node, ast.List | ast.Set)


def both(one: ast.expr, other: ast.expr) -> ast.expr:
    """Return two conditions joined by `and`."""
    if _is_true(one) or _is_true(other):
        return other if _is_true(one) else one
    parts = [part for each in (one, other) for part in and_parts(each)]
    return ast.BoolOp(ast.And(), parts)


def _kept(own: str, key: ast.expr, value: ast.expr) -> Added | None:
    """Return what is put into a dictionary: a value under a key, one more to a sum, one more to a list."""
    if own in names_in(key):
        return None
    if own not in names_in(value):
        return ast.Constant(True), ast.Call(name("_entry"), [key, value], [])
    old = ast.Subscript(name(own), key, ast.Load())
    present = ast.Compare(key, [ast.In()], [name(own)])
    match value:
        case ast.BinOp(left=left, op=ast.Add(), right=right) if own not in names_in(right):
            zero = [ast.Constant(0), ast.Constant(0.0), ast.List([], ast.Load())]
            gets = [ast.Call(ast.Attribute(name(own), "get", ast.Load()), [key, each], []) for each in zero]
            starts = [ast.IfExp(present, old, each) for each in zero]
            if not any(same(_turned(left), each) for each in [*gets, *starts]):
                return None
            return ast.Constant(True), _more(key, right)
    match _turned(value):
        case ast.IfExp(test=test, body=ast.BinOp(left=left, op=ast.Add(), right=right), orelse=first) if (
            same(test, present) and same(left, old) and same(right, first) and own not in names_in(first)
        ):
            return ast.Constant(True), _more(key, first)
        case _:
            return None


def _turned(value: ast.expr) -> ast.expr:
    """Return a choice by what is not in something as the one by what is."""
    match value:
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[ast.NotIn()], comparators=[right])
            | ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left=left, ops=[ast.In()], comparators=[right])),
            body=body, orelse=other,
        ):  # fmt: skip
            return ast.IfExp(ast.Compare(left, [ast.In()], [right]), other, body)
        case _:
            return value


def _more(key: ast.expr, value: ast.expr) -> ast.expr:
    if isinstance(value, ast.List):
        if len(value.elts) != 1:
            raise Unsayable("several at once")
        return ast.Call(name("_group"), [key, value.elts[0]], [])
    return ast.Call(name("_sum"), [key, value], [])


def _summed(added: Added, before: ast.expr, loop: Loop) -> ast.expr:
    test, value = added
    if _is_false(test):
        return before
    over = loop.over([] if _is_true(test) else [test])
    match value:
        case ast.Call(func=ast.Name(id="_entry"), args=[key, item]) if _is_empty(before, ast.Dict):
            return ast.DictComp(key, item, over)
        case ast.Call(func=ast.Name(id="_sum" | "_group" as kind), args=[key, item]) if _is_empty(before, ast.Dict):
            pairs = ast.GeneratorExp(ast.Tuple([key, item], ast.Load()), over)
            return ast.Call(name(f"{kind}s"), [pairs], [])
        case ast.Call(func=ast.Name(id="_max" | "_min" as kind), args=[item]):
            kept = ast.Starred(ast.GeneratorExp(item, over), ast.Load())
            return ast.Call(name(kind[1:]), [ast.List([before, kept], ast.Load())], [])
        case ast.Call(func=ast.Name(id="_times"), args=[factor]) if isinstance(before, ast.Constant):
            product = ast.Call(name("_product"), [ast.GeneratorExp(factor, over)], [])
            return product if before.value == 1 else ast.BinOp(before, ast.Mult(), product)
        case ast.Call(func=ast.Name(id="_also"), args=[ast.Set(elts=[item])]) if _is_call(before, "set"):
            return ast.SetComp(item, over)
        case ast.Call(func=ast.Name(id=kind)) if kind.startswith("_"):
            raise Unsayable("begins with something")
        case ast.List(elts=[item]):
            return _behind(before, ast.ListComp(item, over))
        case ast.List():
            raise Unsayable("several at once")
    if isinstance(before, ast.List):
        return _behind(before, _extended(value, over))
    if isinstance(before, ast.Constant) and isinstance(before.value, str):
        joined_up = ast.Call(ast.Attribute(ast.Constant(""), "join", ast.Load()), [ast.GeneratorExp(value, over)], [])
        return joined_up if not before.value else ast.BinOp(before, ast.Add(), joined_up)
    items = _nested(value, over) or ast.GeneratorExp(value, over)
    zero = isinstance(before, ast.Constant) and before.value == 0 and type(before.value) is int
    total = ast.Call(name("sum"), [items], [])
    if zero:
        return total
    if isinstance(before, ast.Constant) and before.value == 0:
        return ast.Call(name("sum"), [items, before], [])
    return ast.BinOp(before, ast.Add(), total)


def _behind(before: ast.expr, more: ast.expr) -> ast.expr:
    return more if _is_empty(before, ast.List) else ast.BinOp(before, ast.Add(), more)


def _extended(value: ast.expr, over: list[ast.comprehension]) -> ast.expr:
    if isinstance(value, ast.ListComp):
        return ast.ListComp(value.elt, [*over, *value.generators])
    taken = names_in(value) | {text for loop in over for text in names_in(loop)}
    fresh = next(each for each in ("item", "part", "each_item") if each not in taken)
    return ast.ListComp(name(fresh), [*over, ast.comprehension(ast.Name(fresh, ast.Store()), value, [], 0)])


def _nested(value: ast.expr, over: list[ast.comprehension]) -> ast.expr | None:
    """Return the items of a sum of sums, as those of one."""
    match value:
        case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp(elt=element, generators=loops)], keywords=[]):
            return ast.GeneratorExp(element, [*over, *loops])
        case _:
            return None


def _is_empty(node: ast.expr, kind: type[ast.List] | type[ast.Dict]) -> bool:
    if kind is ast.Dict:
        return (isinstance(node, ast.Dict) and not node.keys) or _is_call(node, "dict")
    return (isinstance(node, ast.List) and not node.elts) or _is_call(node, "list")


def _is_call(node: ast.expr, of: str) -> bool:
    return isinstance(node, ast.Call) and _is(node.func, of) and not node.args and not node.keywords


def _last(own: str, update: ast.expr, before: ast.expr, loop: Loop) -> ast.expr:
    """Return a name that some rounds give another value, whatever it was: what the last of them gave it."""
    found = _given(own, update)
    if found is None:
        raise Unsayable("given in several ways")
    test, value = found
    over = loop.over([] if _is_true(test) else [test])
    if not names_in(value) & loop.names:
        if isinstance(value, ast.Constant) and isinstance(before, ast.Constant) and {value.value, before.value} == {
            True, False,
        }:  # fmt: skip
            any_of = ast.Call(name("any"), [ast.GeneratorExp(joined(over[-1].ifs), loop.over([]))], [])
            return any_of if value.value else negated(any_of)
        raise Unsayable("a value that does not come from the loop")
    return ast.Call(name("_last"), [ast.GeneratorExp(value, over), before], [])


def _given(own: str, update: ast.expr) -> Added | None:
    if _is(update, own):
        return ast.Constant(False), ast.Constant(None)
    if isinstance(update, ast.IfExp):
        if own in names_in(update.test):
            return None
        one, two = _given(own, update.body), _given(own, update.orelse)
        return one and two and either_added(update.test, one, two)
    return None if own in names_in(update) else (ast.Constant(True), update)
