"""A function's steps as sentences: "Return the largest number in `xs`, or 0 if `xs` is empty."

In: a function's syntax tree, and a seed that draws among several wordings of the same. Out: Described: its description,
and the source of a program made of what the description says, which must give what the function gives; or Unsayable,
for the functions that no rule has words for.

What the function is for comes first: what it gives ordinarily, then what it gives in special cases, then errors.
Choices between several values are told in their order (choices.py); how a text begins is opening.py's, and what its
parameters are called nouns.py's.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from textwrap import indent

from curate.synth.words.choices import Way, chain, exclude, flat, is_plain, simple
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
    same,
)
from curate.synth.words.kinds import Kind, annotated, kind_of
from curate.synth.words.nouns import called
from curate.synth.words.opening import merged, opened, reworded
from curate.synth.words.phrases import phrase
from curate.synth.words.plain import errors_told
from curate.synth.words.procedure import ordered
from curate.synth.words.searches import first_of
from curate.synth.words.sources import ORDINALS
from curate.synth.words.speaker import Speaker, article, bare, listed
from curate.synth.words.statements import that_apply
from curate.synth.words.steps import steps_of

MOST_WORDS = 75
MOST_SENTENCES = 7
MOST_WORDS_OF_STEPS = 100
MOST_STEPS = 9
NUMBERS = ("no", "one", "two", "three", "four", "five")
ERROR = re.compile(r"\w*(?:Error|Exception)")
OPEN = re.compile(r",|;|\b(?:or|if|otherwise|where)\b")
"""What keeps "or 0 if ..." from being put behind a sentence."""


@dataclass(frozen=True)
class Described:
    """What a function does, in English and as another program."""

    prose: str
    finish: Callable[[Sequence[str]], str]
    """Returns the prose with further sentences behind it, in which the parameters are called as in the others."""
    program: str
    told: str
    """The program with values in the place of the errors that the prose speaks of: what it still raises is unsaid."""
    in_steps: bool = False
    """Whether the prose says what is done one after the other, and not what comes of it."""


def described(function: ast.FunctionDef, seed: int | None = None) -> Described:
    """Return a function's description: in few sentences, or else with a sentence for each name that it gives.

    Where no expression says what its loops come to, it says what they do, step after step. Without a seed the first of
    several wordings is taken everywhere.
    """
    if any(isinstance(each, ast.Dict) and _repeats(each.keys) for each in ast.walk(function)):
        raise Unsayable("a key that stands twice")
    for way in (_in_few, _in_more, _in_steps):
        try:
            return way(function, seed)
        except Unsayable:
            pass
    return _in_steps(function, seed, unrolled=True)


def _repeats(keys: list[ast.expr | None]) -> bool:
    return len({ast.dump(key) for key in keys if key}) < len(keys)


def _in_few(function: ast.FunctionDef, seed: int | None) -> Described:
    return _described(function, steps_of(function), seed)


def _in_more(function: ast.FunctionDef, seed: int | None) -> Described:
    return _described(function, steps_of(function, named=True), seed)


def _in_steps(function: ast.FunctionDef, seed: int | None, unrolled: bool = False) -> Described:
    said, body = ordered(function, unrolled=unrolled)
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        raise Unsayable("parameters of another kind")
    text = " ".join([*said, *_defaults(function, Speaker({}, phrase, clause))])
    if len(text.split()) > MOST_WORDS_OF_STEPS or len(said) > MOST_STEPS:
        raise Unsayable("too long")
    header = _header(function)
    finish = _Finish(text, {}, seed)
    return Described(finish([]), finish, _source(header, body), _source(header, errors_told(body)), in_steps=True)


def _source(header: str, body: list[ast.stmt]) -> str:
    return f"{header}\n{indent(ast.unparse(ast.Module(body, [])), '    ')}\n"


def _header(function: ast.FunctionDef) -> str:
    empty = ast.FunctionDef(function.name, function.args, [ast.Pass()], [], function.returns, lineno=0)
    return ast.unparse(empty).removesuffix("\n    pass")


def _defaults(function: ast.FunctionDef, say: Speaker) -> list[str]:
    arguments, defaults = [*function.args.posonlyargs, *function.args.args], function.args.defaults
    last = arguments[len(arguments) - len(defaults) :]
    given = [f"`{each.arg}` is {say.np(value, False)}" for each, value in zip(last, defaults, strict=True)]
    if not given:
        return []
    return [f"By default, {listed(given)}." if say.pick("", "By default") else f"{listed(given)} by default."]


def _described(function: ast.FunctionDef, steps: Steps, seed: int | None) -> Described:
    arguments = [*function.args.posonlyargs, *function.args.args]
    kinds = {each.arg: annotated(each.annotation) for each in arguments}
    say = Speaker(kinds, phrase, clause, random=None if seed is None else Random(seed))
    sentences = _sentences(say, steps)
    say.notes[:] = that_apply(say.notes, function.body)
    if len(sentences) > MOST_SENTENCES:
        raise Unsayable("too long")
    sentences += _defaults(function, say)
    if len(" ".join([*sentences, *say.notes]).split()) > MOST_WORDS:
        raise Unsayable("too long")
    finish = _Finish(opened([*sentences, *say.notes], arguments, say), kinds, seed)
    header = _header(function)
    return Described(finish([]), finish, program(steps, header), program(steps, header, told=True))


@dataclass(frozen=True)
class _Finish:
    """Puts sentences behind a text, and calls the parameters by nouns in all of it."""

    text: str
    kinds: dict[str, Kind]
    seed: int | None

    def __call__(self, more: Sequence[str]) -> str:
        random = None if self.seed is None else Random(self.seed)
        return called(" ".join(merged([self.text, *reworded(more, random)])), self.kinds, random)


def _sentences(say: Speaker, steps: Steps) -> list[str]:
    """Return what steps do, as sentences that can begin a text."""
    ways, rest = flat(steps)
    raising = [way for way in ways if isinstance(way.end, Raise)]
    if raising and ways[: len(raising)] == raising and not isinstance(rest, Raise):
        return [*_choices(say, ways[len(raising) :], rest), *_errors(say, raising)]
    return _choices(say, ways, rest)


def _errors(say: Speaker, ways: list[Way]) -> list[str]:
    """Return a sentence for each error that comes before all else."""
    found = []
    for place, way in enumerate(ways):
        assert isinstance(way.end, Raise)
        when = say.clause(way.test, tail=False)
        before = "Otherwise, raise" if place else "Raise"
        found.append(f"{before} {_an(way.end.error)} if {when}.")
    return found


def _choices(say: Speaker, ways: list[Way], rest: Steps) -> list[str]:
    """Return ways out and what happens otherwise."""
    if not ways:
        return _end_of(say, rest)
    notes = list(say.notes)
    for told in (_in_one_sentence, _purpose_first):
        try:
            found = told(say, ways, rest)
        except Unsayable:
            found = None
        if found:
            return found
        say.notes[:] = notes
    beside = _one_beside_another(say, ways, rest)
    if beside:
        return beside
    said: list[str] = []
    for place, way in enumerate(ways):
        said.append(f"{'Otherwise, if' if place else 'If'} {say.clause(way.test, tail=False)}, {_end(say, way.end)}.")
    first, *more = _end_of(say, rest)
    return [*said, f"Otherwise, {_lower(first)}", *more]


def _is_open(text: str) -> bool:
    """Tell whether what stands behind a text could belong to a part of it."""
    return OPEN.search(bare(text)) is not None


def _one_beside_another(say: Speaker, ways: list[Way], rest: Steps) -> list[str] | None:
    """Return ways of which no two can be gone, as parts of one sentence."""
    if len(ways) < 2 or not say.random or not exclude(ways):
        return None
    tests = [say.clause(way.test, tail=False) for way in ways]
    subject = tests[0].split(" is ")[0]
    if not all(each.startswith(f"{subject} is ") for each in tests):
        return None
    ends = [_end(say, way.end) for way in ways]
    if any(";" in each or ". " in each for each in [*tests, *ends]):
        return None
    others = [
        f"if it is {each.removeprefix(f'{subject} is ')}, {end}" for each, end in zip(tests[1:], ends[1:], strict=True)
    ]
    first, *more = _end_of(say, rest)
    return [f"If {tests[0]}, {ends[0]}; {'; '.join(others)}.", f"Otherwise, {_lower(first)}", *more]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _in_one_sentence(say: Speaker, ways: list[Way], rest: Steps) -> list[str] | None:
    """Return a choice between short values."""
    if not isinstance(rest, Return) or not all(isinstance(way.end, Return) and simple(way.end.value) for way in ways):
        return None
    both = [ways[0].end.value, rest.value] if isinstance(ways[0].end, Return) else []
    if len(ways) == 1 and say.random and any(map(is_plain, both)) and not all(map(is_plain, both)):
        return None  # what it gives ordinarily comes first
    return [chain(say, ways, rest.value)] if simple(rest.value) else None


def _purpose_first(say: Speaker, ways: list[Way], rest: Steps) -> list[str] | None:
    """Return what happens ordinarily, and then the one case in which something short is given."""
    if len(ways) > 1 or not isinstance(ways[0].end, Return) or isinstance(rest, Raise):
        return None
    test, value = ways[0].test, ways[0].end.value
    if isinstance(rest, Return) and is_plain(rest.value) and not is_plain(value):
        test, value, rest = ast.UnaryOp(ast.Not(), test), rest.value, Return(value)
    if not is_plain(value):
        return None
    if isinstance(rest, Return) and say.kind(rest.value).name == "bool":
        if not isinstance(value, ast.Constant) or is_plain(rest.value):
            return None
        return [*_end_of(say, rest), f"If {say.clause(test, tail=False)}, return {say.np(value, False)} in any case."]
    if _goes_without_saying(test, value, rest):
        return _end_of(say, rest)
    said, when = say.np(value, False), say.clause(test, tail=False)
    first, *more = _end_of(say, rest)
    if more or isinstance(rest, Search):
        return [first, *more, f"If {when}, return {said} instead."] if isinstance(rest, Let | Search) else None
    if not _is_open(first) and say.pick("or", "or", "instead") == "or":
        return [f"{first[:-1]}, or {said} if {when}."]
    if isinstance(rest, Let) or say.random:
        return [first, f"If {when}, return {said} instead."]
    return None


def _goes_without_saying(test: ast.expr, value: ast.expr, rest: Steps) -> bool:
    """Tell whether a special case for something empty is what the rest gives for it in any case."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=whole):
            pass
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len"), args=[whole]), ops=[ast.Eq()], comparators=[ast.Constant(value=0)]
        ):
            pass
        case _:
            return False
    match rest, value:
        case Search(loop, _, Return(other)), _:
            return same(loop.iter, whole) and same(other, value)
        case Return(ast.ListComp(generators=loops)), ast.List(elts=[]):
            return same(loops[0].iter, whole)
        case Return(ast.DictComp(generators=loops)), ast.Dict(keys=[]):
            return same(loops[0].iter, whole)
        case _:
            return False


