"""Calls of methods as phrases: "`text` in lower case", "the value of `key` in `prices`".

In: a call of a method of a text, a list or a dictionary. Out: a phrase.
"""

import ast
import re

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable
from curate.synth.words.speaker import QUOTED, Speaker, is_long

CASES = {
    "lower": "in lower case", "upper": "in upper case",
    "title": "with the first letter of every run of letters in upper case and all others in lower case",
    "capitalize": "with its first character in upper case and the others in lower case",
    "swapcase": "with upper and lower case exchanged",
}  # fmt: skip

MOST_ENTRIES = 5
"""Of a table whose entries are told one by one."""
JOINED = re.compile(r"\b(?:joined|concatenated|separated by)\b")
BETWEEN = {
    "": (
        "joined into one string with nothing between them", "concatenated into one string",
        "joined into a single string without a separator",
    ),
    " ": ("joined into one string with a space between them", "joined with spaces", "separated by single spaces"),
    "\n": ("joined into one string with a newline between them", "joined with newlines"),
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
            return f"the list of the words in {say.within(owner)}"
        case "split", [what] if " piece" not in own:
            return f"the list of the pieces of {say.within(owner)} split at {say.np(what, False)}"
        case "count", [what]:
            if not (isinstance(what, ast.Constant) and len(str(what.value)) == 1):
                say.note("Occurrences count wherever they stand, also within words, but do not overlap.")
            return f"the number of times {say.np(what, False)} occurs in {say.within(owner)}"
        case "find", [what]:
            if not tail:
                raise Unsayable("a search within a phrase")
            return f"the index of the first {say.np(what, False)} in {say.within(owner)}, or -1 if there is none"
        case _:
            raise Unsayable(f"a method {method}")


def _of_dict(say: Speaker, owner: ast.expr, method: str, args: list[ast.expr], tail: bool) -> str:
    match method, args:
        case "get", [key, default] if tail and isinstance(owner, ast.Dict) and 1 < len(owner.keys) <= MOST_ENTRIES:
            return _looked_up(say, owner, key, default)
        case "get", [key, default] if tail:
            own = say.np(owner, False)
            missing = say.pick("it is not a key of it", "that key is missing", "there is no such key")
            return f"the value of {say.np(key, False)} in {own}, or {say.np(default, False)} if {missing}"
        case "get", [key] if tail:
            own = say.np(owner, False)
            missing = say.pick("it is not a key of it", "that key is missing", "there is no such key")
            return f"the value of {say.np(key, False)} in {own}, or None if {missing}"
        case (("values" | "keys"), []):
            return f"the {method} of {say.np(owner, False)}"
        case _:
            raise Unsayable(f"a method {method} of a dictionary")


def _looked_up(say: Speaker, table: ast.Dict, key: ast.expr, default: ast.expr) -> str:
    """Return what stands in a small table under a key, entry by entry."""
    own = say.np(key, False)
    held = [
        f"{say.np(value, False)} if {f'{own} is' if place == 0 else 'it is'} {say.np(entry, False)}"
        for place, (entry, value) in enumerate(zip(table.keys, table.values, strict=True))
        if isinstance(entry, ast.Constant)
    ]
    if len(held) < len(table.keys) or any(is_long(each.replace(" if ", " ")) for each in held):
        raise Unsayable("a table of something else")
    return f"{', '.join(held)}, and {say.np(default, False)} {say.pick('otherwise', 'for any other value')}"


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
            what = f"the words in {say.within(owner)}"
        case _:
            what = elements_of(say, items, "the ")
    if JOINED.search(QUOTED.sub("x", what)):
        raise Unsayable("joined within a phrase")
    if "`" in between or not (between.isprintable() or between in BETWEEN):
        raise Unsayable("joined by something strange")
    ways = BETWEEN.get(between, ("joined into one string with {} between them", "joined with {}", "separated by {}"))
    how = say.pick(*ways).format(repr(between))
    return f"{what} {how}" if say.random and not is_long(what) else f"{what}, {how}"
