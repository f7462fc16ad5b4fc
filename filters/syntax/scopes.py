"""Whether code can run as it stands: the rules of Python's symbol table, over names by hash.

In: events in the order of the text (a name is bound, used, declared, ... in a scope) and the scopes with their parents.
Out: whether Python would refuse the text though it parses (a parameter named twice, `nonlocal` without a binding), or a
name is used that neither the text nor Python defines. Names that a star import may bring count as undefined: the reader
does not see them either. Not told: a name that is used before it is bound, or bound in a branch that does not run.
"""

import builtins
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Scopes = npt.NDArray[np.int64]

USE, BIND, PARAMETER, GLOBAL, NONLOCAL, REFUSED = 1, 2, 4, 8, 16, 32
"""What happens to a name. REFUSED: something that Python refuses whatever the names are."""
MODULE_SCOPE, FUNCTION_SCOPE, CLASS_SCOPE, COMPREHENSION_SCOPE = range(4)
MODULE_NAMES = ("__file__", "__path__", "__builtins__", "__annotations__", "__module__", "__qualname__", "__class__")
"""Names that Python defines in a module or class and not in `builtins`."""
START, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
UNDERSCORE, DOT = 95, 46


@compiled
def hashed(data: Bytes, start: int, stop: int, state: np.uint64) -> np.uint64:
    """Return the 64-bit FNV-1a hash of some bytes, going on from an earlier one."""
    for place in range(start, stop):
        state = (state ^ np.uint64(data[place])) * PRIME
    return state


def hashes_of(names: Iterable[str]) -> Hashes:
    """Return the hashes of names, sorted."""
    found = [hashed(np.frombuffer(name.encode() + b" ", np.uint8), 0, len(name.encode()), START) for name in names]
    return np.sort(np.array(found, np.uint64))


KNOWN = hashes_of({*dir(builtins), *MODULE_NAMES})


@compiled
def is_among(value: np.uint64, hashes: Hashes) -> bool:
    """Tell whether a hash is one of some sorted ones."""
    place = np.searchsorted(hashes, value)
    return bool(place < len(hashes) and hashes[place] == value)


@compiled
def _slot(keys: Hashes, owners: Scopes, value: np.uint64, scope: int) -> int:
    """Return where the entry of a name in a scope is, or would be."""
    mask = np.uint64(len(keys) - 1)
    place = (value ^ (np.uint64(scope + 1) * np.uint64(0x9E3779B97F4A7C15))) & mask
    while owners[np.int64(place)] >= 0 and not (keys[np.int64(place)] == value and owners[np.int64(place)] == scope):
        place = (place + np.uint64(1)) & mask
    return int(np.int64(place))


@compiled
def cannot_run(events: Hashes, scopes: Scopes, known: Hashes) -> bool:  # noqa: PLR0911 - one for each reason
    """Tell whether code cannot run. `events`: (3, n) hashes, scopes, kinds; `scopes`: (3, m) parents, kinds, -."""
    room = 16
    while room < 2 * events.shape[1] + 2:
        room *= 2
    keys, owners, flags = np.zeros(room, np.uint64), np.full(room, -1, np.int64), np.zeros(room, np.int64)
    for event in range(events.shape[1]):
        scope, kind = int(events[1, event]), int(events[2, event])
        if kind == REFUSED:
            return True
        place = _slot(keys, owners, events[0, event], scope)
        before = flags[place] if owners[place] >= 0 else 0
        if kind == PARAMETER and before & PARAMETER:
            return True
        if kind & (GLOBAL | NONLOCAL) and before & ~kind:
            return True  # used, bound or declared otherwise before
        if kind == NONLOCAL and scope == 0:
            return True
        keys[place], owners[place], flags[place] = events[0, event], scope, before | kind
    defined = np.full(room, -1, np.int64)  # another table of the same room: the names that the module has
    names = np.zeros(room, np.uint64)
    for place in range(room):
        if owners[place] >= 0 and (owners[place] == 0 or flags[place] & GLOBAL) and flags[place] & (BIND | PARAMETER):
            there = _slot(names, defined, keys[place], 0)
            names[there], defined[there] = keys[place], 0
    for place in range(room):
        if owners[place] < 0:
            continue
        where = _resolved(keys, owners, flags, scopes, place)
        if where < 0:
            return True
        if where == 0 and defined[_slot(names, defined, keys[place], 0)] < 0 and not is_among(keys[place], known):
            return True
    return False


@compiled
def _resolved(keys: Hashes, owners: Scopes, flags: Scopes, scopes: Scopes, place: int) -> int:
    """Return 0 where a name of a scope means the module's, 1 where a function's, -1 where there is none for it."""
    scope, own = owners[place], flags[place]
    if scope == 0 or own & GLOBAL:
        return 0
    if own & (BIND | PARAMETER) and not own & NONLOCAL:
        return 1
    above = scopes[0, scope]
    while above > 0:
        if scopes[1, above] != CLASS_SCOPE:
            there = _slot(keys, owners, keys[place], above)
            if owners[there] >= 0:
                if flags[there] & GLOBAL:
                    return -1 if own & NONLOCAL else 0
                if flags[there] & (BIND | PARAMETER | NONLOCAL):
                    return 1
        above = scopes[0, above]
    return -1 if own & NONLOCAL else 0
