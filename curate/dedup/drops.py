"""The outcome of a deduplication plan, `plan/drops.parquet`: one row for each document that goes.

Columns: `id`, `survivor` (the id of the document that stands for it), `similarity` (Jaccard, 1.0 for exact), and
for near-duplicates `cluster`. The stages' `judge` is `verdict`: it looks the shard's ids up.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.files.shards import read_shard, write_shard
from curate.stage import Context, Verdict

FILE = "drops.parquet"
Similarities = npt.NDArray[np.float64]


def write_drops(context: Context, columns: dict[str, pa.Array | pa.ChunkedArray], similarity: Similarities) -> None:
    """Write the drops in id order. `columns` are strings: `id`, `survivor`, and `cluster` where there is one."""
    table = pa.table({**columns, "similarity": pa.array(similarity, pa.float64())})
    write_shard(table.sort_by("id"), context.plan / FILE)


def verdict(shard: pa.Table, context: Context, reason: str) -> Verdict:
    """Drop the rows that the plan lists, with the plan's other columns as evidence."""
    drops = read_shard(context.plan / FILE)
    place = pc.index_in(shard.column("id"), value_set=drops.column("id").combine_chunks()).combine_chunks()
    reasons = pc.if_else(pc.is_valid(place), pa.scalar(reason), pa.scalar(None, pa.string()))
    evidence = {name: drops.column(name).combine_chunks().take(place) for name in drops.column_names if name != "id"}
    return Verdict(reasons, evidence=evidence)
