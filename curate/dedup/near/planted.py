"""Recall measured where the truth is known: edits planted in a sample of the corpus' own documents.

In: a near-duplicate stage and its context, once all shards are sketched. Out: figures for the report.

Some documents of one shard, evenly spaced, are each edited three times: lines replaced, inserted, deleted, as many
as keep about the threshold of similarity at most. Originals and edits are a small corpus of their own, on which the
stage's own `near_pairs` runs: the same signatures, bands, sift and comparison of texts. Recall is the share of
(original, edit) pairs, of at least the threshold by exact comparison, that it finds. It measures the bands, not crowds.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from curate.dedup.comparison import Corpora
from curate.dedup.survivors import Ranked, sketched_shards
from curate.files.shards import count_rows, documents, write_shard
from curate.stage import Context, Map, Metrics, derive_seed

if TYPE_CHECKING:  # numba comes with them
    from curate.dedup.near.measure import Measure
    from curate.text.words import Pairs, Similarities

SAMPLE = 200
LEAST_LINES = 12
KINDS = ("replaced", "inserted", "deleted")


class NearDuplicates(Protocol):
    """What is measured: a stage that sketches a shard and finds the verified pairs of all sketches."""

    threshold: float

    @property
    def measure(self) -> "Measure":
        """How documents are compared."""
        ...

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """Return the sketch of a shard."""
        ...

    def near_pairs(self, context: Context, corpora: Corpora, map: Map) -> "tuple[Ranked, Pairs, Similarities, Metrics]":
        """Return the documents, their verified pairs and the similarity of each."""
        ...


def recall(stage: NearDuplicates, context: Context) -> Metrics:
    """Return `planted_pairs`, `planted_recall` and the recall in the lower half of the similarities that count."""
    rows = sample(context)
    if not rows:
        return {"planted_pairs": 0.0}
    shard = documents(row for original in rows for row in [original, *edits(original, stage.threshold, context.seed)])
    small = replace(context, directory=context.plan / "planted", inputs={"in": context.plan / "planted/in"})
    path = small.inputs["in"] / "kept/planted.parquet"
    write_shard(shard, path)
    sketch = small.plan / "sketches/planted.parquet"
    write_shard(stage.sketch(shard, small), sketch)
    ranked, pairs, _, _ = stage.near_pairs(small, Corpora([sketch], [path], [None]), in_this_process)
    ids = ranked.ids(np.arange(len(ranked))).to_pylist()
    found = {frozenset((ids[better], ids[worse])) for better, worse in pairs.tolist()}
    shutil.rmtree(small.directory)
    true = true_pairs(shard, stage.measure)
    middle = (1 + stage.threshold) / 2
    hard = [pair for pair, value in true.items() if value < middle]
    figures = {"planted_pairs": float(len(true))}
    if true:
        figures["planted_recall"] = len(true.keys() & found) / len(true)
    if hard:
        figures[f"planted_recall_below_{middle:.2g}"] = len(found.intersection(hard)) / len(hard)
    return figures


def in_this_process(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Map without any worker: the sample is small."""
    return [function(item) for item in items]


def sample(context: Context) -> list[dict[str, Any]]:
    """Return documents of the largest shard, evenly spaced; those of a few lines leave no room for edits."""
    shards = [path for _, path in sketched_shards(context)]
    if not shards:
        return []
    table = context.shelf.read(max(shards, key=count_rows), ["text"])
    rows = table.take(np.arange(0, table.num_rows, max(1, table.num_rows // SAMPLE))[:SAMPLE]).to_pylist()
    texts = [row["text"] for row in rows if (row["text"] or "").count("\n") >= LEAST_LINES]
    return [{"id": str(number), "text": text, "source": "planted"} for number, text in enumerate(texts)]


def edits(original: dict[str, Any], threshold: float, seed: int) -> list[dict[str, Any]]:
    """Return a document's edited copies, one of each kind."""
    random = Random(derive_seed(seed, "planted", original["id"]))
    most = (1 - threshold) / (1 + threshold)  # the share of shingles that may differ on either side
    return [
        {**original, "id": f"{original['id']}/{kind}", "text": edited(original["text"], kind, most, random)}
        for kind in KINDS
    ]


def edited(text: str, kind: str, most: float, random: Random) -> str:
    """Return a text with a random share of its lines, up to `most`, replaced, inserted or deleted."""
    lines = text.splitlines()
    count = max(1, round(random.uniform(0, most) * len(lines)))
    for place in sorted(random.sample(range(len(lines)), count), reverse=True):
        stop = place if kind == "inserted" else place + 1
        lines[place:stop] = [] if kind == "deleted" else [fresh_line(random)]
    return "\n".join(lines)


def fresh_line(random: Random) -> str:
    """Return a line of code that stands nowhere else."""
    digits = random.randbytes(20).hex()
    one, two, three, four, five = (digits[place : place + 8] for place in range(0, 40, 8))
    return f"planted_{one}(first_{two}, second_{three}, third_{four}, fourth_{five})"


def true_pairs(shard: pa.Table, measure: "Measure") -> dict[frozenset[str], float]:
    """Return the similarity of each original and its edit where it is at least the threshold, by exact comparison."""
    from curate.dedup.near.kernel import shingle_sets

    ids, texts = (shard.column(name).to_pylist() for name in ("id", "text"))
    at = {name: row for row, name in enumerate(ids)}
    pairs = np.array([(at[name.partition("/")[0]], row) for name, row in at.items() if "/" in name])
    length = np.array([len(text.encode()) for text in texts])
    shorter_first = length[pairs[:, 0]] < length[pairs[:, 1]]  # the longer one is the better one
    pairs[shorter_first] = pairs[shorter_first, ::-1]
    data, offsets = measure.buffers(shard.column("text"))
    starts = np.concatenate(([0], np.cumsum(np.diff(offsets) // 2 + 2)))  # no text has more words than that
    values = np.empty(starts[-1], dtype=np.uint64)
    sizes = shingle_sets(data, offsets, measure.ngram, np.arange(len(ids)), starts[:-1], values)
    similarity = measure.compare(values, starts[pairs], sizes[pairs])
    return {
        frozenset((ids[one], ids[other])): float(value)
        for (one, other), value in zip(pairs.tolist(), similarity.tolist(), strict=True)
        if value
    }
