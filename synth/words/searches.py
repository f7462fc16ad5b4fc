"""The first that fits, the best, the last, and what is counted or added up by key: what loops of those kinds give.

In: a loop with a condition, or a call of a helper of forms.py. Out: a phrase.
"""

import ast

from curate.synth.words.clauses import relative
from curate.synth.words.elements import collection, where
from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.orders import first_of_equals
from curate.synth.words.plainer import itemised
from curate.synth.words.sources import noun, source
from curate.synth.words.speaker import Speaker, plural


def first_of(say: Speaker, element: ast.expr, loop: ast.comprehension) -> str:
    """Return the first element that fits: "the first number in `xs` that is even"."""
    if say.kind(loop.iter).name in ("set", "frozenset"):
        raise Unsayable("the order of a set")
    [element], loop = itemised(say, [element], loop)
    used = {each for node in [element, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    tests = loop.ifs[0] if len(loop.ifs) == 1 else ast.BoolOp(ast.And(), loop.ifs)
    if isinstance(element, ast.Name) and f"{src.one} `{element.id}`" in src.named and src.of:
        rel = relative(inner, loop.ifs, loop, False, src.value, src.value_is)
        if rel is not None:
            return f"the first {src.qualified(rel, many=False)}"
        return f"the first {src.named}{where(inner, loop, src)}"
    if isinstance(element, ast.Name) and src.value_is == "index" and element.id == src.value:
        rel = relative(inner, loop.ifs, loop, False, src.value, src.value_is)
        if rel is not None and "whose index" not in rel:
            return f"the index of the first {src.qualified(rel, many=False)}"
    if (
        isinstance(element, ast.Name) and isinstance(loop.target, ast.Tuple) and src.one in ("pair", "tuple") and src.of
        and element.id in names_in(loop.target)
    ):  # fmt: skip
        return f"the `{element.id}` of the first {src.named}{where(inner, loop, src)}"
    if not src.of and src.one == "pair":
        raise Unsayable("the first of pairs")
    return f"{inner.np(element, False)} for the first {src.named} for which {inner.clause(tests)}"


def helper_call(say: Speaker, name: str, args: list[ast.expr], tail: bool) -> str:
    """Return what a loop of its own kind gives (forms.HELPERS)."""
    match name, args:
        case (
            ("_best" | "_least"),
            [ast.GeneratorExp(elt=ast.Tuple(elts=[worth, item]), generators=loops), most, before],
        ):
            if not tail:
                raise Unsayable("the best within a phrase")
            return _best(say, name, worth, item, loops, most, before)
        case "_sums", [ast.GeneratorExp(elt=ast.Tuple(elts=[key, value]), generators=loops)]:
            one = isinstance(value, ast.Constant) and value.value == 1
            pairs, inner = _over(say, loops, names_in(key) | names_in(value))
            said, which = inner.np(key, False), _tests(inner, loops)
            if which and _is_part(key, loops):
                raise Unsayable("a key of which none is left is no key")
            if one:
                if isinstance(key, ast.Name) and len(loops) == 1 and isinstance(loops[0].target, ast.Name):
                    src, _ = source(say, loops[0], {key.id})
                    rel = relative(inner, loops[0].ifs, loops[0], False) if which else ""
                    if rel is not None and src.of:
                        often = say.pick("the number of times it occurs there", "how often it occurs there")
                        return f"a dictionary that maps each {src.qualified(rel, many=False)} to {often}"
                if _is_part(key, loops):
                    src, _ = source(say, loops[0], names_in(loops[0].target))
                    these = f"{src.many}{src.named.removeprefix(src.one)}"
                    return f"a dictionary that maps each {said} to the number of {these} that have it"
                if said.startswith("the "):
                    raise Unsayable("each of what is one")
                return f"a dictionary that maps each {said} to the number of times it comes up, for each {pairs}{which}"
            more = inner.np(value, False)
            if _is_part(key, loops):
                src, _ = source(say, loops[0], names_in(loops[0].target))
                these = f"{src.many}{src.named.removeprefix(src.one)}"
                return f"a dictionary that maps each {said} to the sum of {more} over all {these} that have it"
            return f"a dictionary in which {more} is added up under the key {said} for each {pairs}{which}"
        case "_groups", [ast.GeneratorExp(elt=ast.Tuple(elts=[key, value]), generators=loops)]:
            pairs, inner = _over(say, loops, names_in(key) | names_in(value))
            grouped = _grouped(inner, key, value, loops)
            if _is_part(key, loops) and isinstance(value, ast.Name) and not loops[0].ifs:
                src, _ = source(say, loops[0], names_in(loops[0].target))
                return (
                    f"a dictionary that maps each {inner.np(key)} to the list of the {inner.np(value)} of every "
                    f"{src.named} that has it"
                )
            if grouped:
                return grouped
            return (
                f"a dictionary of lists in which, for each {pairs}{_tests(inner, loops)}, "
                f"{inner.np(value, False)} is put into the list under the key {inner.np(key, False)}"
            )
        case "_product", [ast.GeneratorExp(elt=element, generators=loops)]:
            return f"the product of {collection(say, element, loops)}"
        case "_distinct", [ast.GeneratorExp(elt=element, generators=loops)] if tail:
            what = collection(say, element, loops)
            return f"a list of {what}, each value once and in the order in which it first comes up"
        case "_last", [ast.GeneratorExp(elt=element, generators=[loop]), before] if tail and loop.ifs:
            text = first_of(say, element, loop)
            if text.count("the first ") != 1:
                raise Unsayable("the first within the last")
            return f"{text.replace('the first ', 'the last ', 1)}, or {say.np(before, False)} if there is none"
        case _:
            raise Unsayable("a loop of another kind")


def _is_part(key: ast.expr, loops: list[ast.comprehension]) -> bool:
    """Tell whether a key is a part of the tuples that a loop goes through."""
    target, plain = loops[0].target, not isinstance(loops[0].iter, ast.Call)
    return len(loops) == 1 and isinstance(target, ast.Tuple) and plain and isinstance(key, ast.Name)


def _grouped(say: Speaker, key: ast.expr, value: ast.expr, loops: list[ast.comprehension]) -> str | None:
    """Return a dictionary of lists of elements by what they have in common, where that has a name of its own."""
    match loops, value:
        case [ast.comprehension(target=ast.Name(id=own), iter=ast.Name() as whole)], ast.Name(id=text) if own == text:
            by = common(key, own)
        case _:
            return None
    if by is None:
        return None
    rel = relative(say, loops[0].ifs, loops[0], True) if loops[0].ifs else ""
    kind = say.kind(whole)
    if rel is None or kind.name in ("set", "frozenset", "dict"):
        return None
    many = plural(noun(kind))
    return f"a dictionary that maps each {by} to the list of the {many} of that {by} in {say.np(whole, False)}{rel}"


def common(key: ast.expr, own: str) -> str | None:
    """Return what elements have in common: "length", "first element"."""
    match key:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=text)]) if text == own:
            return "length"
        case _:
            return None


