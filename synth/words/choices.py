"""Choices: ways out of a function one after the other, and a choice between short values as one sentence.

In: Steps. Out: Ways, and what happens where none of them is gone (`flat`); a sentence (`chain`).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from curate.synth.words.forms import Branch, Raise, Return, Steps, Unsayable, and_parts, joined, same
from curate.synth.words.speaker import QUOTED, Speaker

PLAIN = (ast.Constant, ast.Name)
MOST_IN_ONE = 5
"""Ways of a choice that is told in one sentence."""


@dataclass(frozen=True)
class Way:
    """A condition, and how the function ends where it holds and none before it did."""

    test: ast.expr
    end: Return | Raise


def is_plain(value: ast.expr) -> bool:
    """Tell whether a value is a constant, a name, or something empty."""
    match value:
        case ast.List(elts=held) | ast.Tuple(elts=held) | ast.Dict(keys=held):
            return all(isinstance(each, ast.Constant) for each in held) and not (held and isinstance(value, ast.Dict))
        case ast.UnaryOp(operand=ast.Constant()):
            return True
        case _:
            return isinstance(value, PLAIN)


def simple(value: ast.expr) -> bool:
    """Tell whether a value takes few words: a plain one, or a part of a name."""
    return is_plain(value) or (isinstance(value, ast.Subscript) and not isinstance(value.slice, ast.Slice))


def flat(steps: Steps) -> tuple[list[Way], Steps]:
    """Return the ways out at the beginning of steps, and the steps behind them."""
    found: list[Way] = []
    while True:
        if isinstance(steps, Return) and isinstance(steps.value, ast.IfExp):
            steps = Branch(steps.value.test, Return(steps.value.body), Return(steps.value.orelse))
        if not isinstance(steps, Branch):
            break
        ways = list(_ways(steps.test, steps.then))
        if all(isinstance(end, Return | Raise) for _, end in ways):
            steps = steps.otherwise
        else:
            ways = list(_ways(ast.UnaryOp(ast.Not(), steps.test), steps.otherwise))
            if len(ways) > 1 or not isinstance(ways[0][1], Return | Raise):
                raise Unsayable("steps within a choice")
            steps = steps.then
        for test, end in ways:
            assert isinstance(end, Return | Raise)
            found.append(Way(test, end))
    while found and _alike(found[-1].end, steps):
        found.pop()  # what happens in any case is no choice
    return found, steps


def _alike(one: Steps, other: Steps) -> bool:
    match one, other:
        case Return(value), Return(also):
            return same(value, also)
        case _:
            return one == other if isinstance(one, Raise) else False


def _ways(test: ast.expr, then: Steps) -> Iterator[tuple[ast.expr, Steps]]:
    """Yield the conditions under which a choice within a choice ends, and how."""
    if isinstance(then, Return) and isinstance(then.value, ast.IfExp):
        then = Branch(then.value.test, Return(then.value.body), Return(then.value.orelse))
    if isinstance(then, Branch):
        yield from _ways(joined([*and_parts(test), *and_parts(then.test)]), then.then)
        yield from _ways(test, then.otherwise)
    else:
        yield test, then


def chain(say: Speaker, ways: list[Way], otherwise: ast.expr) -> str:
    """Return a choice between short values: "Return 'a' if `x` is 1, 'b' if it is 2, and 'c' otherwise."

    Where two conditions can hold at once, their order is said: "else".
    """
    if len(ways) > MOST_IN_ONE:
        raise Unsayable("too many ways for a sentence")
    last = say.np(otherwise, False)
    said: list[str] = []
    subject = ""
    for way in ways:
        assert isinstance(way.end, Return)
        value, when = say.np(way.end.value, False), say.clause(way.test, tail=False)
        if _is_joined(when) and len(ways) > 1:
            raise Unsayable("conditions of several parts")
        told, subject = _again(when, subject)
        said.append(f"{value} if {told}")
    if len(ways) == 1:
        return f"Return {said[0]}{say.pick(f', otherwise {last}', f', and {last} otherwise', f', otherwise {last}')}."
    between = ", " if exclude(ways) else ", else "
    return f"Return {between.join(said)}, {say.pick('and', 'and')} {last} otherwise."


def _is_joined(when: str) -> bool:
    plain = QUOTED.sub("x", when)
    return " and " in plain or " or " in plain


def _again(when: str, subject: str) -> tuple[str, str]:
    """Return a condition with "it" for its subject, if that is the same as before, and the subject."""
    own = when.split(" is ", 1)[0] if " is " in when else ""
    if not own or QUOTED.sub("x", own).count(" ") > 4:
        return when, ""
    return (f"it is {when.split(' is ', 1)[1]}" if own == subject else when), own


def exclude(ways: list[Way]) -> bool:
    """Tell whether no two conditions can hold at once: one subject is compared with different constants."""
    subjects, values = set(), []
    for way in ways:
        match way.test:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=value)]):
                subjects.add(ast.dump(left))
                values.append(value)
            case _:
                return False
    return len(subjects) == 1 and len(set(map(repr, values))) == len(values)
