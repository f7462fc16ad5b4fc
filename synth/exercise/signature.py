"""A signature that says what its function takes and gives, where the teacher's says too little or something else.

In: a Stub, and the values that its function gave. Out: the Stub with types spelt out. A parameter whose type is missing
or does not say what it holds (`list`) gets the type from which its inputs are drawn; a result gets the type of the
values that came. What a function does is certain once it ran, so its types are read off it: a third of the functions
that the teacher writes would be refused for their types alone. Not covered: values of mixed types, which have no type
that tells more than `Any`.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from curate.synth.code.inputs import NAME_TYPES, base_type, members
from curate.synth.teacher.answers import Stub
from curate.text.trees import copied

HOLDS = {
    "list": "list[int]", "set": "set[int]", "frozenset": "frozenset[int]", "tuple": "tuple[int, int]",
    "dict": "dict[str, int]",
}  # fmt: skip
"""What is drawn for a container that does not say what it holds."""
LONGEST_TUPLE = 4
"""Of a tuple whose places have types of their own."""


def spelled_out(stub: Stub) -> Stub:
    """Return a stub whose parameters say what they take, as far as their types or names tell."""
    arguments = copied(stub.parameters)
    for parameter in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        named = _named(parameter.arg)
        given = parameter.annotation
        if given is None or (named is not None and _is_bare(given, base_type(named))):
            parameter.annotation = named
        else:
            parameter.annotation = _Filled().visit(given)
    return stub if ast.dump(arguments) == ast.dump(stub.parameters) else _with(stub, arguments, stub.returns)


def with_result(stub: Stub, values: Sequence[Any]) -> Stub:
    """Return a stub whose result has the type of the values that its function gave, if they have one."""
    found = type_of(values)
    return stub if found is None else _with(stub, stub.parameters, ast.parse(found, mode="eval").body)


def type_of(values: Iterable[Any]) -> str | None:
    """Return the annotation of values, or None where they have no plain one or are too few to tell.

    >>> type_of([[1, 2], [2.5], []]), type_of([("a", 1), None]), type_of([[]]), type_of([1, "a"])
    ('list[float]', 'tuple[str, int] | None', None, None)
    """
    plain = list(values)
    some = [value for value in plain if value is not None]
    kinds = {type(value) for value in some}
    found = _of_kind("float" if kinds == {int, float} else kinds.pop().__name__ if len(kinds) == 1 else "", some)
    return f"{found} | None" if found and len(some) < len(plain) else found


def _of_kind(kind: str, values: list[Any]) -> str | None:
    match kind:
        case "bool" | "int" | "float" | "str" | "bytes":
            return kind
        case "list" | "set" | "frozenset":
            inner = type_of(item for value in values for item in value)
            return inner and f"{kind}[{inner}]"
        case "dict":
            key = type_of(key for value in values for key in value)
            item = type_of(item for value in values for item in value.values())
            return f"dict[{key}, {item}]" if key and item else None
        case "tuple":
            lengths = {len(value) for value in values}
            if len(lengths) == 1 and 0 < len(values[0]) <= LONGEST_TUPLE:
                places = [type_of(place) for place in zip(*values, strict=True)]
                return f"tuple[{', '.join(map(str, places))}]" if all(places) else None
            inner = type_of(item for value in values for item in value)
            return inner and f"tuple[{inner}, ...]"
        case _:
            return None


class _Filled(ast.NodeTransformer):
    """Says of containers what they hold."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.slice = self.visit(node.slice)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        held = HOLDS.get(base_type(node))
        return ast.parse(held, mode="eval").body if held else node


def _named(name: str) -> ast.expr | None:
    kind = NAME_TYPES.get(name.lower()) or NAME_TYPES.get(name.lower().rsplit("_", 1)[-1])
    return ast.parse(kind, mode="eval").body if kind else None


def _is_bare(annotation: ast.expr, kind: str) -> bool:
    """Tell whether an annotation is that container and does not say what it holds."""
    return base_type(annotation) == kind and kind in HOLDS and not members(annotation)


def _with(stub: Stub, arguments: ast.arguments, returns: ast.expr | None) -> Stub:
    given = f" -> {ast.unparse(returns)}" if returns else ""
    header = f"def {stub.name}({ast.unparse(arguments)}){given}:"
    return replace(stub, header=header, parameters=arguments, returns=returns)