def _over(say: Speaker, loops: list[ast.comprehension], spoken: set[str]) -> tuple[str, Speaker]:
    """Return what loops go through, as far as its names are `spoken` of or decide something."""
    named, inner = [], say
    used = spoken | {each for other in loops for node in [other.iter, *other.ifs] for each in names_in(node)}
    for loop in loops:
        src, inner = source(inner, loop, used)
        named.append(src.named)
    if len(loops) > 2 or any(loop.ifs for loop in loops[:-1]):
        raise Unsayable("loops within loops")
    return " and each ".join(named), inner


def _tests(say: Speaker, loops: list[ast.comprehension]) -> str:
    tests = loops[-1].ifs
    if not tests:
        return ""
    return f" for which {say.clause(tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests))}"


def _best(say: Speaker, name: str, worth: ast.expr, item: ast.expr, loops: list[ast.comprehension], most: ast.expr,
          before: ast.expr) -> str:  # fmt: skip
    if len(loops) > 1:
        raise Unsayable("the best of what is in several")
    pairs, inner = _over(say, loops, names_in(worth) | names_in(item))
    if "pair of" in pairs or "same place" in pairs:
        raise Unsayable("the best of pairs")
    more = name == "_best"
    limit = f"{'greater' if more else 'less'} than {say.np(most, False)}"
    if "inf" in ast.dump(most):
        raise Unsayable("an endless limit")
    which = _tests(inner, loops)
    order = "largest" if more else "smallest"
    otherwise = f"or {say.np(before, False)} if that is not {limit}"
    match item, worth, pairs.split(f" `{ast.unparse(item)}` "):
        case ast.Name(id=text), ast.Call(func=ast.Name(id="len" | "sum" as by), args=[ast.Name(id=own)]), [one, of] if (
            own == text and not which
        ):
            what = "length" if by == "len" else "sum"
            say.note(first_of_equals(say, f"the {order} {what}"))
            return f"the {one} {of} with the {order} {what}, {otherwise}"
    said, by_what = inner.np(item, False), inner.np(worth, False)
    say.note(first_of_equals(say, f"the {order} {by_what.removeprefix('the ')}"))
    if isinstance(item, ast.Name) and f" {said} " in pairs and not which:
        return f"the {pairs} for which {by_what} is {order}, {otherwise}"
    return f"{said} for the {pairs}{which} with the {order} {by_what.removeprefix('the ')}, {otherwise}"
