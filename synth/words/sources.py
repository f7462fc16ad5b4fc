"""What a loop goes through, in words: "number `x` in `numbers`", "key `k` of `prices` with its value `v`".

In: a loop of a comprehension. Out: a Source. Where two lists are gone through side by side, a note follows on which
of them ends first.
"""

import ast
import re
from dataclasses import dataclass
from typing import TypeGuard

from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.kinds import Kind
from curate.synth.words.speaker import Speaker, code, number, plural

NOUNS = {
    "str": "string", "int": "number", "float": "number", "list": "inner list", "tuple": "tuple",
    "dict": "dictionary", "char": "character", "set": "set", "bool": "value",
}  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "fifth")


ADJECTIVES = {"not empty": "non-empty", "not 0": "non-zero", "not negative": "non-negative"}
ONE_OF_THESE = "even|odd|positive|negative|not empty|not 0|not negative"
ADJECTIVAL = re.compile(rf" that (?:is|are) ({ONE_OF_THESE})(?: and ({ONE_OF_THESE}))?")


@dataclass(frozen=True)
class Source:
    """Such as `number`, `in `xs``, ``number `x` in `xs```."""

    one: str
    of: str
    named: str
    value: str = ""
    """The name of the other part of a pair of key and value, and what that is called."""
    value_is: str = ""

    @property
    def many(self) -> str:
        """The noun's plural."""
        return plural(self.one)

    def qualified(self, rel: str, *, many: bool) -> str:
        """Return the noun with a relative clause, or with the adjectives that this comes to: "even numbers in `xs`"."""
        found = ADJECTIVAL.fullmatch(rel)
        noun = self.many if many else self.one
        if not found:
            return f"{noun} {self.of}{rel}"
        words = [ADJECTIVES.get(each, each) for each in (found[1], found[2]) if each]
        return f"{' '.join(words)} {noun} {self.of}"


def source(say: Speaker, loop: ast.comprehension, used: set[str]) -> tuple[Source, Speaker]:
    """Return what a loop goes through and a speaker that knows its names. `used` are the names that are spoken of."""
    inner = say.knows(loop.target, say.kind(loop.iter).element)
    match loop.target:
        case ast.Name(id=text):
            return _single(say, loop.iter, text), inner
        case ast.Tuple(elts=parts) if all(isinstance(part, ast.Name) for part in parts):
            return _several(say, loop.iter, [part.id for part in parts if isinstance(part, ast.Name)], used), inner
        case _:
            raise Unsayable("a loop over parts of parts")


def noun(kind: Kind) -> str:
    """Return what an element of such a container is called."""
    if kind.name in ("str", "char"):
        return "character"
    if kind.name == "dict":
        return "key"
    return NOUNS.get(kind.element.name, "element")


def _single(say: Speaker, over: ast.expr, text: str) -> Source:
    kind = say.kind(over)
    match over:
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[], keywords=[]) if (
            say.kind(owner).name == "str"
        ):
            say.note("Words are separated by whitespace.")
            of = f"in {say.within(owner)}"
            return Source("word", of, f"word `{text}` {of}")
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[sep], keywords=[]) if (
            say.kind(owner).name == "str"
        ):
            of = f"of {say.within(owner)} split at {say.np(sep, tail=False)}"
            return Source("piece", of, f"piece `{text}` {of}")
        case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]):
            one, of = _integers(say, args)
            return Source(one, of, f"{one} {of}" if text == "_" else f"{one} `{text}` {of}")
        case ast.Call(func=ast.Attribute(value=owner, attr="values" | "keys" as view), args=[]):
            of = f"of {say.np(owner, tail=False)}"
            return Source(view[:-1], of, f"{view[:-1]} `{text}` {of}")
        case ast.Call(func=ast.Attribute(attr="items")):
            raise Unsayable("pairs under one name")
        case ast.Call(func=ast.Name(id="enumerate" | "zip")):
            raise Unsayable("pairs under one name")
        case ast.Call(func=ast.Name(id="set"), args=[whole], keywords=[]) if say.kind(whole).name in ("list", "str"):
            one = f"different {noun(say.kind(whole))}"
            of = f"in {say.within(whole)}"
            return Source(one, of, f"{one} `{text}` {of}")
    if kind.name not in ("str", "char", "dict", "list", "set", "tuple", "frozenset"):
        raise Unsayable("goes through something unknown")
    of = f"{'of' if kind.name == 'dict' else 'in'} {say.within(over)}"
    return Source(noun(kind), of, f"{noun(kind)} `{text}` {of}")


