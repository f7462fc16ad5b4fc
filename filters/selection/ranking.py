"""Keeping the best share of a corpus by one number per document: what the stages that do so have in common.

In: per shard, ids with a score and a rank (the score, or the score with noise). Out: the cut, and a Verdict for each
shard. Scores are stored by a digest of the shard's ids, since a stage that judges sees rows, not a shard's name.
Documents of equal rank at the cut are parted by a hash of seed and id, so that the share is exact whatever the ranks.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_shard
from curate.stage import Context, Verdict, derive_seed

Scores = npt.NDArray[np.float64]


def store(ids: pa.ChunkedArray, context: Context, **columns: npt.NDArray[np.generic]) -> None:
    """Write what was found out about the documents of one shard."""
    write_shard(pa.table({"id": ids, **columns}), _path(ids, context))


def stored(ids: pa.ChunkedArray, context: Context) -> pa.Table:
    """Return what was stored about the documents of a shard, in its order."""
    return read_shard(_path(ids, context))


def _path(ids: pa.ChunkedArray, context: Context) -> Path:
    digest = hashlib.blake2b("\n".join(ids.to_pylist()).encode(), digest_size=16).hexdigest()
    return context.plan / "scores" / f"{digest}.parquet"


def gumbel(ids: pa.ChunkedArray, context: Context) -> Scores:
    """Return Gumbel noise, one number a document, decided by seed and id."""
    uniform = np.array([(derive_seed(context.seed, "noise", id) + 0.5) / 2**63 for id in ids.to_pylist()])
    return np.asarray(-np.log(-np.log(np.clip(uniform, 1e-12, 1 - 1e-12))))


def find_cut(ranks: Scores, keep: float, context: Context) -> tuple[float, int]:
    """Return (cut, tie): kept are ranks above the cut, and those equal to it whose tie break is not above `tie`.

    Raises UserError for constant ranks, which no quantile can part.
    """
    if ranks.min() == ranks.max():
        raise UserError(
            f"all {len(ranks)} documents have the score {ranks[0]:.4g}, so none is better; check that the labels "
            "differ, and the classifier's parameters"
        )
    wanted = max(round(keep * len(ranks)), 1)
    cut = float(np.partition(ranks, -wanted)[-wanted])
    room = wanted - int((ranks > cut).sum())
    tables = [read_shard(path) for path in list_shards(context.plan / "scores")]
    at_cut = [id for table in tables for id in table.filter(pc.equal(table["rank"], cut))["id"].to_pylist()]
    return cut, sorted(_tie_break(id, context) for id in at_cut)[room - 1]


def judge_by_rank(shard: pa.Table, context: Context, column: str, reason: str) -> Verdict:
    """Drop what lies below the cut in `plan/plan.json`; write the score to `column`."""
    plan = json.loads((context.plan / "plan.json").read_text())
    ids = shard.column("id")
    if not shard.num_rows:
        none = pa.array([], pa.float64())
        return Verdict(pa.array([], pa.string()), {column: none}, {"score": none})
    found = stored(ids, context)
    ranks, scores = found.column("rank").to_numpy(), found.column("score").combine_chunks()
    keep = kept_at(plan["cut"], plan["tie"], ranks, ids, context)
    return Verdict(
        reasons=pc.if_else(pa.array(keep), pa.scalar(None, pa.string()), reason),
        columns={column: scores},
        evidence={"score": scores},
    )


def kept_at(cut: float, tie: int, ranks: Scores, ids: pa.ChunkedArray, context: Context) -> npt.NDArray[np.bool_]:
    """Tell of each document whether it stays at a cut that `find_cut` gave."""
    keep = ranks > cut
    for row in np.flatnonzero(ranks == cut):
        keep[row] = _tie_break(ids[row].as_py(), context) <= tie
    return keep


def _tie_break(id: str, context: Context) -> int:
    """Return the number that decides between documents of equal rank."""
    return derive_seed(context.seed, "tie", id)