def _end_of(say: Speaker, steps: Steps) -> list[str]:
    """Return what the last steps do: they give a value, raise, give something a name, or look for something."""
    match steps:
        case Return(value):
            return _returned(say, value)
        case Raise(error):
            return [f"Raise {_an(error)}."]
        case Let():
            return _named(say, steps)
        case Search(loop, found, rest):
            return _searched(say, loop, found, rest)
        case _:
            return _sentences(say, steps)


def _named(say: Speaker, step: Let) -> list[str]:
    """Return a name for a value and what follows: "Let `n` be ...", or behind it: "..., where `n` is ..."."""
    lets = [step]
    while isinstance(lets[-1].rest, Let):
        lets.append(lets[-1].rest)
    last = lets[-1]
    match last.rest:
        case Return(ast.Name(id=given)) if given == last.name:
            rest: Steps = Return(last.value)
            lets.pop()
        case _:
            rest = last.rest
    if not lets:
        return _sentences(say, rest)
    said = []
    inner = say
    for each in lets:
        if each.name in inner.kinds:
            raise Unsayable("one name for two things")
        said.append((each.name, inner.np(each.value)))
        inner = replace(inner, kinds={**inner.kinds, each.name: kind_of(each.value, inner.kinds)})
    found = _sentences(inner, rest)
    plain = all(not _is_open(text) for _, text in said)
    short = len(said) == 1 or (len(said) == 2 and not any(" and " in text for _, text in said))
    if plain and short and len(found) == 1 and isinstance(rest, Return) and say.random and "; " not in found[0]:
        where = listed([f"`{text}` is {value}" for text, value in said])
        if not _is_open(found[0]) and say.pick("where", "where", "let") == "where":
            return [f"{found[0][:-1]}, where {where}."]
    return [*(f"Let `{text}` be {value}." for text, value in said), *found]


