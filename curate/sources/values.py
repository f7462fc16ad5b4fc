"""Values of any Arrow type as text, as ids, and as what a shard can store.

In: a column as a reader found it, in one array or in chunks. Out: `large_string` arrays, and the rows that held bytes
which are no UTF-8. Chunks are widened before they are joined: text of 2 GB overflows the offsets of a plain string.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_DEPTH = 40
"""Levels of a nested value that are stored as such; Parquet's readers refuse far deeper ones."""


def is_textual(kind: pa.DataType) -> bool:
    """Tell whether values of a type are read as text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def is_nameable(kind: pa.DataType) -> bool:
    """Tell whether values of a type can be ids: text, numbers, times, UUIDs, bytes of a fixed width."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return not (pa.types.is_nested(kind) or (isinstance(kind, pa.BaseExtensionType) and not _is_uuid(kind)))


def as_text(values: Any) -> tuple[pa.Array, set[int]]:
    """Return a column as valid UTF-8, and the rows where that needed replacement characters.

    What is no text becomes JSON, to be shown.
    """
    if not is_textual(values.type):
        return _json(values), set()
    raw = _joined(values)
    try:
        return raw.cast(pa.large_string()), set()
    except pa.ArrowInvalid:
        bad = set()
        texts: list[str | None] = []
        for row, value in enumerate(raw.to_pylist()):
            texts.append(None if value is None else value.decode("utf-8", "replace"))
            if value is not None and texts[-1] is not None and texts[-1].encode() != value:
                bad.add(row)
        return pa.array(texts, pa.large_string()), bad


def as_ids(values: Any) -> tuple[pa.Array, set[int]]:
    """Return a column of ids as text, and the rows whose bytes are none.

    Numbers and times are written out, bytes of a fixed width are hexadecimal unless they are ASCII, nested values JSON.
    """
    kind = values.type
    if is_textual(kind):
        return as_text(values)
    if pa.types.is_dictionary(kind) or not is_nameable(kind):
        plain = [value if value is None or isinstance(value, str) else _dumps(value) for value in values.to_pylist()]
        return pa.array(plain, pa.large_string()), set()
    if _is_uuid(kind):
        return pa.array(
            [None if value is None else str(value) for value in values.to_pylist()], pa.large_string()
        ), set()
    if pa.types.is_fixed_size_binary(kind):
        shown = [None if value is None else _shown(value) for value in values.to_pylist()]
        return pa.array(shown, pa.large_string()), set()
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return whole.cast(pa.large_string()), set()


def storable(values: Any) -> Any:
    """Return a column that a shard can hold: text as valid UTF-8, and as JSON what Parquet has no type for."""
    if is_textual(values.type):
        return as_text(values)[0]
    return values if _is_storable(values.type, 0) else _json(values)


def readable(name: str) -> str:
    """Return the name of a file; bytes of it that are no UTF-8 are written as `\\xe9`.

    >>> readable("caf\\udce9.py")
    'caf\\\\xe9.py'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _joined(values: Any) -> pa.Array:
    """Return the bytes of a textual column in one array."""
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    wide = [
        pc.take(chunk.dictionary.cast(pa.large_binary()), chunk.indices)
        if isinstance(chunk, pa.DictionaryArray)
        else chunk.cast(pa.large_binary())
        for chunk in chunks
    ]
    return pa.concat_arrays(wide) if wide else pa.array([], pa.large_binary())


def _is_storable(kind: pa.DataType, depth: int) -> bool:
    if not pa.types.is_nested(kind):
        return True
    below = [kind.field(index).type for index in range(kind.num_fields)]
    return bool(below) and depth < MOST_DEPTH and all(_is_storable(each, depth + 1) for each in below)


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)


def _shown(value: bytes) -> str:
    return value.decode() if value.isascii() and value.decode().isprintable() else value.hex()


def _json(values: Any) -> pa.Array:
    return pa.array([None if value is None else _dumps(value) for value in values.to_pylist()], pa.large_string())


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
