"""Of what type an expression is, as far as its words depend on it: a text has characters, a dictionary keys.

In: an expression, and the types of the names in it. Out: a Kind; `UNKNOWN` where nothing tells. The one kind that no
annotation has is `char`, a text of one character, which going through a text gives.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from curate.synth.code.inputs import alternatives, base_type, members

NUMBERS = ("int", "float", "bool")
SIZED = ("str", "list", "dict", "set", "tuple", "frozenset", "range", "char")
TEXTS = ("str", "char")


@dataclass(frozen=True)
class Kind:
    """A type, and the types of what it holds."""

    name: str
    inner: tuple["Kind", ...] = ()

    @property
    def element(self) -> "Kind":
        """What going through it gives."""
        match self.name:
            case "str" | "char":
                return CHAR
            case "range":
                return INT
            case "tuple" if len(set(self.inner)) != 1:
                return UNKNOWN
            case _:
                return self.inner[0] if self.inner else UNKNOWN


UNKNOWN, INT, FLOAT, STR, BOOL, CHAR = map(Kind, ("", "int", "float", "str", "bool", "char"))
Kinds = Mapping[str, Kind]
_OF_METHODS = {
    "lower upper title capitalize swapcase casefold strip lstrip rstrip replace join zfill": STR,
    "split splitlines rsplit": Kind("list", (STR,)),
    "count index find rfind rindex bit_length": INT,
    "startswith endswith isdigit isalpha isalnum isupper islower isspace isnumeric isdecimal": BOOL,
    "isdisjoint issubset issuperset": BOOL,
}
METHODS = {method: kind for methods, kind in _OF_METHODS.items() for method in methods.split()}


def annotated(annotation: ast.expr | None) -> Kind:
    """Return the kind that an annotation says.

    >>> annotated(ast.parse("dict[str, list[int]]", mode="eval").body).element.name
    'str'
    """
    if annotation is None:
        return UNKNOWN
    parts = alternatives(annotation)
    if len(parts) != 1:
        return UNKNOWN
    inner = members(parts[0])
    if inner and isinstance(inner[-1], ast.Constant) and inner[-1].value is ...:
        return Kind("tuple", (annotated(inner[0]),))
    return Kind(base_type(parts[0]), tuple(map(annotated, inner)))


def bound(target: ast.expr, kind: Kind, kinds: Kinds) -> dict[str, Kind]:
    """Return the kinds with those of a loop's target, each round of which gets a value of this kind."""
    match target:
        case ast.Name(id=name):
            return {**kinds, name: kind}
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            new = dict(kinds)
            for place, part in enumerate(parts):
                inner = kind.inner[place] if kind.name == "tuple" and len(kind.inner) == len(parts) else kind.element
                new = bound(part, inner if kind.name in SIZED else UNKNOWN, new)
            return new
        case _:
            return dict(kinds)


def kind_of(node: ast.expr, kinds: Kinds) -> Kind:
    """Return the kind of an expression."""
    match node:
        case ast.Constant(value=value):
            return Kind(type(value).__name__) if isinstance(value, str | int | float) else UNKNOWN
        case ast.Name(id=name):
            return kinds.get(name, UNKNOWN)
        case ast.JoinedStr():
            return STR
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return BOOL
        case ast.UnaryOp(operand=operand):
            kind = kind_of(operand, kinds)
            return INT if kind == BOOL else kind
        case ast.BoolOp(values=values):
            return _common([kind_of(value, kinds) for value in values])
        case ast.IfExp(body=body, orelse=other):
            return _common([kind_of(body, kinds), kind_of(other, kinds)])
        case ast.BinOp():
            return _of_operation(node, kinds)
        case ast.Subscript(value=value, slice=key):
            return _of_part(kind_of(value, kinds), key)
        case ast.Call():
            return _of_call(node, kinds)
        case _:
            return _of_container(node, kinds)


def _of_container(node: ast.expr, kinds: Kinds) -> Kind:
    match node:
        case ast.List(elts=elements) | ast.Set(elts=elements):
            return Kind(type(node).__name__.lower(), (_common([kind_of(each, kinds) for each in elements]),))
        case ast.Tuple(elts=elements):
            return Kind("tuple", tuple(kind_of(each, kinds) for each in elements))
        case ast.Dict(keys=keys, values=values):
            held = [_common([kind_of(each, kinds) for each in part if each]) for part in (keys, values)]
            return Kind("dict", tuple(held))
        case ast.ListComp(elt=element, generators=loops) | ast.GeneratorExp(elt=element, generators=loops):
            return Kind("list", (kind_of(element, inside(loops, kinds)),))
        case ast.SetComp(elt=element, generators=loops):
            return Kind("set", (kind_of(element, inside(loops, kinds)),))
        case ast.DictComp(key=key, value=value, generators=loops):
            within = inside(loops, kinds)
            return Kind("dict", (kind_of(key, within), kind_of(value, within)))
        case _:
            return UNKNOWN


