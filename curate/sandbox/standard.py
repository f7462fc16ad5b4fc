"""Values of the standard library's types that travel between the processes of the sandbox besides the plain ones.

In: a value. Out: its name in `_FORMS` and the parts that it is made of, and back. A value is rebuilt by the judge from
parts of exact types through the constructor of the library's own class, so that all a sample can send is such a value:
no attribute, method or class of its own comes along. Of a subclass the parts that make the library's class are sent.

Not carried: times in a zone other than a fixed offset, a `defaultdict` whose factory is no built-in type (it is sent as
the dict that it is), paths (their methods would look into the judge's file system), iterators, members of an `Enum`.
"""

from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any
from uuid import UUID

Parts = list[Any]
FACTORIES: dict[str, type] = {kind.__name__: kind for kind in (int, float, complex, str, bytes, list, tuple, set, dict)}


@dataclass(frozen=True)
class Form:
    """How a type travels."""

    name: str
    take: Callable[[Any], Parts | None]
    """Value -> parts, which may be any values that travel; None for one that does not."""
    make: Callable[..., Any]
    """Parts -> value. Raises where they are not of the right number and types."""


def parts_of(value: Any, kind: type) -> tuple[str, Parts] | None:
    """Return the name and the parts of a value of one of the types here, or of a subclass; None for any other."""
    form = _BY_KIND.get(kind)
    parts = form.take(value) if form is not None else None
    return None if form is None or parts is None else (form.name, parts)


def made_of(name: str, parts: Parts) -> Any:
    """Return the value that a name and decoded parts stand for. Raises ValueError, TypeError, LookupError or
    ArithmeticError for what `parts_of` does not give."""
    return _BY_NAME[name].make(*parts)


def replace_contents(old: Any, new: Any) -> bool:
    """Make a mutable value equal to another of its type in place; False where its type is none of those here."""
    if isinstance(old, deque):
        old.clear()
        old.extend(new)
    elif isinstance(old, bytearray | array | UserList):
        old[:] = new
    elif isinstance(old, UserDict):
        old.data = new.data
    else:
        return False
    return True


def _exact(value: Any, *kinds: type) -> Any:
    """Return a part if it is of just one of these types: a subclass, or a handle, is none."""
    if type(value) not in kinds:
        raise TypeError(f"a part of type {type(value).__name__}")
    return value


def _pairs(mapping: Any) -> Parts:
    return [part for pair in dict.items(mapping) for part in pair]


def _dict(*parts: Any) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _mapping(value: Any) -> Any:
    return _exact(value, dict, OrderedDict, defaultdict, Counter)


def _integers(*parts: Any) -> list[int]:
    return [_exact(part, int) for part in parts]


def _day(value: Any) -> Parts | None:
    return None if isinstance(value, datetime) else [date.toordinal(value)]


def _clock(value: Any) -> Parts | None:
    """Return hour to microsecond, fold and zone of a time."""
    if value.tzinfo is not None and type(value.tzinfo) is not timezone:
        return None
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]


def _time(*parts: Any) -> time:
    *numbers, fold, zone = parts
    hour, minute, second, microsecond = _integers(*numbers)
    return time(hour, minute, second, microsecond, _zone(zone), fold=_exact(fold, int))


def _moment(value: Any) -> Parts | None:
    clock = _clock(value)
    return clock and [value.year, value.month, value.day, *clock]


def _datetime(*parts: Any) -> datetime:
    *numbers, fold, zone = parts
    year, month, day, hour, minute, second, microsecond = _integers(*numbers)
    return datetime(year, month, day, hour, minute, second, microsecond, _zone(zone), fold=_exact(fold, int))


def _zone(value: Any) -> timezone | None:
    zone: timezone | None = _exact(value, timezone, type(None))
    return zone


def _timezone(offset: Any, name: Any) -> timezone:
    zone = timezone(_exact(offset, timedelta), _exact(name, str))
    return UTC if (offset, name) == (timedelta(0), "UTC") else zone


