"""Inputs for a function that nobody has seen: drawn from its annotations, and from its parameters' names without them.

In: the parameters of a function as source text. Out: argument tuples of plain values, always the same for the same
seed; edge cases (zero, empty, one element, repeats) come up often, because wrong solutions differ there.
Not covered: parameters of foreign types, callables, `*args`: such functions get no inputs.
"""

import ast
import string
from collections.abc import Callable
from random import Random
from typing import Any

Draw = Callable[[Random], Any]

VOCABULARY = (
    "apple banana cherry river stone level radar hello world python code data tree house Anna noon green "
    "x Ab zebra night light mouse paper summer winter aa"
)
WORDS = tuple(VOCABULARY.split())
SENTENCES = (
    "the quick brown fox",
    "Hello, World!",
    "a man a plan a canal",
    "to be or not to be",
    "Python is fun",
    "never odd or even",
    "one two  three",
    "It costs 42 dollars",
)
ALIASES = {
    "List": "list",
    "Sequence": "list",
    "Iterable": "list",
    "Collection": "list",
    "Dict": "dict",
    "Mapping": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Text": "str",
    "AnyStr": "str",
    "Number": "float",
}
BY_NAME = {
    "int": "n number num count size index i j k x y a b c limit length width height year month day age seed total low "
    "high start end step position digit base exponent power amount value",
    "float": "price rate ratio distance radius temperature weight celsius fahrenheit percent discount average speed",
    "str": "s text word string sentence name char character letter line message key prefix suffix separator",
    "list[int]": "numbers nums values lst list items array arr data elements sequence xs integers digits scores list1",
    "list[str]": "words strings names texts lines letters characters tokens sentences",
    "dict[str, int]": "d dictionary mapping counts inventory table record",
    "list[list[int]]": "matrix grid rows board nested nested_list",
    "bool": "flag reverse ascending strict ignore_case",
}
NAME_TYPES = {name: kind for kind, names in BY_NAME.items() for name in names.split()}


def argument_rows(parameters: ast.arguments, count: int, seed: int) -> list[tuple[Any, ...]] | None:
    """Return up to `count` different argument tuples, or None where a parameter is of no known kind.

    Parameters with a default are left to it, unless all have one.
    """
    plain = [*parameters.posonlyargs, *parameters.args]
    needed = plain[: len(plain) - len(parameters.defaults)] or plain
    unfilled = any(default is None for default in parameters.kw_defaults)
    draws = [drawer(parameter) for parameter in needed]
    if not draws or unfilled or any(draw is None for draw in draws):
        return None
    random = Random(seed)
    rows: dict[str, tuple[Any, ...]] = {}
    for _ in range(8 * count):
        row = tuple(draw(random) for draw in draws if draw is not None)
        rows.setdefault(repr(row), row)
        if len(rows) == count:
            break
    return list(rows.values())


def drawer(parameter: ast.arg) -> Draw | None:
    """Return what draws values for one parameter."""
    name = parameter.arg.lower()
    if parameter.annotation is not None:
        return _of_type(parameter.annotation, name)
    kind = NAME_TYPES.get(name) or NAME_TYPES.get(name.rsplit("_", 1)[-1])
    return _of_type(ast.parse(kind, mode="eval").body, name) if kind else None


def base_type(annotation: ast.expr) -> str:
    """Return the outermost name of an annotation in today's spelling: `List[int]` is `list`; "" if it has none."""
    match annotation:
        case ast.Name(name) | ast.Attribute(attr=name):
            return ALIASES.get(name, name)
        case ast.Subscript(value=value):
            return base_type(value)
        case ast.Constant(None):
            return "None"
        case _:
            return ""


