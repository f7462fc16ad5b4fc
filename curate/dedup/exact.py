"""Exact deduplication: documents with the same text, one survivor each.

Sketch: id, 128-bit BLAKE2b of the text, and what the survivor order needs. Plan: documents with the same digest are
one class; the best of each stays. Documents of nothing but whitespace are one class, the empty document.
"""

import hashlib
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.buffers import text_buffers
from curate.dedup.drops import verdict, write_drops
from curate.dedup.survivors import must_be_unique, order_columns, sketched_shards, sort_keys
from curate.shards import read_shard
from curate.stage import Context, GlobalFilter, Map, Metrics, Verdict

DIGEST_BYTES = 16


class Exact(GlobalFilter):
    """Drop documents whose text another document has, byte for byte. The best one stays, and each drop names it."""

    normalise: Literal["none", "whitespace"] = Field(
        default="none", description="compare texts as they are, or with every run of whitespace as one blank"
    )
    keep_best: list[str] = Field(
        default=["license", "stars"], description="columns that choose the survivor, before length and id"
    )

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return `id`, `digest` and the order columns."""
        return pa.table({"digest": self._digests(shard.column("text")), **order_columns(shard, self.keep_best)})

    def _digests(self, texts: pa.ChunkedArray) -> pa.Array:
        data, offsets = text_buffers(texts)
        found = bytearray()
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            text = data[start:stop].tobytes()
            if self.normalise == "whitespace":
                text = b" ".join(text.split())
            elif text.isspace():
                text = b""
            found += hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()
        kind = pa.binary(DIGEST_BYTES)
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(texts), [None, pa.py_buffer(bytes(found))])

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - one sort; nothing to spread
        """Sort by digest, then best first: the first of each class survives."""
        tables = [read_shard(sketch) for sketch, _ in sketched_shards(context)]
        if not tables:
            write_drops(context, dict.fromkeys(("id", "survivor"), pa.array([], pa.string())), np.empty(0))
            return {"classes": 0, "largest_class": 0}
        table = pa.concat_tables(tables)
        must_be_unique(table.column("id"))
        order = pc.sort_indices(table, sort_keys=[("digest", "ascending"), *sort_keys(self.keep_best)])
        digests = np.frombuffer(
            table.column("digest").take(order).combine_chunks().buffers()[1], dtype=f"V{DIGEST_BYTES}"
        )[: len(order)]
        first = np.ones(len(order), dtype=bool)
        first[1:] = digests[1:] != digests[:-1]
        ids = table.column("id").take(order)
        survivors = ids.take(pa.array(np.flatnonzero(first)[np.cumsum(first) - 1]))
        dropped = pa.array(~first)
        write_drops(
            context, {"id": ids.filter(dropped), "survivor": survivors.filter(dropped)}, np.ones((~first).sum())
        )
        sizes = np.bincount(np.cumsum(first) - 1) if len(first) else np.zeros(1, dtype=np.int64)
        return {"classes": float((sizes > 1).sum()), "largest_class": float(sizes.max())}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what the plan lists."""
        return verdict(shard, context, "exact duplicate")
