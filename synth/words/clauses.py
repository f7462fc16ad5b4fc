"""Conditions as clauses: "`x` is greater than 3", "every number in `xs` is even"; and as what follows a noun.

In: an expression of which only matters whether it is true. Out: a clause (`clause`), or a relative one (`relative`)
such as " that are even". Each wording says one operation on known types; others are unsayable.
"""

import ast
from itertools import pairwise

from curate.synth.words.forms import Unsayable, names_in, negated
from curate.synth.words.predicates import between, predicate
from curate.synth.words.sources import ORDINALS, flattened, noun, source
from curate.synth.words.speaker import Speaker, article, code, number


def clause(say: Speaker, test: ast.expr, negative: bool, tail: bool) -> str:
    """Return a condition, or its opposite, as a clause."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return clause(say, inner, not negative, tail)
        case ast.BoolOp(op=sign, values=values):
            return _joined(say, isinstance(sign, ast.And) != negative, values, negative, tail)
        case ast.Call(func=ast.Name(id="any" | "all" as which), args=[ast.GeneratorExp() | ast.ListComp() as items]):
            return _of_all(say, which == "all", items, negative)
        case ast.Compare(ops=[_, _]) if not negative and between(say, test) is None:
            return code(say, test)
    try:
        found = predicate(say, test, negative)
    except Unsayable:
        found = None
    if found is not None:
        try:
            return f"{say.np(found.subject, tail=False)} {found.text()}"
        except Unsayable:
            pass
    if negative or not (isinstance(test, ast.Compare) or say.kind(test).name == "bool"):
        raise Unsayable("a condition without words")
    return code(say, test)


def _joined(say: Speaker, is_and: bool, values: list[ast.expr], negative: bool, tail: bool) -> str:
    if any(_is_joined(value) for value in values):
        if negative:
            raise Unsayable("conditions within conditions")
        return code(say, ast.BoolOp(ast.And() if is_and else ast.Or(), values))
    parts = [clause(say, value, negative, tail) for value in values]
    if any(" and " in part or " or " in part for part in parts):
        raise Unsayable("conditions within conditions")
    return (" and " if is_and else " or ").join(parts)


def _is_joined(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_joined(test.operand)
    return isinstance(test, ast.BoolOp)


def _of_all(say: Speaker, every: bool, items: ast.GeneratorExp | ast.ListComp, negative: bool) -> str:
    """Return what holds for every element, for at least one, for none, or not for every one."""
    loops = items.generators
    if every and not negative:
        opposite = _opposite(items.elt)
        if opposite is not None:  # "every number does not equal" could mean two things
            return _of_all(say, False, ast.GeneratorExp(opposite, loops), True)
    if every and negative and not isinstance(items.elt, ast.BoolOp):
        return _of_all(say, False, ast.GeneratorExp(negated(items.elt), loops), False)
    amount = ("not every" if negative else "every") if every else ("no" if negative else "at least one")
    if flattened(loops, [items.elt]):
        first, _ = source(say, loops[0], set())
        second = loops[1]
        inner = say.knows(loops[0].target, say.kind(loops[0].iter).element)
        one = noun(inner.kind(second.iter))
        said = inner.knows(second.target, inner.kind(second.iter).element)
        text = _plainly(said, items.elt, second)
        if text and not second.ifs:
            return f"{amount} {one} in the {first.many} {first.of} {text}"
        raise Unsayable("loops within loops")
    if len(loops) != 1:
        raise Unsayable("loops within loops")
    loop = loops[0]
    neighbours = _neighbours(say, items.elt, loop) or _beside(say, items.elt, loop)
    if neighbours and not (negative and every):
        return f"{amount} {neighbours}"
    used = {each for node in [items.elt, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    rel = relative(inner, loop.ifs, loop, many=False) if loop.ifs else ""
    text = _plainly(inner, items.elt, loop)
    if text and rel is not None and src.of and isinstance(loop.target, ast.Name):
        return f"{amount} {src.one} {src.of}{rel} {text}"
    if loop.ifs or (negative and every):
        raise Unsayable("of all that")
    holds = clause(inner, items.elt, False, True)
    if every:
        return f"it holds for every {src.named} that {holds}"
    return f"there is {f'no {src.named}' if negative else article(src.named)} for which {holds}"


def _neighbours(say: Speaker, test: ast.expr, loop: ast.comprehension) -> str | None:
    """Return "number in `xs` is greater than the next one", where a loop compares each element with its neighbour."""
    match loop.target, loop.iter, test:
        case (
            ast.Name(id=own),
            ast.Call(func=ast.Name(id="range"), args=[*low, end]),
            ast.Compare(
                left=ast.Subscript(value=ast.Name(id=whole) as held, slice=one),
                ops=[sign],
                comparators=[ast.Subscript(value=ast.Name(id=again), slice=other)],
            ),
        ) if whole == again and not loop.ifs and type(sign) in COMPARED:
            pass
        case _:
            return None
    spans = f"{', '.join(map(ast.unparse, low))} {ast.unparse(end)}".strip()
    places = (ast.unparse(one), ast.unparse(other))
    forwards = {(own, f"{own} + 1"): "the next one", (f"{own} + 1", own): "the one before it"}
    backwards = {(own, f"{own} - 1"): "the one before it", (f"{own} - 1", own): "the next one"}
    ways = {f"len({whole}) - 1": forwards, f"0 len({whole}) - 1": forwards, f"1 len({whole})": backwards}.get(spans, {})
    kind = say.kind(held)
    if places not in ways or kind.name not in ("list", "tuple", "str"):
        return None
    if not isinstance(sign, ast.Eq | ast.NotEq) and kind.element.name not in ("int", "float"):
        return None
    return f"{noun(kind)} in {say.np(held, tail=False)} {COMPARED[type(sign)]} {ways[places]}"


def _beside(say: Speaker, test: ast.expr, loop: ast.comprehension) -> str | None:
    """Return "number in `xs` is greater than the one at the same place in `ys`", for two lists gone through at once."""
    match loop.target, loop.iter, test:
        case (
            ast.Tuple(elts=[ast.Name(id=one), ast.Name(id=other)]),
            ast.Call(func=ast.Name(id="zip"), args=[ast.Name() as first, ast.Name() as second], keywords=[]),
            ast.Compare(left=ast.Name(id=left), ops=[sign], comparators=[ast.Name(id=right)]),
        ) if (left, right) == (one, other) and not loop.ifs and type(sign) in COMPARED:
            pass
        case _:
            return None
    kinds = [say.kind(each) for each in (first, second)]
    if any(kind.name not in ("list", "tuple", "str") for kind in kinds):
        return None
    if not isinstance(sign, ast.Eq | ast.NotEq) and any(kind.element.name not in ("int", "float") for kind in kinds):
        return None
    say.note(say.pick(
        "If one of the two is longer, what has no counterpart in the other is left out.",
        "Extra elements of the longer one are ignored.",
    ))  # fmt: skip
    whole = say.np(first, tail=False)
    return (
        f"{noun(kinds[0])} in {whole} {COMPARED[type(sign)]} the one at the same place in {say.np(second, tail=False)}"
    )


COMPARED: dict[type[ast.cmpop], str] = {
    ast.Gt: "is greater than", ast.GtE: "is at least", ast.Lt: "is less than", ast.LtE: "is at most",
    ast.Eq: "equals", ast.NotEq: "differs from",
}  # fmt: skip


def _opposite(test: ast.expr) -> ast.expr | None:
    """Return the opposite of a condition that says what is not so."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner) if not isinstance(inner, ast.Name):
            return inner
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return ast.Compare(left, [ast.Eq()], [right])
        case ast.Compare(left=left, ops=[ast.NotIn()], comparators=[right]):
            return ast.Compare(left, [ast.In()], [right])
        case _:
            return None


