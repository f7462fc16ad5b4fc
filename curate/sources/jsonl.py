"""JSON Lines as a source, and arrays of objects: where to cut a file into parts, and from its rows to raw rows.

A cut is a pair of offsets into the decompressed bytes, always around rows (curate/sources/json_rows.py), so plain and
compressed files are read by the same code. A compressed file cannot be entered in the middle: each of its parts
decompresses what stands before it. Blank lines are no rows. A row that is no JSON object becomes a rejected row that
holds the raw text; a file without any object is refused.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.files.stores import open_bytes
from curate.sources import json_rows
from curate.sources.rows import BROKEN_JSON, NOT_TEXT, NOT_UTF8, TOO_LARGE, Cut, Rows

ESCAPE = 6
"""JSON may spend six bytes (`\\u0041`) on one byte of text, so a line may be this much longer than a text."""
LOOK_AT = 100
"""Rows at the head of a file whose keys say which columns there are."""
FEW = 10
"""Lines, none of them an object, for which a file is refused; fewer become rejected rows."""


def cut_file(
    url: str,
    columns: Sequence[str],
    id_column: str | None,
    shard_rows: int,
    shard_bytes: int,
    most: int | None,
    max_bytes: int,
) -> Iterator[Cut]:
    """Read a file once and yield its parts in order, none of them empty, at most `most` rows in all.

    Raises UserError if one of the columns stands in none of the first lines.
    """
    cut: Cut | None = None
    head: list[dict[str, Any]] = []
    rows = 0
    with open_bytes(url) as stream:
        form, found = json_rows.rows(stream, url, _longest(max_bytes))
        for offset, row, length in found:
            if rows == most:
                break
            if cut is not None and (cut.rows == shard_rows or offset - cut.start >= shard_bytes):
                yield cut
                cut = None
            cut = cut or Cut(offset, offset)
            rows += 1
            cut.rows += 1
            cut.stop = offset + length
            if len(head) < LOOK_AT or id_column is not None:
                value = (_parse(row)[0] if row is not None else None) or {}
                if id_column is not None:
                    cut.ids.append(_text(value.get(id_column)))
                if value and len(head) < LOOK_AT:
                    head.append(value)
                    if len(head) == LOOK_AT:
                        _check(url, columns, head)
            if rows == LOOK_AT and not head:
                raise _holds_nothing(url, rows)
    _check(url, columns, head)
    if not head and rows >= (FEW if form == "lines" else 1):
        raise _holds_nothing(url, rows)
    if cut is not None:
        yield cut


def _holds_nothing(url: str, rows: int) -> UserError:
    """Return what to say of a file in which something else than objects stands: not even one row is good."""
    return UserError(
        f"{url} holds no JSON objects: none of its first {rows} rows is one; "
        f"write one object a line, or one array of objects, or leave the file out"
    )


def _longest(max_bytes: int) -> int:
    """Return the bytes of a row that may hold a text of so many bytes."""
    return ESCAPE * max_bytes + (1 << 20)


def _check(url: str, columns: Sequence[str], head: list[dict[str, Any]]) -> None:
    keys = dict.fromkeys(key for value in head for key in value)
    for name in columns:
        if head and name not in keys:
            raise UserError(f"{url} has no column {name!r}; its first rows have: {', '.join(keys)}")


def read_lines(
    url: str, name: str, start: int, stop: int, text: str, id_column: str | None, keep: Sequence[str], max_bytes: int
) -> Rows:
    """Return the rows of the lines between two offsets; `name` and the offset of its line say where a row stood."""
    places: list[str] = []
    texts: list[str | bytes | None] = []
    values: list[dict[str, Any]] = []
    faults: dict[int, str] = {}
    with open_bytes(url) as stream:
        for offset, line, _ in json_rows.rows(stream, url, _longest(max_bytes), start, stop)[1]:
            value, fault = _parse(line) if line is not None else (None, TOO_LARGE)
            content = (value or {}).get(text)
            if fault is None and content is not None and not isinstance(content, str):
                fault, content = NOT_TEXT, json.dumps(content, ensure_ascii=False)
            if fault is not None:
                faults[len(places)] = fault
            raw = _text(content) if value is not None else line
            places.append(f"{name}@{offset}")
            texts.append(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw)
            values.append(value or {})
    return Rows(
        places,
        pa.array(texts, pa.large_binary()),
        None if id_column is None else _column([_text(value.get(id_column)) for value in values]),
        {column: _column([value.get(column) for value in values]) for column in keep},
        faults,
    )


def _parse(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """Return the line's object, or the reason why there is none."""
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return None, NOT_UTF8
    except (ValueError, RecursionError):
        return None, BROKEN_JSON
    return (value, None) if isinstance(value, dict) else (None, BROKEN_JSON)


def _text(value: Any) -> str | None:
    """Return a value as text: numbers in digits, structures as JSON, null as None."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _column(values: Iterable[Any]) -> pa.Array:
    """Return values as one Arrow column of their own type; where the rows disagree, as text."""
    values = list(values)
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError):
        texts = [_text(value) for value in values]
        encoded = [None if value is None else value.encode("utf-8", "surrogatepass") for value in texts]
        return pa.array(encoded, pa.large_binary())
