"""Calls of methods as phrases: "`text` in lower case", "the value of `key` in `prices`".

In: a call of a method of a text, a list or a dictionary. Out: a phrase.
"""

import ast

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable
from curate.synth.words.speaker import Speaker

CASES = {
    "lower": "in lower case", "upper": "in upper case",
    "title": "with the first letter of every run of letters in upper case and all others in lower case",
    "capitalize": "with its first character in upper case and the others in lower case",
    "swapcase": "with upper and lower case exchanged",
}  # fmt: skip


def method_call(say: Speaker, owner: ast.expr, method: str, args: list[ast.expr], tail: bool) -> str:
    """Return what a call of a method gives."""
    kind = say.kind(owner).name
    if method == "join" and isinstance(owner, ast.Constant) and len(args) == 1:
        return _join(say, str(owner.value), args[0], tail)
    if kind == "dict":
        return _of_dict(say, owner, method, args, tail)
    if kind in ("list", "tuple") and method in ("count", "index"):
        item = say.np(args[0], False)
        if method == "count":
            return f"the number of times {item} occurs in {say.np(owner, False)}"
        return f"the first index at which {say.np(owner, False)} holds {item}"
    if kind not in ("str", "char"):
        raise Unsayable(f"a method {method} of something else")
    own = say.np(owner, False)
    match method, args:
        case _, [] if method in CASES:
            return f"{own} {CASES[method]}"
        case "strip" | "lstrip" | "rstrip", []:
            ends = {"strip": "at both ends", "lstrip": "at its beginning", "rstrip": "at its end"}[method]
            return f"{own} stripped of whitespace {ends}"
        case "replace", [one, other]:
            gone = isinstance(other, ast.Constant) and other.value == ""
            if gone:
                return f"{own} with every {say.np(one, False)} removed"
            return f"{own} with every {say.np(one, False)} replaced by {say.np(other, False)}"
        case "split", []:
            say.note("Words are separated by whitespace.")
            return f"the list of the words of {own}"
        case "split", [what]:
            return f"the list of the pieces of {own} split at {say.np(what, False)}"
        case "count", [what]:
            if not (isinstance(what, ast.Constant) and len(str(what.value)) == 1):
                say.note("Occurrences are counted from left to right and do not overlap.")
            return f"the number of times {say.np(what, False)} occurs in {own}"
        case "find", [what]:
            if not tail:
                raise Unsayable("a search within a phrase")
            return f"the index of the first {say.np(what, False)} in {own}, or -1 if there is none"
        case _:
            raise Unsayable(f"a method {method}")


def _of_dict(say: Speaker, owner: ast.expr, method: str, args: list[ast.expr], tail: bool) -> str:
    match method, args:
        case "get", [key, default] if tail:
            own = say.np(owner, False)
            return f"the value of {say.np(key, False)} in {own}, or {say.np(default, False)} if it is not a key of it"
        case "get", [key] if tail:
            own = say.np(owner, False)
            return f"the value of {say.np(key, False)} in {own}, or None if it is not a key of it"
        case (("values" | "keys"), []):
            return f"the {method} of {say.np(owner, False)}"
        case _:
            raise Unsayable(f"a method {method} of a dictionary")


def _join(say: Speaker, between: str, items: ast.expr, tail: bool) -> str:
    if not tail:
        raise Unsayable("joined within a phrase")
    if say.kind(items).name in ("set", "frozenset"):
        raise Unsayable("the order of a set")
    match items:
        case ast.GeneratorExp(elt=element, generators=loops) | ast.ListComp(elt=element, generators=loops):
            what = collection(say, element, loops)
        case ast.Call(func=ast.Name(id="sorted"), args=[whole], keywords=[]) if say.kind(whole).element.name in (
            "str", "char",
        ):  # fmt: skip
            what = f"{elements_of(say, whole, 'the ')} in alphabetical order (by character code)"
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[]):
            say.note("Words are separated by whitespace.")
            what = f"the words of {say.np(owner, False)}"
        case _:
            what = elements_of(say, items, "the ")
    if "joined into" in what:
        raise Unsayable("joined within a phrase")
    names = {"": "with nothing between them", " ": "with a space between them", "\n": "with a newline between them"}
    shown = names.get(between, f"with {between!r} between them" if between.isprintable() else "")
    if not shown or "`" in between:
        raise Unsayable("joined by something strange")
    return f"{what}, joined into one string {shown}"