def alternatives(annotation: ast.expr) -> list[ast.expr]:
    """Return the members of a union, `Optional[X]` and `X | Y` included, or the annotation alone."""
    match annotation:
        case ast.BinOp(left, ast.BitOr(), right):
            return alternatives(left) + alternatives(right)
        case ast.Subscript(slice=inner) if base_type(annotation) == "Optional":
            return [*alternatives(inner), ast.Constant(None)]
        case ast.Subscript(slice=ast.Tuple(elts=members)) if base_type(annotation) == "Union":
            return [part for member in members for part in alternatives(member)]
        case ast.Constant(str() as text):
            try:
                return alternatives(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return [annotation]
        case _:
            return [annotation]


def _of_type(annotation: ast.expr, name: str) -> Draw | None:
    kinds = alternatives(annotation)
    if len(kinds) > 1:
        draws = [draw for kind in kinds if (draw := _of_type(kind, name))]
        return (lambda random: random.choice(draws)(random)) if draws else None
    kind, inner = base_type(kinds[0]), members(kinds[0])
    if kind in SCALARS:
        return lambda random: SCALARS[kind](random, name)
    if kind in ("list", "set", "frozenset"):
        of_element = _of_type if kind == "list" else _key
        element = of_element(inner[0], _singular(name)) if inner else SCALARS_OF["int"]
        return _collection({"list": list, "set": set, "frozenset": frozenset}[kind], element)
    if kind == "tuple":
        return _tuple(inner, name)
    if kind == "dict":
        key, value = (_key(inner[0], "key"), _of_type(inner[1], "value")) if len(inner) == 2 else (None, None)
        return _dictionary(key or SCALARS_OF["str"], value or SCALARS_OF["int"]) if key or not inner else None
    return None


def _key(annotation: ast.expr, name: str) -> Draw | None:
    """Return what draws keys, or elements of a set; None for a type that cannot be such."""
    return _of_type(annotation, name) if _hashes(annotation) else None


def _hashes(annotation: ast.expr) -> bool:
    """Tell whether all values of a type can be keys, or elements of a set."""
    kinds = alternatives(annotation)
    frozen = (kind for kind in kinds if base_type(kind) not in SCALARS and not isinstance(kind, ast.Constant))
    return all(base_type(kind) in ("tuple", "frozenset") and all(map(_hashes, members(kind))) for kind in frozen)


def members(annotation: ast.expr) -> list[ast.expr]:
    """Return what stands in an annotation's brackets: two for `dict[str, int]`."""
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=members)):
            return members
        case ast.Subscript(slice=member):
            return [member]
        case _:
            return []


def _tuple(inner: list[ast.expr], name: str) -> Draw | None:
    if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...:
        return _collection(tuple, _of_type(inner[0], _singular(name)))
    parts = [_of_type(part, name) for part in inner] or [SCALARS_OF["int"], SCALARS_OF["int"]]
    return (lambda random: tuple(part(random) for part in parts if part)) if all(parts) else None


def _collection(kind: Callable[[list[Any]], Any], element: Draw | None) -> Draw | None:
    if element is None:
        return None
    draw = element

    def collect(random: Random) -> Any:
        items = [draw(random) for _ in range(random.choice((0, 1, 2, 3, 4, 5, 6, 8)))]
        if items and random.random() < 0.4:
            items.append(random.choice(items))
        return kind(items)

    return collect


def _dictionary(key: Draw, value: Draw) -> Draw:
    return lambda random: {key(random): value(random) for _ in range(random.choice((0, 1, 2, 3, 5)))}


def _integer(random: Random, name: str) -> int:
    if name == "year":
        return random.choice((1900, 2000, 2023, 2024, random.randint(1800, 2100)))
    if name in (
        "n",
        "count",
        "size",
        "length",
        "width",
        "height",
        "k",
        "limit",
        "index",
        "age",
        "month",
        "day",
        "base",
    ):
        return random.randint(1, 12) if random.random() < 0.8 else random.randint(0, 40)
    return random.choice((0, 1, 2, random.randint(-10, 30), random.randint(3, 20), random.randint(-50, 200)))


def _text(random: Random, name: str) -> str:
    if name in ("char", "character", "letter", "digit", "separator", "sep", "delimiter"):
        return random.choice(", -" if name in ("separator", "sep", "delimiter") else "aeiolnbxA1 ")
    if name in ("word", "name", "key", "prefix", "suffix", "substring"):
        return random.choice(WORDS)
    scrambled = "".join(random.choices(string.ascii_lowercase[:5] + "A1 ", k=random.randint(2, 9)))
    return random.choice(("", random.choice(WORDS), random.choice(SENTENCES), random.choice(SENTENCES), scrambled))


SCALARS: dict[str, Callable[[Random, str], Any]] = {
    "int": _integer,
    "float": lambda random, _: random.choice((0.0, 1.0, 2.5, -1.5, round(random.uniform(0, 100), 1))),
    "str": _text,
    "bool": lambda random, _: random.random() < 0.5,
    "None": lambda _, __: None,
    "Any": _integer,
}
SCALARS_OF: dict[str, Draw] = {
    "int": lambda random: _integer(random, ""),
    "str": lambda random: _text(random, "word"),
}


def _singular(name: str) -> str:
    """Return the name of one element: the characters of `words` are `word`s."""
    return name[:-1] if name.endswith("s") else name
