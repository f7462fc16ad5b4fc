"""`select.target`: keep the documents that look most like a target set, by importance resampling (DSIR).

In: Documents, and files of a few thousand documents such as one wishes for. Out: the same with `target_weight`, the
logarithm of how much likelier a document is under the target's bag of hashed tokens and pairs than under the
corpus's; the share `keep` is drawn without replacement with probabilities in proportion to those weights (Gumbel
top-k). Xie et al. 2023, "Data Selection for Language Models via Importance Resampling".

Two passes, each linear in the corpus: one counts the bags, one weighs each document. Unlike the paper's, a weight is
the mean over a document's tokens times `length`: as a plain sum it follows the length of a file above all, and files
of code differ in length by a factor of a thousand.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_json
from curate.filters.classifiers.references import Reference, reference, texts_of
from curate.filters.selection.ranking import Scores, find_cut, gumbel, judge_by_rank, store
from curate.llm import ModelSpec
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Verdict

BITS = 14
CHUNK = 512
SMOOTHING = 1.0
"""Added to each count: a token that the target lacks makes a document less likely, not impossible."""
FEWEST = 25


class Target(GlobalFilter):
    """Keep a share of documents, drawn so that together they resemble a target set."""

    target: Reference
    """Documents to resemble: a .parquet or .jsonl path, a folder of .py files, or keys as in `sources:`."""
    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the documents to keep."""
    length: float = Field(default=100, gt=0)
    """Tokens that a document counts for. More of them make the choice stricter, fewer more random."""

    def adds(self) -> Columns:
        """List the weight."""
        return {"target_weight": pa.float64()}

    def fingerprint(self) -> str:
        """Digest of the target's files."""
        return reference("target", self.target).fingerprint()

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError for a target that cannot be read."""
        reference("target", self.target).parts()

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return how often each hashed token stands in the shard."""
        return pa.table({"count": count_tokens(shard.column("text"))})

    def plan(self, context: Context, map: Map) -> Metrics:
        """Compare the two bags, weigh every document, and find the cut."""
        sketches = [read_shard(path)["count"].to_numpy() for path in list_shards(context.plan / "sketches")]
        corpus = np.sum(sketches, axis=0) if sketches else np.zeros(1 << BITS)
        if not corpus.any():
            raise UserError("no documents to choose from; see what the stages before it dropped")
        texts = [text for _, text in zip(range(100_000), texts_of(reference("target", self.target)), strict=False)]
        if len(texts) < FEWEST:
            raise UserError(f"only {len(texts)} documents in `target`; give at least {FEWEST}")
        wanted = count_tokens(pa.chunked_array([texts], pa.large_string()))
        np.save(context.plan / "ratio.npy", _log_share(wanted) - _log_share(corpus), allow_pickle=False)
        ranks = np.concatenate(map(partial(weigh_shard, context, self.length), context.shards()))
        cut, tie = find_cut(ranks, self.keep, context)
        write_json({"cut": cut, "tie": tie}, context.plan / "plan.json")
        return {"documents": float(len(ranks)), "target_documents": float(len(texts)), "cut": cut}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what was not drawn; `score` is the weight before the draw."""
        return judge_by_rank(shard, context, "target_weight", "unlike the target")


def weigh_shard(context: Context, length: float, path: Path) -> Scores:
    """Weigh the documents of one shard, store the weights, and return them with the noise of the draw."""
    shard = read_shard(path, ["id", "text"])
    ratio = np.load(context.plan / "ratio.npy", allow_pickle=False)
    weights = np.concatenate([np.zeros(0), *(_means(counts, ratio) for counts in _counts(shard.column("text")))])
    ids = shard.column("id")
    ranks: Scores = length * weights + gumbel(ids, context)
    store(ids, context, score=length * weights, rank=ranks)
    return ranks


def count_tokens(texts: pa.ChunkedArray) -> Scores:
    """Return how often each hashed token and pair stands in all texts together."""
    total = np.zeros(1 << BITS)
    for counts in _counts(texts):
        total += np.asarray(counts.sum(axis=0)).ravel()
    return total


def _counts(texts: pa.ChunkedArray) -> Any:
    from curate.filters.classifiers.features import hashed_counts

    return (hashed_counts(texts.slice(start, CHUNK), BITS) for start in range(0, len(texts), CHUNK))


def _means(counts: Any, ratio: Scores) -> Scores:
    """Return each row's mean log ratio; 0, like neither, for a document without tokens."""
    return np.asarray((counts @ ratio) / np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1))


def _log_share(counts: Scores) -> Scores:
    smooth = counts + SMOOTHING
    return np.asarray(np.log(smooth / smooth.sum()))
