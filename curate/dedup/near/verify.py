"""Exact similarity of candidate pairs, on the shingle sets of their texts.

In: pairs of documents, and where each of them stands. Out: the similarity of each pair, 0 for one below the threshold.

The sets of the documents that occur in a pair are written to one file, `sets.bin` (uint64, sorted, distinct), by one
task a shard; then tasks of PAIRS_PER_TASK pairs read it, and where their sets lie (`pairs.npy`), through the page
cache. So no process holds more than a shard and its sets, whatever the corpus.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from curate.dedup.near.kernel import shingle_sets
from curate.dedup.near.mapped import make_plain
from curate.dedup.near.measure import Measure
from curate.dedup.survivors import Ranked
from curate.files.shelf import Shelf
from curate.stage import Map
from curate.text.words import Offsets, Pairs, Similarities

PAIRS_PER_TASK = 20_000
FILE, PAIRS = "sets.bin", "pairs.npy"
PAGE = (1 << 16) // 8
"""Places in the largest page of memory of common machines: each shard's sets begin on a page of their own, since
tasks on several machines must not write into one."""


@dataclass(frozen=True)
class Texts:
    """Documents of one shard whose sets are wanted: their rows, and where in the file each set may begin."""

    path: Path
    rows: Offsets
    starts: Offsets


def similarities(
    place: Path,
    shelf: Shelf,
    shards: list[Path],
    ranked: Ranked,
    counts: Offsets,
    pairs: Pairs,
    measure: Measure,
    map: Map,
) -> Similarities:
    """Return the similarity of each pair of documents, numbered as in `ranked`; `counts` bounds the sets' sizes."""
    occurs = np.zeros(len(counts), dtype=bool)
    occurs[pairs.ravel()] = True
    here = [ranks[occurs[ranks]] for ranks in ranked.by_shard(len(shards))]
    starts = np.zeros(len(counts), dtype=np.int64)
    size = 0
    for ranks in here:
        starts[ranks] = size + np.cumsum(counts[ranks]) - counts[ranks]
        size = (size + int(counts[ranks].sum()) + PAGE - 1) // PAGE * PAGE
    make_plain(place / FILE, np.uint64, max(1, size))
    texts = [
        Texts(path, ranked.row[ranks], starts[ranks]) for path, ranks in zip(shards, here, strict=True) if len(ranks)
    ]
    sizes = np.zeros(len(counts), dtype=np.int64)
    written = [np.empty(0, np.int64), *map(partial(write_sets, place, shelf, measure), texts)]
    sizes[np.concatenate([np.empty(0, np.int64), *here])] = np.concatenate(written)
    np.save(place / PAIRS, np.stack((starts[pairs], sizes[pairs]), axis=1))
    firsts = range(0, len(pairs), PAIRS_PER_TASK)
    parts = [np.empty(0, np.float64), *map(partial(compare, place, measure), firsts)]
    for name in (FILE, PAIRS):
        (place / name).unlink()
    return np.concatenate(parts)


def write_sets(place: Path, shelf: Shelf, measure: Measure, texts: Texts) -> Offsets:
    """Write the shingle sets of some documents of a shard and return their sizes."""
    out = np.memmap(place / FILE, mode="r+", dtype=np.uint64)
    sizes = np.empty(len(texts.rows), dtype=np.int64)
    first = 0
    for data, offsets in measure.pieces(shelf.read(texts.path, ["text"]).column("text")):
        count = len(offsets) - 1
        here = np.flatnonzero((texts.rows >= first) & (texts.rows < first + count))
        sizes[here] = shingle_sets(data, offsets, measure.ngram, texts.rows[here] - first, texts.starts[here], out)
        first += count
    return sizes


def compare(place: Path, measure: Measure, first: int) -> Similarities:
    """Return the similarity of PAIRS_PER_TASK pairs from the first one on; 0 below the threshold."""
    starts, sizes = np.load(place / PAIRS, mmap_mode="r")[first : first + PAIRS_PER_TASK].transpose(1, 0, 2).copy()
    return measure.compare(np.memmap(place / FILE, mode="r", dtype=np.uint64), starts, sizes)