def _an(error: str) -> str:
    if not ERROR.fullmatch(error):
        raise Unsayable("raises something strange")
    return article(error)


def _returned(say: Speaker, value: ast.expr) -> list[str]:
    notes = list(say.notes)
    more: list[str] = []
    try:
        text = _imperative(say, value)
    except Unsayable:
        if not isinstance(value, ast.Tuple | ast.Dict):
            raise
        say.notes[:] = notes
        text, more = _in_parts(say, value)
    return [f"{text[0].upper()}{text[1:]}.", *more]


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
            return _imperative(say, value)
        case Raise(error):
            return f"raise {_an(error)}"
        case _:
            raise Unsayable("steps within a choice")


def _searched(say: Speaker, loop: ast.comprehension, found: ast.expr, rest: Steps) -> list[str]:
    if isinstance(found, ast.Constant) or not names_in(found) & names_in(loop.target):
        test = ast.Call(
            name("any"), [ast.GeneratorExp(joined(loop.ifs), [ast.comprehension(loop.target, loop.iter, [], 0)])], []
        )
        return _sentences(say, Branch(test, Return(found), rest))
    said = f"Return {first_of(say, found, loop)}"
    match rest:
        case Return(value):
            other = _imperative(say, value)
            if is_plain(value) and not _is_open(said):
                return [f"{said}, or {other.removeprefix('return ')} if there is none."]
            return [f"{said}; if there is none, {other}."]
        case Raise(error):
            return [f"{said}; if there is none, raise {_an(error)}."]
        case _:
            raise Unsayable("more behind a search")