def _factory(value: Any) -> Parts | None:
    name = next((name for name, kind in FACTORIES.items() if kind is value.default_factory), None)
    return None if value.default_factory is not None and name is None else [name, *_pairs(value)]


def _defaultdict(name: Any, *parts: Any) -> Any:
    return defaultdict(None if name is None else FACTORIES[_exact(name, str)], _dict(*parts))


def _deque(most: Any, *items: Any) -> Any:
    return deque(items, _exact(most, int, type(None)))


def _user_dict(*parts: Any) -> Any:
    made: UserDict[Any, Any] = UserDict()
    made.data = _dict(*parts)
    return made


def _array(code: Any, *items: Any) -> Any:
    return array(_exact(code, str), [_exact(item, int, float, str) for item in items])


_FORMS: dict[type, Form] = {
    Decimal: Form("Decimal", lambda value: [Decimal.__str__(value)], lambda text: Decimal(_exact(text, str))),
    Fraction: Form(
        "Fraction", lambda value: [value.numerator, value.denominator], lambda *parts: Fraction(*_integers(*parts))
    ),
    date: Form("date", _day, lambda day: date.fromordinal(_exact(day, int))),
    datetime: Form("datetime", _moment, _datetime),
    time: Form("time", _clock, _time),
    timedelta: Form(
        "timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda *parts: timedelta(*_integers(*parts)),
    ),
    timezone: Form("timezone", lambda value: [value.utcoffset(None), value.tzname(None)], _timezone),
    UUID: Form("UUID", lambda value: [value.int], lambda number: UUID(int=_exact(number, int))),
    OrderedDict: Form("OrderedDict", lambda value: _pairs(OrderedDict(value)), lambda *p: OrderedDict(_dict(*p))),
    Counter: Form("Counter", _pairs, lambda *parts: Counter(_dict(*parts))),
    defaultdict: Form("defaultdict", _factory, _defaultdict),
    deque: Form("deque", lambda value: [value.maxlen, *deque.__iter__(value)], _deque),
    ChainMap: Form(
        "ChainMap", lambda value: [dict(each) for each in value.maps], lambda *p: ChainMap(*map(_mapping, p))
    ),
    UserDict: Form("UserDict", lambda value: _pairs(dict(value.data)), _user_dict),
    UserList: Form("UserList", lambda value: list(value.data), lambda *items: UserList(list(items))),
    UserString: Form("UserString", lambda value: [str(value.data)], lambda text: UserString(_exact(text, str))),
    MappingProxyType: Form(
        "mappingproxy", lambda value: _pairs(dict(value)), lambda *parts: MappingProxyType(_dict(*parts))
    ),
    type({}.keys()): Form("dict_keys", list, lambda *keys: dict.fromkeys(keys).keys()),
    type({}.items()): Form("dict_items", lambda v: [part for pair in v for part in pair], lambda *p: _dict(*p).items()),
    type({}.values()): Form("dict_values", list, lambda *values: dict(enumerate(values)).values()),
    bytearray: Form("bytearray", lambda value: [bytes(value)], lambda data: bytearray(_exact(data, bytes))),
    array: Form("array", lambda value: [value.typecode, *value], _array),
    slice: Form("slice", lambda value: [value.start, value.stop, value.step], slice),
    type(...): Form("ellipsis", lambda _: [], lambda: ...),
    **{
        kind: Form(kind.__name__, lambda value: [str(value)], lambda text, kind=kind: kind(_exact(text, str)))
        for kind in (IPv4Address, IPv6Address, IPv4Network, IPv6Network)
    },
}
_BY_NAME = {form.name: form for form in _FORMS.values()}
_BY_KIND: dict[type, Form] = {
    **_FORMS,
    type(OrderedDict().keys()): _BY_NAME["dict_keys"],
    type(OrderedDict().items()): _BY_NAME["dict_items"],
    type(OrderedDict().values()): _BY_NAME["dict_values"],
}
