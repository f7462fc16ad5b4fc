"""How plain Python values travel between the processes of the sandbox: as tagged JSON, never as pickle.

In: a value. Out: something `json.dumps` can write, and back. Plain are None, bool, int, float, complex, str, bytes, range
and list, tuple, set, frozenset, dict of those, by exact type and to a depth of `MAX_DEPTH`; beside them travel the
values of curate/sandbox/standard.py (Decimal, date, deque, views of a dict, ...). What decoding returns is made of exactly
these types, whatever the other side sent, so that no object of a sample reaches a test.

Everything else goes through two functions that the caller gives: `export` turns a foreign object into a tag of the
caller's own, `resolve` turns such a tag back into an object. Cycles end at the depth limit; aliases become copies.
"""

import math
from collections.abc import Callable
from typing import Any

from curate.sandbox.standard import made_of, parts_of

MAX_DEPTH = 100
MAX_BYTES = 64 << 20
"""Size of one encoded message; a value that needs more is judged `output`."""

Export = Callable[[Any], list[Any]]
Resolve = Callable[[list[Any]], Any]

_SEQUENCE_TAGS: dict[type, str] = {list: "l", tuple: "t", set: "s", frozenset: "f"}
_SEQUENCES: dict[str, Callable[[Any], Any]] = {"l": list, "t": tuple, "s": set, "f": frozenset}
_JSON_CONTAINERS = {list, dict}
_SCALARS: dict[str, Callable[..., Any]] = {
    "i": lambda digits: int(digits, 16),
    "u": lambda digits: bytes.fromhex(digits).decode("utf-8", "surrogatepass"),
    "b": bytes.fromhex,
    "c": complex,
}
_SMALL = 1 << 63


_ATOMS = {type(None), bool, int, float, complex, str, bytes, range}
_REPEATED = {type(None), bool, str}
_BARE = {type(None), bool, float}
"""What JSON carries as it is, whatever the value."""


class NotPlain(Exception):
    """A value that cannot travel: foreign, nested too deeply, or (when decoding) malformed."""


class TooDeep(NotPlain):
    """A value nested deeper than `MAX_DEPTH`, or in itself."""


def refuse(value: Any) -> list[Any]:
    """Be the `export` of a caller that takes plain values alone."""
    raise NotPlain(f"a value of type {type(value).__name__} is not plain")


def encode(value: Any, export: Export = refuse, depth: int = 0, *, plain: bool = False) -> Any:
    """Return `value` as JSON-ready data. Raises NotPlain where it is too deep or `export` refuses a part of it.

    `plain` leaves the types of the standard library to `export`.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() or _is_unicode(value) else ["u", value.encode("utf-8", "surrogatepass").hex()]
    if kind is int:
        return value if -_SMALL < value < _SMALL else ["i", hex(value)]
    if value is None or kind is float or kind is bool:
        return value
    if depth >= MAX_DEPTH:
        raise TooDeep(f"a value nested deeper than {MAX_DEPTH} levels")
    if kind is set or kind is frozenset:  # in an order that no hash decides: what is made of it has one too
        return [
            _SEQUENCE_TAGS[kind],
            *sorted((encode(item, export, depth + 1, plain=plain) for item in value), key=repr),
        ]
    if kind in _SEQUENCE_TAGS:
        if value and _is_bare(value):
            return [_SEQUENCE_TAGS[kind], *value]
        return [_SEQUENCE_TAGS[kind], *[encode(item, export, depth + 1, plain=plain) for item in value]]
    if kind is dict:
        pairs = [encode(part, export, depth + 1, plain=plain) for pair in value.items() for part in pair]
        return ["d", *pairs]
    if kind is bytes:
        return ["b", value.hex()]
    if kind is complex:
        return ["c", value.real, value.imag]
    if kind is range:
        return ["r", *[encode(part) for part in (value.start, value.stop, value.step)]]
    standard = None if plain else encode_as(value, kind, export, depth)
    return export(value) if standard is None else standard


def encode_as(value: Any, kind: type, export: Export = refuse, depth: int = 0) -> Any:
    """Return a value of a type of the standard library, or of a subclass, as JSON-ready data; None for any other."""
    taken = parts_of(value, kind)
    return None if taken is None else ["x", taken[0], *[encode(part, export, depth + 1) for part in taken[1]]]


def is_plain(value: Any) -> bool:
    """Tell whether a value that was decoded is made of plain types alone: encoded and decoded again, it is the same."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind in _SEQUENCE_TAGS:
        return _ATOMS.issuperset(map(type, value)) or all(map(is_plain, value))
    return kind is dict and all(map(is_plain, value)) and all(map(is_plain, value.values()))


