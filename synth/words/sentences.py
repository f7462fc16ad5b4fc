"""A function's steps as sentences: "If `xs` is empty, return 0. Otherwise, return the largest number in `xs`."

In: a function's syntax tree. Out: Described: its description, and the source of a program made of what the description
says, which must give what the function gives; or Unsayable, for the functions that no rule has words for.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from curate.synth.words.clauses import clause
from curate.synth.words.forms import (
    Branch,
    Let,
    Raise,
    Return,
    Search,
    Steps,
    Unsayable,
    joined,
    name,
    names_in,
    program,
)
from curate.synth.words.kinds import annotated, kind_of
from curate.synth.words.phrases import phrase
from curate.synth.words.plain import errors_told
from curate.synth.words.procedure import ordered
from curate.synth.words.searches import first_of
from curate.synth.words.sources import ORDINALS
from curate.synth.words.speaker import Speaker
from curate.synth.words.steps import steps_of

MOST_WORDS = 75
MOST_SENTENCES = 7
MOST_WORDS_OF_STEPS = 100
MOST_STEPS = 9
NUMBERS = ("no", "one", "two", "three", "four", "five")
ERROR = re.compile(r"\w*(?:Error|Exception)")


@dataclass(frozen=True)
class Described:
    """What a function does, in English and as another program."""

    prose: str
    program: str
    told: str
    """The program with values in the place of the errors that the prose speaks of: what it still raises is unsaid."""
    in_steps: bool = False
    """Whether the prose says what is done one after the other, and not what comes of it."""


def described(function: ast.FunctionDef) -> Described:
    """Return a function's description: in few sentences, or else with a sentence for each name that it gives.

    Where no expression says what its loops come to, it says what they do, step after step.
    """
    for way in (_in_few, _named, _in_steps):
        try:
            return way(function)
        except Unsayable:
            pass
    return _in_steps(function, unrolled=True)


def _in_few(function: ast.FunctionDef) -> Described:
    return _described(function, steps_of(function))


def _named(function: ast.FunctionDef) -> Described:
    return _described(function, steps_of(function, named=True))


def _in_steps(function: ast.FunctionDef, unrolled: bool = False) -> Described:
    said, body = ordered(function, unrolled=unrolled)
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        raise Unsayable("parameters of another kind")
    prose = " ".join([*said, *_defaults(function, Speaker({}, phrase, clause))])
    if len(prose.split()) > MOST_WORDS_OF_STEPS or len(said) > MOST_STEPS:
        raise Unsayable("too long")
    header = _header(function)
    return Described(prose, _source(header, body), _source(header, errors_told(body)), in_steps=True)


def _source(header: str, body: list[ast.stmt]) -> str:
    return f"{header}\n{indent(ast.unparse(ast.Module(body, [])), '    ')}\n"


def _defaults(function: ast.FunctionDef, say: Speaker) -> list[str]:
    arguments, defaults = [*function.args.posonlyargs, *function.args.args], function.args.defaults
    last = arguments[len(arguments) - len(defaults) :]
    return [f"`{each.arg}` is {say.np(value, False)} by default." for each, value in zip(last, defaults, strict=True)]


def _header(function: ast.FunctionDef) -> str:
    empty = ast.FunctionDef(function.name, function.args, [ast.Pass()], [], function.returns, lineno=0)
    return ast.unparse(empty).removesuffix("\n    pass")


def _described(function: ast.FunctionDef, steps: Steps) -> Described:
    arguments = [*function.args.posonlyargs, *function.args.args]
    kinds = {each.arg: annotated(each.annotation) for each in arguments}
    say = Speaker(kinds, phrase, clause)
    sentences = [*_sentences(say, steps, first=True), *_defaults(function, say)]
    prose = " ".join([*sentences, *say.notes])
    if len(prose.split()) > MOST_WORDS or len(sentences) > MOST_SENTENCES:
        raise Unsayable("too long")
    header = _header(function)
    return Described(prose, program(steps, header), program(steps, header, told=True))


def _sentences(say: Speaker, steps: Steps, first: bool = False) -> list[str]:
    match steps:
        case Return(value):
            return _returned(say, value, first)
        case Raise(error):
            return [f"{'Raise' if first else 'Otherwise, raise'} {_an(error)}."]
        case Let(text, value, rest):
            if text in say.kinds:
                raise Unsayable("one name for two things")
            said = say.np(value)
            inner = Speaker(
                {**say.kinds, text: kind_of(value, say.kinds)}, say.phrase, say.claim, say.stands, say.notes
            )
            return [f"{'Let' if first else 'Otherwise, let'} `{text}` be {said}.", *_sentences(inner, rest, first=True)]
        case Search(loop, found, rest):
            return _searched(say, loop, found, rest, first)
        case Branch(test, then, otherwise):
            return _branched(say, test, then, otherwise, first)


def _an(error: str) -> str:
    if not ERROR.fullmatch(error):
        raise Unsayable("raises something strange")
    return f"{'an' if error[0] in 'AEIOU' else 'a'} {error}"


def _returned(say: Speaker, value: ast.expr, first: bool) -> list[str]:
    if isinstance(value, ast.IfExp):
        return _sentences(say, Branch(value.test, Return(value.body), Return(value.orelse)), first)
    notes = list(say.notes)
    more: list[str] = []
    try:
        text = _imperative(say, value)
    except Unsayable:
        if not isinstance(value, ast.Tuple | ast.Dict):
            raise
        say.notes[:] = notes
        text, more = _in_parts(say, value)
    return [f"{text[0].upper()}{text[1:]}." if first else f"Otherwise, {text}.", *more]


def _in_parts(say: Speaker, value: ast.expr) -> tuple[str, list[str]]:
    """Return what is to be done for a tuple or a dictionary, and a sentence for each of its parts."""
    match value:
        case ast.Tuple(elts=parts) if 1 < len(parts) <= len(ORDINALS):
            said = [f"Its {where} element is {say.np(part)}." for where, part in zip(ORDINALS, parts, strict=False)]
            return f"return a tuple of {NUMBERS[len(parts)]} elements", said
        case ast.Dict(keys=keys, values=parts) if keys and all(isinstance(key, ast.Constant) for key in keys):
            held = [(say.np(key), say.np(part)) for key, part in zip(keys, parts, strict=True) if key]
            return "return a dictionary", [f"Under {key} it holds {part}." for key, part in held]
        case _:
            raise Unsayable("no parts")


def _imperative(say: Speaker, value: ast.expr) -> str:
    """Return what is to be done for a value: "return True if `x` is even, otherwise False"."""
    if isinstance(value, ast.Constant):
        return f"return {say.np(value)}"
    if say.kind(value).name == "bool" and not isinstance(value, ast.Name | ast.Subscript | ast.IfExp):
        return f"return True if {say.clause(value)}, otherwise False"
    return f"return {say.np(value)}"


def _end(say: Speaker, steps: Steps) -> str:
    match steps:
        case Return(value):
            if isinstance(value, ast.IfExp):
                raise Unsayable("a choice within a choice")
            return _imperative(say, value)
        case Raise(error):
            return f"raise {_an(error)}"
        case _:
            raise Unsayable("steps within a choice")


def _branched(say: Speaker, test: ast.expr, then: Steps, otherwise: Steps, first: bool) -> list[str]:
    ways = list(_ways(test, then))
    if len(ways) == 1 and not isinstance(ways[0][1], Return | Raise):
        turned = list(_ways(ast.UnaryOp(ast.Not(), test), otherwise))
        if len(turned) != 1 or not isinstance(turned[0][1], Return | Raise):
            raise Unsayable("steps within a choice")
        ways, otherwise = turned, then
    one = ways[0]
    if first and len(ways) == 1 and isinstance(one[1], Return) and isinstance(otherwise, Return):
        short = _in_one(say, one[0], one[1].value, otherwise.value)
        if short:
            return [short]
    found = []
    for place, (condition, end) in enumerate(ways):
        when = f"{'If' if first and place == 0 else 'Otherwise, if'} {say.clause(condition, tail=False)}"
        found.append(f"{when}, {_end(say, end)}.")
    return [*found, *_sentences(say, otherwise)]


def _ways(test: ast.expr, then: Steps) -> Iterator[tuple[ast.expr, Steps]]:
    """Yield the conditions under which a choice within a choice ends, and how."""
    if isinstance(then, Return) and isinstance(then.value, ast.IfExp):
        then = Branch(then.value.test, Return(then.value.body), Return(then.value.orelse))
    if isinstance(then, Branch):
        yield from _ways(joined([*_parts(test), *_parts(then.test)]), then.then)
        yield from _ways(test, then.otherwise)
    else:
        yield test, then


def _parts(test: ast.expr) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _in_one(say: Speaker, test: ast.expr, one: ast.expr, other: ast.expr) -> str | None:
    """Return a choice of two short values as one sentence."""
    notes = list(say.notes)
    plain = (ast.Constant, ast.Name, ast.Subscript, ast.UnaryOp)
    if any(isinstance(each, ast.IfExp) for each in (one, other)):
        return None
    if not (isinstance(one, plain) and isinstance(other, plain)):
        return None
    try:
        return f"Return {say.np(one, False)} if {say.clause(test, tail=False)}, otherwise {say.np(other, False)}."
    except Unsayable:
        say.notes[:] = notes
        return None


def _searched(say: Speaker, loop: ast.comprehension, found: ast.expr, rest: Steps, first: bool) -> list[str]:
    if isinstance(found, ast.Constant) or not names_in(found) & names_in(loop.target):
        test = ast.Call(
            name("any"), [ast.GeneratorExp(joined(loop.ifs), [ast.comprehension(loop.target, loop.iter, [], 0)])], []
        )
        return _branched(say, test, Return(found), rest, first)
    said = f"{'Return' if first else 'Otherwise, return'} {first_of(say, found, loop)}."
    match rest:
        case Return(value):
            text = _imperative(say, value)
            return [f"{said[:-1]}; if there is none, {text}."]
        case Raise(error):
            return [f"{said[:-1]}; if there is none, raise {_an(error)}."]
        case _:
            raise Unsayable("more behind a search")
