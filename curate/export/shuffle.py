"""Documents in an order that the run's seed draws, in bounded memory: scatter into buckets, sort each, read on.

A document's place follows from the seed and its id alone, so neither shards, nor buckets, nor the stages that are
joined change it. A bucket holds the documents whose keys lie in one stretch of the range of keys; the buckets one after
the other are the whole order. In memory lie one shard, or one bucket of some BUCKET_BYTES (more where MOST buckets of
that size do not hold the corpus).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UserError
from curate.stage import derive_seed

ORDER = "__order"
BUCKET_BYTES = 64 << 20
MOST = 256
"""Buckets, each an open file: systems allow 1,024."""


def buckets_for(text_bytes: int) -> int:
    """Return how many buckets hold so many bytes of text."""
    return max(1, min(MOST, -(-text_bytes // BUCKET_BYTES)))


def scatter(tables: Iterable[pa.Table], schema: pa.Schema, folder: Path, count: int, seed: int) -> int:
    """Write each row into its bucket's file in `folder`; return the number of rows."""
    folder.mkdir()
    keyed = schema.append(pa.field(ORDER, pa.uint64()))
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers = [pa.ipc.new_stream(_file(folder, number), keyed, options=options) for number in range(count)]
    rows = 0
    try:
        for table in tables:
            keys = np.array([derive_seed(seed, "export", name) for name in table["id"].to_pylist()], dtype=np.uint64)
            bucket = ((keys >> np.uint64(31)) * np.uint64(count)) >> np.uint64(32)
            marked = table.append_column(keyed.field(ORDER), pa.array(keys, pa.uint64()))
            for number in np.unique(bucket):
                writers[int(number)].write_table(marked.filter(pa.array(bucket == number)))
            rows += len(keys)
    finally:
        for writer in writers:
            writer.close()
    return rows


def gather(folder: Path, count: int) -> Iterator[pa.Table]:
    """Yield the buckets in order, each sorted, and remove their files. Raises UserError for an id that stands twice."""
    for number in range(count):
        path = Path(_file(folder, number))
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            table = stream.read_all()
        order = np.lexsort((_text(table["id"]), table[ORDER].to_numpy()))
        _refuse_doubles(table, order)
        path.unlink()
        yield table.drop_columns([ORDER]).take(pa.array(order))


def _text(column: pa.ChunkedArray) -> np.ndarray:
    """Return ids as ranks, to order those whose keys are the same."""
    return np.asarray(pc.rank(column, tiebreaker="dense"))


def _refuse_doubles(table: pa.Table, order: np.ndarray) -> None:
    keys = table[ORDER].to_numpy()[order]
    for place in np.flatnonzero(keys[1:] == keys[:-1]):
        first, second = (table.slice(int(order[place + step]), 1) for step in (0, 1))
        name = first["id"][0].as_py()
        if name == second["id"][0].as_py():
            stages = " and ".join(dict.fromkeys(part["stage"][0].as_py() for part in (first, second)))
            raise UserError(f"document {name!r} stands twice, in {stages}; name stages of which none reads another")


def _file(folder: Path, number: int) -> str:
    return str(folder / f"{number:05}.arrow")
