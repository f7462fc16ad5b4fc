"""What types a function's parameters may have, where nobody wrote them down, and what type a result has.

In: a function's syntax tree. Out: for each parameter that must be given, types to try, the likeliest first: as
annotated, as the docstring says, as the body uses it, as others of its name are, then one of each kind. Which is right,
a trial tells. And from values the annotation that allows them.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from curate.synth.code.inputs import NAME_TYPES, alternatives, base_type, drawer, members
from curate.text.trees import function_in

KINDS = ("str", "int", "list[int]", "list[str]", "float", "dict[str, int]", "list[list[int]]")
MOST = 12
"""Combinations of types that are tried."""
STATED = {
    "str": "str", "string": "str", "int": "int", "integer": "int", "float": "float", "number": "float", "bool": "bool",
    "boolean": "bool", "list": "list[int]", "dict": "dict[str, int]", "dictionary": "dict[str, int]",
    "tuple": "tuple[int, int]", "sequence": "list[int]", "iterable": "list[int]", "bytes": "bytes",
    "list of str": "list[str]", "list of strings": "list[str]", "list of int": "list[int]", "set": "set[int]",
}  # fmt: skip
USED = {
    "str": "split rsplit splitlines strip lstrip rstrip lower upper title startswith endswith replace encode isdigit "
    "isalpha isupper islower find rfind partition rpartition capitalize swapcase zfill ljust rjust casefold",
    "dict[str, int]": "items keys values get setdefault",
    "list[int]": "append extend sort insert pop copy",
    "set[int]": "union intersection difference issubset",
}
SPOKEN = {
    "string": "str", "strings": "list[str]", "text": "str", "word": "str", "name": "str", "path": "str", "url": "str",
    "filename": "str", "line": "str", "address": "str", "header": "str", "date": "str", "version": "str",
    "color": "str", "number": "int", "integer": "int", "list": "list[int]", "array": "list[int]",
    "sequence": "list[int]", "iterable": "list[int]", "matrix": "list[list[int]]", "dict": "dict[str, int]",
    "dictionary": "dict[str, int]",
}  # fmt: skip
"""Words of a docstring that speak for a type."""
METHODS = {method: kind for kind, methods in USED.items() for method in methods.split()}


def guesses(function: ast.FunctionDef, required: Sequence[ast.arg], docstring: str) -> list[tuple[str, ...]]:
    """Return combinations of types for the parameters that must be given, the likeliest first."""
    lists = [_guess(function, parameter, docstring) for parameter in required]
    most = sum(len(kinds) - 1 for kinds in lists)
    ranked = chain.from_iterable(_summing_to(total, [len(kinds) for kinds in lists]) for total in range(most + 1))
    return [tuple(kinds[rank] for kinds, rank in zip(lists, ranks, strict=True)) for ranks in islice(ranked, MOST)]


def _summing_to(total: int, sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield, in order, a rank below each size so that all sum to `total`: of eight parameters there are six million."""
    if not sizes:
        yield from [()] if total == 0 else []
        return
    size, *others = sizes
    room = sum(each - 1 for each in others)
    for rank in range(max(0, total - room), min(size - 1, total) + 1):
        yield from ((rank, *rest) for rest in _summing_to(total - rank, others))


def _guess(function: ast.FunctionDef, parameter: ast.arg, docstring: str) -> list[str]:
    if parameter.annotation is not None and (spelt := modern(parameter.annotation)):
        return [spelt]
    stated = _stated(parameter.arg, docstring)
    used = _used(function, parameter.arg)
    named = NAME_TYPES.get(parameter.arg.lower()) or NAME_TYPES.get(parameter.arg.lower().rsplit("_", 1)[-1])
    described = [SPOKEN[word] for word in re.findall(r"[a-z]+", docstring[:200].lower()) if word in SPOKEN]
    likely = [kind for kind in (stated, *used, *described[:2], named) if kind]
    return list(dict.fromkeys([*likely, *KINDS]))[: len(KINDS)]


def modern(annotation: ast.expr) -> str:
    """Return an annotation spelt with builtins alone, or "" where it holds a type that inputs cannot be drawn for.

    >>> modern(ast.parse("Optional[List[str]]", mode="eval").body)
    'list[str] | None'
    """
    parts = alternatives(annotation)
    if len(parts) > 1:
        spelt = [modern(part) for part in parts]
        return " | ".join(dict.fromkeys(spelt)) if all(spelt) else ""
    kind = base_type(parts[0])
    inner = members(parts[0])
    if kind not in ("list", "dict", "tuple", "set", "frozenset"):
        known = kind in ("int", "float", "str", "bool", "bytes", "None") and not inner
        return kind if known else ""
    ends = [each for each in inner if isinstance(each, ast.Constant) and each.value is ...]
    names = ["..." if each in ends else modern(each) for each in inner]
    if not all(names):
        return ""
    spelt_out = f"{kind}[{', '.join(names)}]" if names else kind
    return spelt_out if drawer(ast.arg("x", ast.parse(spelt_out, mode="eval").body)) else ""


