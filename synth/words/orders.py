"""The largest, the smallest, and elements in order: "the key of `prices` with the largest value".

In: a call of `max`, `min` or `sorted`. Out: a phrase; a note follows on what becomes of equal ones.
"""

import ast
import re

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable
from curate.synth.words.kinds import NUMBERS
from curate.synth.words.sources import noun
from curate.synth.words.speaker import Speaker, listed, number


def extreme(say: Speaker, name: str, args: list[ast.expr], options: dict[str | None, ast.expr], tail: bool) -> str:
    """Return what a call of `max` or `min` gives."""
    word = "largest" if name == "max" else "smallest"
    match args, sorted(map(str, options)):
        case [ast.List(elts=[before, ast.Starred(value=ast.GeneratorExp(elt=element, generators=loops))])], []:
            if not tail:
                raise Unsayable("a limit within a phrase")
            if not isinstance(before, ast.Constant | ast.Name | ast.UnaryOp | ast.Subscript):
                raise Unsayable("a limit of another kind")
            if "inf" in ast.dump(before):
                raise Unsayable("an endless limit")
            more = "larger" if name == "max" else "smaller"
            return f"the {word} of {collection(say, element, loops)}, or {say.np(before, False)} if none is {more}"
        case [ast.GeneratorExp(elt=element, generators=loops)], []:
            if say.kind(args[0]).element.name not in NUMBERS:
                raise Unsayable("an extreme by an order of its own")
            return _of_any(f"the {word} of {collection(say, element, loops)}")
        case [ast.GeneratorExp(elt=element, generators=loops)], ["default"] if tail:
            said = collection(say, element, loops)
            return f"the {word} of {said}, or {say.np(options['default'], False)} if there are none"
        case [whole], [] if say.kind(whole).element.name in NUMBERS:
            return (
                f"the {word} of {elements_of(say, whole, 'the ')}"
                if not _single_noun(say, whole)
                else (f"the {word} {_single_noun(say, whole)}")
            )
        case [whole], ["default"] if say.kind(whole).element.name in NUMBERS and tail:
            said = elements_of(say, whole, "the ")
            return f"the {word} of {said}, or {say.np(options['default'], False)} if there are none"
        case [whole], ["key"] if say.kind(whole).name not in ("set", "frozenset"):
            said = _keyed(say, whole, options["key"], word)
            _, behind, worth = said.rpartition(f" with the {word} ")
            say.note(first_of_equals(say, f"the {word} {worth}" if behind else ""))
            return f"the {said}"
        case [_, _, *_], [] if all(say.kind(each).name in NUMBERS for each in args):
            of_two = "larger" if name == "max" else "smaller"
            return f"the {of_two if len(args) == 2 else word} of {listed([say.np(each, False) for each in args])}"
        case _:
            raise Unsayable("an extreme of another kind")


def _of_any(text: str) -> str:
    """Return "the largest length of any string" for "the largest of the length of each string"."""
    text = re.sub(r"^the (largest|smallest) of the sum of the (\w+) in each ", r"the \1 sum of the \2 in any ", text)
    return re.sub(r"^the (largest|smallest) of the ([a-z ]{1,24}|`\w+`) of each ", r"the \1 \2 of any ", text)


def _single_noun(say: Speaker, whole: ast.expr) -> str:
    if isinstance(whole, ast.Call):
        return ""
    if isinstance(whole, ast.Name) and say.kind(whole).name in ("list", "set", "tuple"):
        return f"{noun(say.kind(whole))} in {say.np(whole, False)}"
    return ""


def first_of_equals(say: Speaker, worth: str) -> str:
    """Return which of several elements is meant that have `worth`, "the largest sum"; empty: the same length.

    With "Ties go to the first" a reader may think of something else in the same description.
    """
    if not worth:
        return say.pick(
            "Of several that are equally long the first is meant.", "Of equally long ones the first counts."
        )
    return say.pick(f"Of several with {worth} the first is meant.", f"Where several have {worth}, the first counts.")


