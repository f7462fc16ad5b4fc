"""`select.diverse`: a coreset, that is fewer documents that still cover what the corpus holds.

In: Documents. Out: the same with `cluster`, the group of documents on like things that one belongs to. The share
`keep` stays, and is taken evenly: small clusters whole, of large ones the same number each. Within a cluster those
with the highest value in the column `prefer` come first (`quality`, say), without one those with the lowest hash.
Dropped rows carry their place in their cluster as `score`; the number that cluster may keep is in `plan/clusters.json`.

Clusters are those of k-means on hashed tokens and pairs, folded to 128 dimensions with random signs (count sketch,
Charikar et al. 2002), which keeps cosines to about 0.09. The centres are learnt from a draw of documents, so that the
whole is linear in the corpus. Balancing over k-means clusters is what Abbas et al. 2023 (SemDeDup) and Sorscher et al.
2022 prune by; here without a language model's embeddings.
"""

from math import isqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_json
from curate.filters.selection.ranking import store, stored
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Need, Verdict, derive_seed

BITS = 18
FOLDED = 7
"""log2 of the dimensions after folding."""
CHUNK = 512
LEARN_FROM = 50_000
"""Documents that the centres are learnt from, at most."""
MOST_CLUSTERS = 1000
Vectors = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class Diverse(GlobalFilter):
    """Keep a share of documents that is spread evenly over clusters of like documents."""

    VERSION: ClassVar[int] = 1

    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the documents to keep."""
    clusters: int | None = Field(default=None, ge=2)
    """Number of clusters; default: the square root of the number of documents, 1,000 at most."""
    prefer: str | None = None
    """A column of numbers; within a cluster the highest stay. Without it a draw decides."""

    def needs(self) -> list[Need]:
        """List what decides within a cluster."""
        return [Need((self.prefer,), f"prefer: {self.prefer}", numbers=True)] if self.prefer else []

    def adds(self) -> Columns:
        """List the number of the cluster."""
        return {"cluster": pa.int64()}

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """Return id, vector and what decides within a cluster."""
        ids = shard.column("id")
        draw = np.array([derive_seed(context.seed, "draw", id) for id in ids.to_pylist()], np.int64)
        vectors = fold(shard.column("text"))
        width = vectors.shape[1]
        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), width)
        return pa.table({"id": ids, "draw": draw, "vector": flat, "value": self._values(shard)})

    def _values(self, shard: pa.Table) -> pa.Array:
        if self.prefer is None:
            return pa.nulls(shard.num_rows, pa.float64())
        if self.prefer not in shard.column_names:
            raise UserError(
                f"`prefer: {self.prefer}`: no such column; the columns are: {', '.join(shard.column_names)}"
            )
        try:
            return shard.column(self.prefer).cast(pa.float64())
        except pa.ArrowInvalid as error:
            raise UserError(f"`prefer: {self.prefer}` is no column of numbers; name one") from error

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - the contract's shape
        """Find the clusters, share the places out among them, and number the documents of each."""
        sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        everyone = pa.concat_tables(sketches) if sketches else None
        if everyone is None or not everyone.num_rows:
            raise UserError("no documents to choose from; see what the stages before it dropped")
        count = everyone.num_rows
        order = np.lexsort((np.array(everyone["id"].to_pylist()), everyone["draw"].to_numpy()))
        vectors = everyone["vector"].combine_chunks().flatten().to_numpy().reshape(count, -1)
        number = min(self.clusters or max(min(isqrt(count), MOST_CLUSTERS), 2), count)
        clusters = cluster(vectors, order[:LEARN_FROM], number, derive_seed(context.seed, "clusters"))
        places = place_in_cluster(clusters, everyone["value"].to_numpy(), order)
        sizes = np.bincount(clusters, minlength=number)
        quotas = share_out(sizes, max(round(self.keep * count), 1))
        start = 0
        for sketch in sketches:
            rows = slice(start, start + sketch.num_rows)
            kept = places[rows] < quotas[clusters[rows]]
            store(sketch["id"], context, cluster=clusters[rows], place=places[rows] + 1, kept=kept)
            start += sketch.num_rows
        write_json({"sizes": sizes.tolist(), "kept": quotas.tolist()}, context.plan / "clusters.json")
        return {"documents": float(count), "clusters": float((sizes > 0).sum()), "largest": float(sizes.max())}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what found no place in its cluster."""
        if not shard.num_rows:
            return Verdict(
                pa.array([], pa.string()), {"cluster": pa.array([], pa.int64())}, {"score": pa.array([], pa.int64())}
            )
        found = stored(shard.column("id"), context)
        return Verdict(
            reasons=pc.if_else(found["kept"], pa.scalar(None, pa.string()), "cluster full").combine_chunks(),
            columns={"cluster": found["cluster"].combine_chunks()},
            evidence={"score": found["place"].combine_chunks()},
        )


def fold(texts: pa.ChunkedArray) -> Vectors:
    """Return each text's hashed counts, scaled to length 1 and folded: column c goes to c mod 128 with a fixed sign."""
    from curate.filters.classifiers.features import hashed_counts, unit_rows

    blocks = [np.zeros((0, 1 << FOLDED), np.float32)]
    folding = _folding()
    for start in range(0, len(texts), CHUNK):
        blocks.append((unit_rows(hashed_counts(texts.slice(start, CHUNK), BITS)) @ folding).toarray())
    return np.concatenate(blocks)


def _folding() -> Any:
    from scipy.sparse import csr_matrix

    columns = np.arange(1 << BITS)
    signs = np.where(np.random.default_rng(0).random(1 << BITS) < 0.5, -1, 1).astype(np.float32)
    return csr_matrix((signs, (columns, columns % (1 << FOLDED))))


def cluster(vectors: Vectors, learn_from: Integers, number: int, seed: int) -> Integers:
    """Return the cluster of each vector. One thread learns, so that the sums do not depend on the machine's cores."""
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        centres = MiniBatchKMeans(number, batch_size=4096, n_init=5, max_iter=20, random_state=seed % 2**32)
        centres.fit(vectors[learn_from])
        return np.asarray(centres.predict(vectors), np.int64)


def place_in_cluster(clusters: Integers, values: npt.NDArray[np.float64], order: Integers) -> Integers:
    """Return each document's place in its cluster from 0 on: highest value first, null last, then by `order`."""
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order))
    ranked = np.lexsort((turn, -np.nan_to_num(values, nan=-np.inf), clusters))
    places = np.empty(len(order), np.int64)
    starts = np.searchsorted(clusters[ranked], clusters[ranked])
    places[ranked] = np.arange(len(order)) - starts
    return places


def share_out(sizes: Integers, wanted: int) -> Integers:
    """Return how many each cluster keeps: all of a small one, else the same number, `wanted` in all.

    >>> share_out(np.array([1, 5, 9]), 9).tolist()
    [1, 4, 4]
    """
    quotas = np.zeros_like(sizes)
    while (left := wanted - int(quotas.sum())) > 0:
        open_clusters = np.flatnonzero(quotas < sizes)
        each = left // len(open_clusters)
        if not each:
            quotas[open_clusters[:left]] += 1
            break
        quotas[open_clusters] = np.minimum(quotas[open_clusters] + each, sizes[open_clusters])
    return quotas