def _plainly(say: Speaker, test: ast.expr, loop: ast.comprehension) -> str | None:
    """Return what is said of the loop's element, if that is all that is said."""
    if not isinstance(loop.target, ast.Name):
        return None
    own = loop.target.id
    found = predicate(say, test, False)
    if found is None or not (isinstance(found.subject, ast.Name) and found.subject.id == own):
        return None
    return None if _speaks_of(found.rest, own) else found.text()


def _speaks_of(text: str, *names: str) -> bool:
    parts = text.split("`")[1::2]
    return any(name in names_in(ast.parse(part, mode="eval")) for part in parts for name in names)


def relative(say: Speaker, tests: list[ast.expr], loop: ast.comprehension, many: bool, value: str = "",
             value_is: str = "value") -> str | None:  # fmt: skip
    """Return what follows a noun: " that are even and whose length is 3"; None where it takes names to say it.

    The noun is the loop's only name, or the key of a pair whose `value` has a name too.
    """
    parts: list[ast.expr] = []
    word = " and "
    for test in tests:
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            parts += test.values
        elif isinstance(test, ast.BoolOp) and len(tests) == 1:
            parts, word = list(test.values), " or "
        else:
            parts.append(test)
    if any(_is_joined(part) for part in parts):
        return None
    parts = [_facing(part, names_in(loop.target)) for part in parts]
    own = _own(loop.target, value)
    said: list[tuple[str, str]] = []
    for part in parts:
        negative = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not)
        found = predicate(say, part.operand if isinstance(part, ast.UnaryOp) and negative else part, negative)
        if found is None or _speaks_of(found.rest, *names_in(loop.target)):
            return None
        pronoun = _pronoun(say, found.subject, own, value, value_is) or _of_tuple(found.subject, loop)
        if pronoun is None:
            return None
        text = found.text(many and pronoun == "that")
        said.append((pronoun, text))
    words = [f"{pronoun} {text}" for pronoun, text in said]
    if any(" and " in text or " or " in text for text in words) and len(words) > 1:
        return None
    return " " + word.join([*words[:1], *(_shorter(one, other) for one, other in pairwise(said))])