def decode(data: Any, resolve: Resolve | None = None) -> Any:
    """Return the value that `data` stands for. Raises NotPlain on anything that `encode` does not write."""
    try:
        return _decode(data, resolve)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as problem:
        raise NotPlain(f"malformed value: {problem}") from None


def literal(value: Any) -> str:
    """Return Python source for a plain value, the same for equal sets in any order.

    `ast.literal_eval` reads it back, infinities included (as 1e999); nan, frozenset and range have no literal and are
    written as calls.

    >>> literal([float("inf"), {"b", "a"}, (1,)])
    "[1e999, {'a', 'b'}, (1,)]"
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "float('nan')" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    if isinstance(value, list | tuple) and _is_written_by_repr(value):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({literal(value[0])},)" if len(value) == 1 else f"({', '.join(map(literal, value))})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, frozenset):
        return f"frozenset({literal(set(value)) if value else ''})"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(map(literal, value))) + "}" if value else "set()"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SMALL:
        return hex(value)  # repr refuses more than 4,300 digits
    return repr(value)


def _is_bare(items: Any) -> bool:
    """Say whether all items travel as they are. Long lists mostly hold small numbers or plain text: 20 times as fast."""
    kinds = set(map(type, items))
    if kinds == {int}:
        return min(items) > -_SMALL and max(items) < _SMALL  # type: ignore[no-any-return]
    return "".join(items).isascii() if kinds == {str} else kinds <= _BARE


def _is_written_by_repr(items: list[Any] | tuple[Any, ...]) -> bool:
    """Say whether `literal` of these items is `repr` of each: they are texts, or numbers that it does not write anew."""
    if type(items) not in (list, tuple):
        return False
    kinds = set(map(type, items))
    if kinds == {int}:
        return bool(min(items) > -_SMALL and max(items) < _SMALL)
    return kinds <= _REPEATED or (kinds == {float} and all(map(math.isfinite, items)))


def _is_unicode(text: str) -> bool:
    """Say whether the text has no lone surrogates, which JSON would join into pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decode(data: Any, resolve: Resolve | None, depth: int = 0) -> Any:
    if type(data) is not list:
        if type(data) is dict:
            raise NotPlain("malformed value: a bare mapping")
        return data
    if depth > MAX_DEPTH:
        raise TooDeep(f"a value nested deeper than {MAX_DEPTH} levels")
    tag, *parts = data
    if tag in _SEQUENCES:
        if _JSON_CONTAINERS.isdisjoint(map(type, parts)):
            return _SEQUENCES[tag](parts)
        return _SEQUENCES[tag]([_decode(part, resolve, depth + 1) for part in parts])
    if tag == "d":
        items = [_decode(part, resolve, depth + 1) for part in parts]
        return dict(zip(items[::2], items[1::2], strict=True))
    if tag in _SCALARS:
        return _SCALARS[tag](*parts)
    if tag == "r":
        return range(*[_decode(part, None, depth + 1) for part in parts])
    if tag == "x":
        return made_of(parts[0], [_decode(part, resolve, depth + 1) for part in parts[1:]])
    if resolve is None:
        raise NotPlain(f"malformed value: unknown tag {tag!r}")
    return resolve(data)