def _stated(name: str, docstring: str) -> str | None:
    """Return the type that a docstring states for a parameter, in one of the usual styles."""
    escaped = re.escape(name)
    for pattern in (
        rf":type +{escaped}: *(.+)",
        rf":param +([\w ]+) +{escaped}:",
        rf"^\s*{escaped} *\(([^)]+)\)",
        rf"^\s*{escaped} +: *(.+)",
    ):
        if found := re.search(pattern, docstring, re.MULTILINE):
            words = re.split(r",| or |\|", found[1].strip(" `").lower())[0].strip(" `")
            try:
                return STATED.get(words) or modern(ast.parse(words, mode="eval").body) or None
            except (SyntaxError, ValueError):
                return None
    return None


def _used(function: ast.FunctionDef, name: str) -> list[str]:
    """Return the types that the body's use of a parameter speaks for."""
    found: list[str] = []
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=used), attr=method) if used == name and method in METHODS:
                found.append(METHODS[method])
            case ast.BinOp(left=ast.Name(id=used), op=ast.Sub() | ast.FloorDiv() | ast.Pow() | ast.BitAnd()) if (
                used == name
            ):
                found.append("int")
            case ast.BinOp(right=ast.Name(id=used), op=ast.Sub() | ast.Div() | ast.FloorDiv() | ast.Pow()) if (
                used == name
            ):
                found.append("int")
            case ast.Call(func=ast.Name(id="range" | "chr" | "abs"), args=arguments) if _is_among(name, arguments):
                found.append("int")
            case ast.Call(func=ast.Name(id="sum" | "max" | "min" | "sorted"), args=arguments) if _is_among(
                name, arguments
            ):
                found.append("list[int]")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"))) if _is_among(name, node.args[1:]):
                found.append("str")
            case ast.Call(func=ast.Attribute(value=ast.Constant(str()), attr="join"), args=arguments) if _is_among(
                name, arguments
            ):
                found.append("list[str]")
            case ast.For(iter=ast.Name(id=used)) | ast.comprehension(iter=ast.Name(id=used)) if used == name:
                found += ["list[int]", "list[str]"]
            case ast.Compare(left=ast.Name(id=used), comparators=[ast.Constant(int()), *_]) if used == name:
                found.append("int")
            case ast.Compare(left=ast.Name(id=used), comparators=[ast.Constant(str()), *_]) if used == name:
                found.append("str")
    return list(dict.fromkeys(found))


def _is_among(name: str, arguments: Iterable[ast.expr]) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in arguments)


def parameters(names: Sequence[str], kinds: Sequence[str]) -> ast.arguments:
    """Return parameters with these annotations."""
    signature = ", ".join(f"{name}: {kind}" for name, kind in zip(names, kinds, strict=True))
    function = function_in(f"def f({signature}): ...")
    assert function is not None
    return function.args


def annotation_of(values: Sequence[Any]) -> str:
    """Return the annotation that allows these values, `None` last.

    >>> annotation_of([[1], [], None])
    'list[int] | None'
    """
    kinds: dict[type, list[Any]] = {}
    for value in values:
        kinds.setdefault(type(value), []).append(value)
    if set(kinds) - {type(None)} == {int, float}:
        kinds = {float: [], **{kind: [] for kind in kinds if kind is type(None)}}
    names = [_spell(kind, members) for kind, members in kinds.items() if kind is not type(None)]
    if len(names) > 3:
        return "object"
    return " | ".join([*names, *["None"] * (type(None) in kinds)])


def _spell(kind: type, values: Sequence[Any]) -> str:
    if kind is dict:
        inner = [
            annotation_of([key for each in values for key in each]),
            annotation_of([v for d in values for v in d.values()]),
        ]
        return f"dict[{', '.join(inner)}]" if all(inner) else "dict"
    if kind is tuple and len({len(each) for each in values}) == 1 and 0 < len(values[0]) < 5:
        return f"tuple[{', '.join(annotation_of(column) for column in zip(*values, strict=True))}]"
    if kind in (list, set, frozenset, tuple):
        inner_name = annotation_of([item for each in values for item in each])
        rest = ", ..." if kind is tuple else ""
        return f"{kind.__name__}[{inner_name}{rest}]" if inner_name else kind.__name__
    return kind.__name__
