"""Exact deduplication: documents with the same text, one survivor each.

Sketch: id, 128-bit BLAKE2b of the text, and what the survivor order needs. Plan: documents with the same digest are
one class; the best of each stays. Documents of nothing but whitespace are one class, the empty document.
"""

import hashlib
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from curate.dedup.comparison import Comparison, Corpora
from curate.dedup.drops import write_drops
from curate.dedup.survivors import Ranked
from curate.files.shards import read_shard
from curate.stage import Context, Map, Metrics
from curate.text.buffers import text_buffers

DIGEST_BYTES = 16


class Exact(Comparison):
    """Drop documents whose text another document has, byte for byte. The best one stays, and each drop names it."""

    REASON: ClassVar[str] = "exact duplicate"

    normalise: Literal["none", "whitespace"] = Field(
        default="none", description="compare texts as they are, or with every run of whitespace as one blank"
    )

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return `id`, `digest` and the order columns."""
        return pa.table({"digest": self._digests(shard.column("text")), **self.order_columns(shard)})

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

    def plan(self, context: Context, map: Map) -> Metrics:
        """Number the classes of equal texts; the best of each survives."""
        corpora = self.corpora(context, map)
        ranked = self.ranked(context, corpora)
        classes = self._classes(corpora, ranked)
        best = np.unique(classes, return_index=True)[1]  # documents stand best first
        pairs = np.column_stack((best[classes], np.arange(len(classes))))
        pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & self.comparable(ranked, pairs)]
        names = {"id": pairs[:, 1], "survivor": pairs[:, 0]}
        columns = {name: ranked.ids(ranks) for name, ranks in names.items()}
        columns |= self.corpus_column(corpora, ranked, pairs[:, 0])
        write_drops(context, columns, np.ones(len(pairs)))
        sizes = np.unique(pairs[:, 0], return_counts=True)[1]
        return {"classes": float(len(sizes)), "largest_class": float(sizes.max(initial=0) + 1)}

    def _classes(self, corpora: Corpora, ranked: Ranked) -> npt.NDArray[np.int64]:
        """Return a number for each document, equal where texts are (and where the group is, for `within`)."""
        tables = [read_shard(sketch, ["digest"]) for sketch in corpora.sketches]
        if not tables:
            return np.empty(0, dtype=np.int64)
        starts = np.concatenate(([0], np.cumsum([table.num_rows for table in tables])))
        digests = pa.concat_tables(tables).column("digest").combine_chunks()
        classes: npt.NDArray[np.int64] = digests.dictionary_encode().indices.to_numpy().astype(np.int64)
        classes = classes[starts[ranked.shard] + ranked.row]
        if self.within is None or ranked.groups is None:
            return classes
        return np.unique(np.column_stack((classes, ranked.groups)), axis=0, return_inverse=True)[1].reshape(-1)