def _keyed(say: Speaker, whole: ast.expr, key: ast.expr, word: str) -> str:
    """Return the element that is largest by something."""
    match whole, key:
        case ast.Name(), ast.Attribute(value=ast.Name(id=owner), attr="get") if (
            isinstance(whole, ast.Name) and whole.id == owner and say.kind(whole).name == "dict"
        ):
            return f"key of {say.np(whole, False)} with the {word} value"
        case _, ast.Name(id="len") if say.kind(whole).name in ("list", "set", "tuple", "dict"):
            longest = "longest" if word == "largest" else "shortest"
            return f"{longest} {_noun_in(say, whole)}"
        case _, ast.Name(id="sum" | "abs" as by) if say.kind(whole).name in ("list", "tuple"):
            of = "sum" if by == "sum" else "absolute value"
            return f"{_noun_in(say, whole)} with the {word} {of}"
        case _, ast.Lambda(args=ast.arguments(args=[ast.arg(arg=text)]), body=body) if say.kind(whole).name in (
            "list",
            "tuple",
            "dict",
        ):
            return f"{_noun_in(say, whole)} with the {word} {_worth(say, whole, text, body)}"
        case _:
            raise Unsayable("an extreme by something else")


def _noun_in(say: Speaker, whole: ast.expr) -> str:
    kind = say.kind(whole)
    return f"{noun(kind)} {'of' if kind.name == 'dict' else 'in'} {say.np(whole, False)}"


def _worth(say: Speaker, whole: ast.expr, text: str, body: ast.expr) -> str:
    """Return by what elements are compared: "length", "second element"."""
    inner = say.knows(ast.Name(text, ast.Store()), say.kind(whole).element)
    match body:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=own)]) if own == text:
            return "length"
        case ast.Call(func=ast.Name(id="sum"), args=[ast.Name(id=own)]) if own == text:
            return "sum"
        case ast.Call(func=ast.Name(id="abs"), args=[ast.Name(id=own)]) if own == text:
            return "absolute value"
        case ast.Subscript(value=ast.Name(id=own), slice=key) if own == text and inner.kind(body).name in (
            *NUMBERS, "str",
        ):  # fmt: skip
            place = number(key)
            if place in (0, 1, 2, -1) and say.kind(whole).element.name in ("tuple", "list"):
                return f"{ {0: 'first', 1: 'second', 2: 'third', -1: 'last'}[int(place)] } element"
            raise Unsayable("by another part")
        case ast.Subscript(value=ast.Name(id=owner), slice=ast.Name(id=own)) if (
            own == text and isinstance(whole, ast.Name) and whole.id == owner and say.kind(whole).name == "dict"
        ):
            return "value"
        case _:
            raise Unsayable("by something else")


def in_order(say: Speaker, whole: ast.expr, options: dict[str | None, ast.expr]) -> str:
    """Return what a call of `sorted` gives."""
    reverse = options.get("reverse", ast.Constant(False))
    if not isinstance(reverse, ast.Constant) or not set(options) <= {"reverse", "key"}:
        raise Unsayable("sorted in another way")
    order = "descending" if reverse.value else "ascending"
    key = options.get("key")
    if isinstance(whole, ast.Call) and isinstance(whole.func, ast.Name) and whole.func.id == "set":
        what = f"a list of the different {elements_of(say, whole.args[0])}"
    else:
        what = f"a list of {elements_of(say, whole, 'the ')}"
    of = say.kind(whole).element.name
    if key is None and of not in (*NUMBERS, "str", "char"):
        raise Unsayable("sorted by an order of its own")
    if key is None:
        if of not in NUMBERS:
            if reverse.value:
                return f"{what} in descending alphabetical order (by character code)"
            way = say.pick("in ascending alphabetical order", "in alphabetical order", "sorted alphabetically")
            return f"{what} {way} (by character code)"
        ways = ("sorted from the largest down",) if reverse.value else ("sorted from the smallest up",)
        return f"{what} {say.pick(f'in {order} order', *ways)}"
    if say.kind(whole).name in ("set", "frozenset"):
        raise Unsayable("the order of a set")
    match key:
        case ast.Name(id="len" | "sum" | "abs" as by):
            worth = {"len": "length", "sum": "sum", "abs": "absolute value"}[by]
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=text)]), body=body):
            worth = _worth(say, whole, text, body)
        case _:
            raise Unsayable("sorted by something else")
    say.note(say.pick(
        "Equal ones stay in the order in which they were given.", "Ties keep their original order.",
    ))  # fmt: skip
    first = "largest" if order == "descending" else "smallest"
    return f"{what} {say.pick(f'in {order} order of their {worth}', f'sorted by {worth}, {first} first')}"