def inside(loops: list[ast.comprehension], kinds: Kinds) -> dict[str, Kind]:
    """Return the kinds of the names within a comprehension."""
    within = dict(kinds)
    for loop in loops:
        within = bound(loop.target, kind_of(loop.iter, within).element, within)
    return within


def _common(found: list[Kind]) -> Kind:
    if found and all(each == found[0] for each in found):
        return found[0]
    names = {each.name for each in found}
    return FLOAT if names == {"int", "float"} else STR if names == {"str", "char"} else UNKNOWN


def _of_operation(node: ast.BinOp, kinds: Kinds) -> Kind:
    left, right = kind_of(node.left, kinds), kind_of(node.right, kinds)
    if isinstance(node.op, ast.Div):
        return FLOAT
    if left.name in TEXTS and isinstance(node.op, ast.Add | ast.Mult | ast.Mod):
        return STR
    for one, other in ((left, right), (right, left)):
        if one.name in ("list", "str", "tuple") and other.name == "int" and isinstance(node.op, ast.Mult):
            return one
    if left.name in ("list", "set", "tuple"):
        held = left if left == right or right.element == UNKNOWN else right if left.element == UNKNOWN else UNKNOWN
        return held if left.name == right.name else UNKNOWN
    numbers = {left.name, right.name}
    return UNKNOWN if not numbers <= set(NUMBERS) else FLOAT if "float" in numbers else INT


def _of_part(kind: Kind, key: ast.expr) -> Kind:
    if isinstance(key, ast.Slice):
        return kind if kind.name != "char" else STR
    match kind.name, key:
        case "dict", _:
            return kind.inner[1] if len(kind.inner) == 2 else UNKNOWN
        case "tuple", ast.Constant(value=int() as place) if len(kind.inner) > place:
            return kind.inner[place]
        case "tuple", ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as place)) if (
            len(kind.inner) >= place
        ):
            return kind.inner[-place]
        case _:
            return kind.element


def _of_call(node: ast.Call, kinds: Kinds) -> Kind:
    given = [kind_of(each, kinds) for each in node.args if not isinstance(each, ast.Starred)]
    match node.func:
        case ast.Name(id=name):
            return _of_builtin(name, given, node)
        case ast.Attribute(value=value, attr=method):
            owner = kind_of(value, kinds)
            if owner.name == "dict" and len(owner.inner) == 2:
                key, item = owner.inner
                views = {"keys": key, "values": item, "items": Kind("tuple", (key, item))}
                if method in views:
                    return Kind("list", (views[method],))
                if method == "get":
                    return item
            if owner.name == "set" and method in ("union", "intersection", "difference", "symmetric_difference"):
                return owner
            return METHODS.get(method, UNKNOWN)
        case _:
            return UNKNOWN


def _of_builtin(name: str, given: list[Kind], node: ast.Call) -> Kind:
    first = given[0] if given else UNKNOWN
    match name:
        case "_product":
            return first.element
        case "_distinct":
            return Kind("list", (first.element,))
        case "len" | "int" | "ord":
            return INT
        case "str" | "chr":
            return STR
        case "float" | "bool":
            return Kind(name)
        case "any" | "all":
            return BOOL
        case "sum":
            return (
                first.element if first.element.name in ("int", "float") else INT if first.element == BOOL else UNKNOWN
            )
        case "abs":
            return first
        case "round":
            return INT if len(node.args) == 1 else FLOAT
        case "max" | "min":
            return first.element if len(given) == 1 else _common(given)
        case "next":
            return first.element
        case "sorted" | "list" | "reversed":
            return Kind("list", (first.element,))
        case "set" | "tuple" | "frozenset":
            return Kind(name, (first.element,))
        case "range":
            return Kind("range")
        case "enumerate":
            return Kind("list", (Kind("tuple", (INT, first.element)),))
        case "zip":
            return Kind("list", (Kind("tuple", tuple(each.element for each in given)),))
        case "dict":
            return first if first.name == "dict" else Kind("dict", first.element.inner)
        case _:
            return UNKNOWN
