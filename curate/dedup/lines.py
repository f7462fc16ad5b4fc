"""Boilerplate: blocks of lines that stand in many documents (licence headers, generated notices) are cut out of them.

Sketch: the blocks of a shard's documents (blocks.py), each with the number of documents that have it.
Plan:   the blocks in more than `documents` documents: `plan/blocks.parquet`, hash and count.
Judge:  cuts the lines of those blocks out of `text`. What was cut stands beside it, so that nothing is lost:
        `removed_lines` (their numbers, from 0) and `removed_text` (the lines). A document of which too little would be
        left is dropped instead, as it was, with the share as its score.

By default only comment lines are cut, `#` and `//`, so that code stays code; `lines: any` suits prose. Not covered:
comment marks inside string literals, which are taken for comments, and block comments.
Line-level exact deduplication of web text: Wenzek et al. 2019, "CCNet".
"""

import io
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.dedup.survivors import sketched_shards
from curate.files.shards import read_shard, write_shard
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Verdict
from curate.text.buffers import text_buffers

FILE = "blocks.parquet"
KINDS = (pa.large_string(), pa.list_(pa.int32()), pa.large_string())
"""What a cut leaves: the text, the numbers of the lines that went, and those lines."""


class Lines(GlobalFilter):
    """Cut blocks of lines that stand in many documents. What is cut is kept beside the text; little left is a drop."""

    lines: Literal["comments", "any"] = Field(default="comments", description="which lines may be cut")
    block: int = Field(default=3, ge=1, description="lines in a row that must be the same")
    documents: int = Field(default=20, ge=1, description="documents that may have a block; one more, and it is cut")
    least_left: float = Field(
        default=0.2, ge=0, le=1, description="drop a document if a smaller share of its bytes would be left"
    )

    def adds(self) -> Columns:
        """List the numbers and the text of the lines that went."""
        return {"removed_lines": KINDS[1], "removed_text": KINDS[2]}

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return `block` (its hash) and `documents` (how many of the shard have it)."""
        from curate.dedup.blocks import count_blocks

        found = count_blocks(*text_buffers(shard.column("text")), self.block, self.lines == "comments")
        blocks, counts = np.unique(found, return_counts=True)
        return pa.table({"block": blocks, "documents": counts})

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - one sum; nothing to spread
        """Add the counts of all shards up and keep the blocks of too many documents."""
        tables = [read_shard(sketch) for sketch, _ in sketched_shards(context)]
        empty = pa.table({"block": pa.array([], pa.uint64()), "documents": pa.array([], pa.int64())})
        sums = pa.concat_tables([empty, *tables]).group_by("block").aggregate([("documents", "sum")])
        often = sums.filter(pc.greater(sums.column("documents_sum"), self.documents)).sort_by("block")
        write_shard(often.rename_columns({"documents_sum": "documents"}), context.plan / FILE)
        return {"blocks": float(sums.num_rows), "repeated_blocks": float(often.num_rows)}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Cut the lines of repeated blocks, or drop the document if little would be left."""
        from curate.dedup.blocks import repeated_lines

        repeated = read_shard(context.plan / FILE, ["block"]).column("block").to_numpy()
        texts = shard.column("text").combine_chunks()
        buffers = text_buffers(shard.column("text"))
        rows, lines = repeated_lines(*buffers, self.block, self.lines == "comments", repeated)
        cuts: dict[int, tuple[str, list[int], str]] = {}
        shares: dict[int, float] = {}
        for row in np.unique(rows).tolist():
            text, numbers = texts[row].as_py(), lines[slice(*np.searchsorted(rows, [row, row + 1]))].tolist()
            rest, gone = cut(text, numbers)
            share = len(rest.strip().encode()) / len(text.encode())
            if share < self.least_left:
                shares[row] = share
            else:
                cuts[row] = rest, numbers, gone
        found = [cuts.get(row, (None, None, None)) for row in range(len(texts))]
        left, numbers, removed = (pa.array([each[part] for each in found], kind) for part, kind in enumerate(KINDS))
        scores = pa.array([shares.get(row) for row in range(len(texts))], pa.float64())
        return Verdict(
            pc.if_else(pc.is_valid(scores), pa.scalar("boilerplate"), pa.scalar(None, pa.string())),
            columns={"text": pc.coalesce(left, texts), "removed_lines": numbers, "removed_text": removed},
            evidence={"score": scores},
            metrics={"documents_cut": len(cuts), "bytes_cut": pc.sum(pc.binary_length(removed)).as_py() or 0},
        )


def cut(text: str, numbers: list[int]) -> tuple[str, str]:
    """Return the text without the lines of these numbers, and those lines.

    >>> cut("a\\nb\\nc", [0, 2])
    ('b\\n', 'a\\nc')
    """
    gone = set(numbers)
    lines = list(io.StringIO(text, newline="\n"))
    halves = ([line for at, line in enumerate(lines) if (at in gone) is half] for half in (False, True))
    rest, removed = map("".join, halves)
    return rest, removed