def _is_length(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether a node is a call of `len`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _integers(say: Speaker, args: list[ast.expr]) -> tuple[str, str]:
    """Return what `range` goes through: indices of something, or integers."""
    ends = [node.args[0] for each in args for node in ast.walk(each) if _is_length(node)]
    if any(say.kind(each).name in ("set", "frozenset", "dict") for each in ends):
        raise Unsayable("an index of what has none")
    match args:
        case [ast.Call(func=ast.Name(id="len"), args=[whole])]:
            return "index", f"of {say.np(whole, tail=False)}"
        case [ast.Constant(value=int() as start), ast.Call(func=ast.Name(id="len"), args=[whole])] if start > 0:
            return "index", f"of {say.np(whole, tail=False)} from {start} on"
        case [
            ast.BinOp(left=ast.Call(func=ast.Name(id="len"), args=[whole]), op=ast.Sub(), right=ast.Constant(value=1))
        ]:
            return "index", f"of {say.np(whole, tail=False)} but the last"
        case [
            ast.Constant(value=1),
            ast.BinOp(left=ast.Call(func=ast.Name(id="len"), args=[whole]), op=ast.Sub(), right=ast.Constant(value=1)),
        ]:
            return "index", f"of {say.np(whole, tail=False)} but the first and the last"
        case [ast.BinOp(left=end, op=ast.Add(), right=ast.Constant(value=1))]:
            return "integer", f"from 0 to {_bound(say, end)}"
        case [ast.Constant(value=int() as end)] if end > 0:
            return "integer", f"from 0 to {end - 1}"
        case [ast.Name(id=end)]:
            return "integer", f"from 0 to {code(say, _before(ast.Name(end)))}"
        case [end]:
            return "integer", f"from 0 up to but not including {_bound(say, end)}"
        case [start, ast.BinOp(left=end, op=ast.Add(), right=ast.Constant(value=1))]:
            return "integer", f"from {_bound(say, start)} to {_bound(say, end)}"
        case [start, ast.Name(id=end)]:
            return "integer", f"from {_bound(say, start)} to {code(say, _before(ast.Name(end)))}"
        case [ast.Constant(value=int() as start), ast.Constant(value=int() as end)] if start < end:
            return "integer", f"from {start} to {end - 1}"
        case [start, end]:
            return "integer", f"from {_bound(say, start)} up to but not including {_bound(say, end)}"
        case [start, end, step] if isinstance(number(step), int) and (number(step) or 0) > 1:
            return "integer", (
                f"from {_bound(say, start)} up to but not including {_bound(say, end)} in steps of {number(step)}"
            )
        case _:
            raise Unsayable("a range of another kind")


def _before(end: ast.expr) -> ast.expr:
    return ast.BinOp(end, ast.Sub(), ast.Constant(1))


def _bound(say: Speaker, node: ast.expr) -> str:
    """Return an end of a range: a number, a name, or a formula."""
    if isinstance(node, ast.Constant | ast.Name):
        return say.np(node, tail=False)
    return code(say, node)


def _several(say: Speaker, over: ast.expr, names: list[str], used: set[str]) -> Source:
    match over, names:
        case ast.Call(func=ast.Attribute(value=owner, attr="items"), args=[]), [key, value]:
            of = f"of {say.np(owner, tail=False)}"
            if value not in used:
                return Source("key", of, f"key `{key}` {of}")
            if key not in used:
                return Source("value", of, f"value `{value}` {of}")
            return Source("key", of, f"key `{key}` {of} with its value `{value}`", value, "value")
        case ast.Call(func=ast.Name(id="enumerate" | "zip"), args=args), _ if any(
            say.kind(each).name in ("set", "frozenset") for each in args
        ):
            raise Unsayable("the order of a set")
        case ast.Call(func=ast.Name(id="enumerate"), args=[whole], keywords=[]), [place, item]:
            plain = _single(say, whole, item)
            if place not in used:
                return plain
            return Source(plain.one, plain.of, f"{plain.named} with its index `{place}`", place, "index")
        case ast.Call(func=ast.Name(id="zip"), args=[one, other], keywords=[]), [first, second]:
            if _follows(one, other):
                plain = _single(say, one, first)
                return Source("pair", "", f"{plain.named} and the {plain.one} `{second}` right after it")
            two = [_single(say, each, text) for each, text in ((one, first), (other, second))]
            say.note(say.pick(
                "If one of the two is longer, what has no counterpart in the other is left out.",
                "Extra elements of the longer one are ignored.",
                "Elements of the longer one that have no partner are ignored.",
            ))  # fmt: skip
            return Source("pair", "", f"{two[0].named} and the {two[1].named} at the same place")
        case ast.Call(), _:
            raise Unsayable("parts of what a call gives")
    kind = say.kind(over)
    if kind.name not in ("list", "set", "tuple") or kind.element.name != "tuple":
        raise Unsayable("parts of what is no tuple")
    if len(kind.element.inner) != len(names):
        raise Unsayable("parts of a tuple of unknown length")
    shape = "pair" if len(names) == 2 else "tuple"
    of = f"in {say.np(over, tail=False)}"
    parts = ", ".join("_" if text == "_" else f"`{text}`" for text in names)
    return Source(shape, of, f"{shape} ({parts}) {of}")


def _follows(one: ast.expr, other: ast.expr) -> bool:
    """Tell whether the second is the first without its first element."""
    match other:
        case ast.Subscript(
            value=ast.Name(id=whole), slice=ast.Slice(lower=ast.Constant(value=1), upper=None, step=None)
        ):
            return isinstance(one, ast.Name) and one.id == whole
        case _:
            return False


def flattened(loops: list[ast.comprehension], spoken: list[ast.expr]) -> bool:
    """Tell whether the second of two loops goes through what the first one gives, which is spoken of nowhere else."""
    if len(loops) != 2 or loops[0].ifs:
        return False
    first, second = loops
    if not isinstance(first.target, ast.Name):
        return False
    inner = second.iter
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "values":
        inner = inner.func.value
    through = isinstance(inner, ast.Name) and inner.id == first.target.id
    others = [*spoken, *second.ifs]
    return through and not any(first.target.id in names_in(each) for each in others)
