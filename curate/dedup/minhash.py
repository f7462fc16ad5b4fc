"""Near-duplicates: documents whose sets of word n-grams overlap by at least a threshold.

Sketch: id, MinHash signature (datasketch's `affine32`), number of shingles, and what the survivor order needs.
Plan:   candidates by locality-sensitive hashing (lsh.py), exact similarity on text for each (verify.py), survivors as
        stars in keep-best order (clusters.py), recall measured on planted edits (planted.py). Writes
        `plan/drops.parquet`: id, survivor, similarity, cluster.
Judge:  drops what is listed there.

MinHash only proposes; text decides. The bands are chosen for recall, well below the threshold, because a wrong
candidate costs a comparison and a missed pair stays in the corpus. Method: Broder 1997, "On the resemblance and
containment of documents". With `similarity: containment` (measure.py) a file goes for one that holds most of it.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from curate.dedup.comparison import Comparison, Corpora
from curate.dedup.drops import write_drops
from curate.dedup.survivors import Ranked
from curate.stage import Context, Map, Metrics

if TYPE_CHECKING:
    from curate.dedup.near.measure import Measure
    from curate.text.words import Pairs, Similarities

CURVE = (0.6, 0.7, 0.8, 0.9)
"""Similarities for which the plan's figures say how probably a pair is found."""


class MinHash(Comparison):
    """Drop near-duplicates: documents that resemble a better one. Every drop names its survivor and the similarity."""

    VERSION: ClassVar[int] = 3
    THREADS: ClassVar[bool] = True
    REASON: ClassVar[str] = "near duplicate"

    threshold: float = Field(default=0.8, gt=0, le=1, description="least similarity of two documents' word n-grams")
    similarity: Literal["jaccard", "containment"] = Field(
        default="jaccard", description="what both have of what either has, or of what the dropped one has"
    )
    tokens: Literal["words", "code"] = Field(
        default="words", description="code: operators count, comments and licence headers do not"
    )
    ngram: int = Field(default=5, ge=1, description="words in a shingle")
    permutations: int = Field(default=128, ge=1, le=4096, description="values in a signature")
    bands: int = Field(default=25, ge=1, description="parts of a signature; more find more candidates")
    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of the permutations")

    @model_validator(mode="after")
    def _bands_must_fit(self) -> Self:
        if self.bands > self.permutations:
            raise ValueError(f"bands {self.bands} must not exceed permutations {self.permutations}")
        if self.similarity == "containment" and self.permutations > 2 * self.bands:
            raise ValueError(
                f"bands {self.bands} would miss most of what is contained: "
                f"similarity containment needs bands: {self.permutations // 2}"
            )
        return self

    @property
    def measure(self) -> "Measure":
        """How two documents are compared."""
        from curate.dedup.near.measure import Measure

        return Measure(self.ngram, self.threshold, self.tokens, self.similarity)

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return `id`, `signature` (4 bytes a permutation), `shingles` (repeats included) and the order columns."""
        from curate.dedup.near.kernel import permutations, signatures

        drawn = permutations(self.permutations, self.seed)
        signed = [signatures(*piece, self.ngram, *drawn) for piece in self.measure.pieces(shard.column("text"))]
        values = np.concatenate([np.empty((0, self.permutations), np.uint32), *(part for part, _ in signed)])
        counts = np.concatenate([np.empty(0, np.int64), *(part for _, part in signed)])
        kind = pa.binary(values.shape[1] * 4)
        signature = pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
        columns = self.order_columns(shard)
        return pa.table({**columns, "signature": signature, "shingles": pa.array(counts)})

    def plan(self, context: Context, map: Map) -> Metrics:
        """Find, verify and resolve the near-duplicates of the whole corpus."""
        from curate.dedup.near import clusters, lsh, planted

        corpora = self.corpora(context, map)
        with ThreadPoolExecutor(1) as aside:  # it needs one shard only and would otherwise leave the workers idle
            whole = self.model_copy(update={"within": None, "across": None})
            recall = aside.submit(planted.recall, whole, context)
            ranked, pairs, similarity, figures = self.near_pairs(context, corpora, map)
        if not len(ranked):
            write_drops(context, dict.fromkeys(("id", "survivor", "cluster"), pa.array([], pa.string())), np.empty(0))
            return figures
        stars = clusters.stars(len(ranked), pairs, similarity)
        columns = {"id": stars.dropped, "survivor": stars.survivor, "cluster": stars.cluster[stars.dropped]}
        ids = {name: ranked.ids(ranks) for name, ranks in columns.items()}
        write_drops(context, {**ids, **self.corpus_column(corpora, ranked, stars.survivor)}, stars.similarity)
        rows = self.permutations // self.bands
        return {
            **figures,
            **clusters.figures(stars),
            **{f"detection_at_{at}": lsh.detection(at, self.bands, rows) for at in CURVE},
            **recall.result(),
        }

    def near_pairs(self, context: Context, corpora: Corpora, map: Map) -> "tuple[Ranked, Pairs, Similarities, Metrics]":
        """Return all documents, best first, their verified pairs (ranks, better first), the similarities, figures."""
        from curate.dedup.near import lsh, verify

        sketches, shards = corpora.sketches, corpora.shards
        ranked = self.ranked(context, corpora)
        if not len(ranked):
            return ranked, np.empty((0, 2), np.int64), np.empty(0), {"candidate_pairs": 0.0}
        apart = ranked.groups if self.within is not None else None
        counts = lsh.gather(context.plan, sketches, ranked, self.bands, apart)
        limits = self.measure.least_jaccard, self.threshold
        looked_at, pairs = lsh.candidates(context.plan, sketches, apart, *limits, map)
        pairs = pairs[self.comparable(ranked, pairs)]
        similarity = verify.similarities(context.plan, context.shelf, shards, ranked, counts, pairs, self.measure, map)
        verified = similarity > 0
        figures = {
            "bucket_pairs": float(looked_at),
            "candidate_pairs": float(len(pairs)),
            "verified_pairs": float(verified.sum()),
        }
        return ranked, pairs[verified], similarity[verified], figures
