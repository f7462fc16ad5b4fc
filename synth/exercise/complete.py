"""What a description leaves out although it decides the result: found in the code, looked for in the words.

In: prose, the function's parameters, its code, and what it gave. Out: the first thing that another programmer would
need to be told and is not, or None. Of a hundred descriptions that three solutions agreed on, two careful readers found
twelve wrong and twenty-nine wanting, most of them in these ways: an error for some input, a parameter's part, a literal
or a number of places in the result, capitals, the shorter of two lists, ties. Nothing here understands the prose: that
a word stands in it does not mean that it says the right thing.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from curate.synth.code.inputs import alternatives, base_type
from curate.synth.exercise.clauses import Shown
from curate.text.trees import nodes_below

ERRORS = re.compile(r"\b(rais\w+|errors?|exceptions?|fails?)\b", re.IGNORECASE)
SPOKEN = {
    ",": "comma", " ": "space|blank|word", "-": "hyphen|dash", "_": "underscore", ".": "period|dot|full stop|decimal",
    ":": "colon", ";": "semicolon", "/": "slash|divided", "\n": "line", "\t": "tab", "*": "star|asterisk", "#": "hash",
    "|": "pipe|bar", "@": "at sign", "+": "plus", "=": "equal", "%": "percent", "$": "dollar", "(": "parenthes",
    ")": "parenthes", "[": "bracket", "]": "bracket", "'": "quote|apostrophe", '"': "quote", "!": "exclamation",
    "?": "question",
}  # fmt: skip
"""What stands for a mark in prose."""
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
TYPES = {
    "list": "list|elements?|items?|numbers|strings|rows?", "str": "strings?|text|words?", "dict": "dictionar|keys?|map",
    "int": "number|integer", "float": "number|float|decimal", "set": "set", "tuple": "tuple|pair",
    "bool": "true|false|flag",
}  # fmt: skip
CONTAINERS = frozenset({"list", "dict", "tuple", "set", "frozenset", "object", "any"})
FEW = 2
"""Numbers up to this are said in many ways (half, next, even, square)."""
TOLD = {
    "how it rounds": (r"\bround\(|:\.\d+[fe%]", r"round|decimal|digit|places|precision|truncat"),
    "what it does with capitals": (r"\.(?:lower|upper|casefold|title|swapcase|capitalize)\(", r"case|capital"),
    "which of equal ones it takes": (r"\b(?:max|min)\([^()]*(?:\([^()]*\)[^()]*)*\bkey=",
                                     r"first|last|tie|equal|earliest|latest|multiple|several"),
}  # fmt: skip
"""What must be said, where the code matches the first pattern, by words that match the second."""
UNCHANGED = re.compile(r"\b(?:remains?|left|kept|stays?) (?:unchanged|as (?:is|it is|they are))\b", re.IGNORECASE)


def bare(arguments: ast.arguments | None, returns: ast.expr | None) -> bool:
    """Tell whether a list, dict, tuple or set in a signature is not told what it holds."""
    outer = [*(parameter.annotation for parameter in (arguments.args if arguments else ())), returns]
    inside = {id(node.value) for each in outer if each for node in nodes_below(each) if isinstance(node, ast.Subscript)}
    return any(
        isinstance(node, ast.Name) and node.id.lower() in CONTAINERS and id(node) not in inside
        for each in outer if each for node in nodes_below(each)
    )  # fmt: skip


def left_out(prose: str, arguments: ast.arguments, code: str, shown: Sequence[Shown]) -> str | None:
    """Return in a few words what the prose does not tell, or None. `code` is the function's whole source."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    return next(_wants(prose, arguments, code, tree, shown), None)


def _wants(prose: str, arguments: ast.arguments, code: str, tree: ast.Module, shown: Sequence[Shown]) -> Iterator[str]:
    if any(each.outcome.status == "raised" for each in shown) and not ERRORS.search(prose):
        yield "does not say that it raises"
    for what, (means, words) in TOLD.items():
        if re.search(means, code) and not re.search(words, prose, re.IGNORECASE):
            yield f"does not say {what}"
    if UNCHANGED.search(prose) and not any(isinstance(node, ast.If | ast.IfExp) for node in nodes_below(tree)):
        yield "speaks of a case that its code does not know"
    if _zips_parameters(tree, arguments) and not re.search(r"short|length|longe|extra", prose, re.IGNORECASE):
        yield "does not say which list ends first"
    if not all(_said(literal, prose) for literal in _literals(tree)):
        yield "does not name a value of its code"
    if not all(_spoken_of(parameter, arguments, prose) for parameter in arguments.args) and len(arguments.args) > 1:
        yield "does not speak of a parameter"


def _literals(tree: ast.Module) -> Iterator[str | int | float]:
    """Yield the texts and numbers of the code that could be in its results or decide them."""
    for node in nodes_below(tree):
        match node:
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
                yield value


def _said(literal: str | float, prose: str) -> bool:
    plain = prose.lower()
    if isinstance(literal, int | float):
        digits = {f"{literal:g}", f"{literal:.15g}", str(literal), f"{100 * literal:g}"}
        word = NUMBERS[int(literal)] if literal in range(len(NUMBERS)) else None
        named = any(re.search(rf"(?<![\d.]){re.escape(each)}(?![\d])", plain.replace(",", "")) for each in digits)
        return abs(literal) <= FEW or literal in (float("inf"), 10**9, 10**9 + 7) or named or (
            word is not None and word in plain
        )  # fmt: skip
    words = re.findall(r"[^\W_]+", literal.lower())
    if words:
        return len(literal) > 40 or all(word in plain for word in words)
    quoted = any(f"{quote}{literal}{quote}" in prose for quote in "'\"`")
    return quoted or all(re.search(SPOKEN.get(mark, "."), plain) for mark in literal)


def _zips_parameters(tree: ast.Module, arguments: ast.arguments) -> bool:
    """Tell whether two parameters of different names are gone through side by side, as far as the shorter reaches."""
    names = {parameter.arg for parameter in arguments.args}
    for node in nodes_below(tree):
        match node:
            case ast.Call(func=ast.Name(id="zip"), args=given, keywords=[]):
                zipped = [each.id for each in given if isinstance(each, ast.Name)]
                if len(set(zipped) & names) > 1:
                    return True
    return False


def _spoken_of(parameter: ast.arg, arguments: ast.arguments, prose: str) -> bool:
    """Tell whether prose has the name of a parameter, a word of it, or its type where no other has that."""
    plain = prose.lower()
    if re.search(rf"\b{re.escape(parameter.arg.lower())}\b", plain):
        return True
    parts = [part for part in re.findall(r"[a-z]+", parameter.arg.lower()) if len(part) > 2]
    if any(part.rstrip("s")[:6] in plain for part in parts):
        return True
    kinds = [_kind(other) for other in arguments.args]
    own = _kind(parameter)
    return kinds.count(own) == 1 and re.search(rf"\b(?:{TYPES.get(own, '.')})", plain) is not None


def _kind(parameter: ast.arg) -> str:
    return base_type(alternatives(parameter.annotation)[0]) if parameter.annotation else ""