def _shorter(before: tuple[str, str], own: tuple[str, str]) -> str:
    """Return a further part of a relative clause without what it has in common with the one before it.

    >>> _shorter(("that", "are even"), ("that", "are not 0"))
    'not 0'
    """
    pronoun, text = own
    if pronoun != before[0] or pronoun != "that":
        return f"{pronoun} {text}"
    verb, _, rest = text.partition(" ")
    alike = before[1].startswith(f"{verb} ") and not before[1].startswith(f"{verb} not ")
    return rest if verb in ("is", "are") and alike else text


def _facing(test: ast.expr, names: set[str]) -> ast.expr:
    """Return an equality with what a loop goes through on its left."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]) if (
            names_in(right) & names and not names_in(left) & names
        ):
            return ast.Compare(right, test.ops, [left])
        case _:
            return test


def _of_tuple(subject: ast.expr, loop: ast.comprehension) -> str | None:
    """Return the pronoun for a part of the tuples that a loop goes through."""
    parts = isinstance(loop.target, ast.Tuple) and not isinstance(loop.iter, ast.Call)
    return (
        f"whose `{subject.id}`"
        if parts and isinstance(subject, ast.Name) and subject.id in names_in(loop.target)
        else None
    )


def _own(target: ast.expr, value: str) -> str:
    if isinstance(target, ast.Name):
        return target.id
    names = [each for each in sorted(names_in(target)) if each not in {value, "_"}]
    return names[0] if len(names) == 1 and value else ""


def _pronoun(say: Speaker, subject: ast.expr, own: str, value: str, value_is: str) -> str | None:
    match subject:
        case ast.Name(id=text) if text == own:
            return "that"
        case ast.Name(id=text) if text == value and value:
            return f"whose {value_is}"
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=text)]) if text == own:
            return "whose length"
        case ast.Call(func=ast.Name(id="sum"), args=[ast.Name(id=text)]) if text == own:
            return "whose sum"
        case ast.Subscript(value=ast.Name(id=text), slice=key) if text == own:
            place = number(key)
            part = "character" if say.kind(subject).name == "char" else "element"
            if place == -1:
                return f"whose last {part}"
            if isinstance(place, int) and 0 <= place < len(ORDINALS) and say.kind(ast.Name(own)).name != "dict":
                return f"whose {ORDINALS[place]} {part}"
    return None
