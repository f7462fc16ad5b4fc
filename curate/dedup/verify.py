"""Exact similarity of candidate pairs, on the shingle sets of their texts.

In: pairs of documents, and where each of them stands. Out: the similarity of each pair, 0 for one below the threshold.

The sets of the documents that occur in a pair are written to one file, `sets.bin` (uint64, sorted, distinct), by one
task a shard; then tasks of PAIRS_PER_TASK pairs read it through the page cache. So no process holds more than a
shard and its sets, whatever the corpus.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from curate.dedup.kernel import Offsets, Pairs, Similarities, shingle_sets
from curate.dedup.measure import Measure
from curate.dedup.survivors import Ranked
from curate.shards import read_shard
from curate.stage import Map

PAIRS_PER_TASK = 200_000
FILE = "sets.bin"


@dataclass(frozen=True)
class Texts:
    """Documents of one shard whose sets are wanted: their rows, and where in the file each set may begin."""

    path: Path
    rows: Offsets
    starts: Offsets


def similarities(
    place: Path,
    shards: list[Path],
    ranked: Ranked,
    counts: Offsets,
    pairs: Pairs,
    measure: Measure,
    map: Map,
) -> Similarities:
    """Return the similarity of each pair of documents, numbered as in `ranked`; `counts` bounds the sets' sizes."""
    wanted, places = np.unique(pairs, return_inverse=True)
    starts = np.concatenate(([0], np.cumsum(counts[wanted])))
    np.memmap(place / FILE, mode="w+", dtype=np.uint64, shape=(max(1, int(starts[-1])),))
    slot = np.full(len(counts), -1)
    slot[wanted] = np.arange(len(wanted))
    slots = [slot[ranks][slot[ranks] >= 0] for ranks in ranked.by_shard(len(shards))]
    texts = [
        Texts(path, ranked.row[wanted[here]], starts[here])
        for path, here in zip(shards, slots, strict=True)
        if len(here)
    ]
    sizes = np.zeros(len(wanted), dtype=np.int64)
    sizes[np.concatenate([np.empty(0, np.int64), *slots])] = np.concatenate(
        [np.empty(0, np.int64), *map(partial(write_sets, place, measure), texts)]
    )
    local = places.reshape(-1, 2)
    chunks = [
        (starts[local[first : first + PAIRS_PER_TASK]], sizes[local[first : first + PAIRS_PER_TASK]])
        for first in range(0, len(local), PAIRS_PER_TASK)
    ]
    parts = map(partial(compare, place, measure), chunks)
    (place / FILE).unlink()
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float64)


def write_sets(place: Path, measure: Measure, texts: Texts) -> Offsets:
    """Write the shingle sets of some documents of a shard and return their sizes."""
    data, offsets = measure.buffers(read_shard(texts.path, ["text"]).column("text"))
    out = np.memmap(place / FILE, mode="r+", dtype=np.uint64)
    return shingle_sets(data, offsets, measure.ngram, texts.rows, texts.starts, out)


def compare(place: Path, measure: Measure, sets: tuple[Pairs, Pairs]) -> Similarities:
    """Return the similarity of pairs of sets, given as (starts, sizes), each (pairs, 2); 0 below the threshold."""
    return measure.compare(np.memmap(place / FILE, mode="r", dtype=np.uint64), *sets)
