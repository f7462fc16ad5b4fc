"""Candidate pairs from signatures, by locality-sensitive hashing (Indyk and Motwani 1998; Leskovec et al., ch. 3).

A signature is cut into bands of equal size. Documents that agree in a whole band share a bucket, and pairs that share
a bucket in any band are candidates: a pair of Jaccard similarity s is one with probability 1 - (1 - s^rows)^bands.
Then the share of equal signature values, an estimate of s, sifts the candidates.

In: sketches with the columns `signature` and `shingles`. Out: pairs of ranks, int64, (pairs, 2), better one first.

In between, documents are numbered as they stand in the sketches, and these files lie in the plan's folder:

    ranks.npy       int64, (documents,): the rank of each one
    keys.npy        uint64, (bands, documents): its bucket in each band
    buckets-*.npy   for each task the documents that share buckets, by bucket, then by rank
    spots.npy       int64, (documents,): where those that share any bucket stand in the next two, else -1
    signatures.npy  uint32, (sharing documents, permutations)
    crowds.npy      uint64, (sharing documents, bands): their buckets again, crowds marked
    pairs-*.npy     for each task the candidates

A task is a band, or a part of one by its keys, of about DOCUMENTS_PER_TASK documents: an engine runs tasks in parallel,
and each sorts in memory no more than that, whatever the corpus. The files are mapped and not read as a whole. What
shares a bucket stands together in `signatures.npy`, so that going through the buckets is going through that file, and
a corpus whose signatures exceed the memory is read from disk in order, not at random.

A bucket of more than BUCKET_LIMIT documents is a crowd (generated files, say). There each document is compared with
leaders only, at most BUCKET_LIMIT of them: better documents that resemble no leader themselves. A near-duplicate of a
leader needs no other partner, so the pairs looked at grow linearly with the documents and next to nothing is lost.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.dedup.near.kernel import CROWD, Signatures, bucket_keys, pairs_in_buckets, shared_buckets
from curate.dedup.near.mapped import make_array
from curate.dedup.survivors import Ranked
from curate.files.shards import read_shard
from curate.stage import Map
from curate.text.bits import ALL
from curate.text.words import Hashes, Offsets, Pairs

RANKS, KEYS, SPOTS, SIGNATURES, CROWDS = (f"{name}.npy" for name in ("ranks", "keys", "spots", "signatures", "crowds"))
BUCKET_LIMIT = 1000
DOCUMENTS_PER_TASK = 1 << 20
"""A task holds 40 bytes for each."""
CHUNK = 1 << 20
SLACK = 4.5
"""Standard errors by which a signature's estimate may lie below the threshold: it loses 3 pairs in a million."""
CERTAINTY = 2.5
"""Standard errors above the threshold from which a document of a crowd counts as taken: it errs in 6 of a thousand."""

Task = tuple[int, int, int]
"""A band, a part of it, and the number of parts."""


def detection(similarity: float, bands: int, rows: int) -> float:
    """Return the probability that a pair of this Jaccard similarity becomes a candidate.

    >>> round(detection(0.8, bands=32, rows=4), 4)
    1.0
    """
    return 1 - (1 - similarity**rows) ** bands


def agreements(threshold: float, permutations: int, sure: float | None = None) -> tuple[int, int]:
    """Return how many values two signatures share if they may be near-duplicates, and how many if they surely are.

    `sure` is the similarity from which they are, where it is not the threshold.
    """
    low, high = threshold, sure or threshold
    least = permutations * low - SLACK * (permutations * low * (1 - low)) ** 0.5
    certain = permutations * high + CERTAINTY * (permutations * high * (1 - high)) ** 0.5
    return max(0, int(least)), min(permutations, int(certain) + 1)


def gather(place: Path, sketches: list[Path], ranked: Ranked, bands: int, apart: Offsets | None = None) -> Offsets:
    """Write `ranks.npy` and `keys.npy` from all sketches; return the documents' numbers of shingles, by rank.

    Those that are `apart`, different numbers, by rank, share no bucket, whatever their texts.
    """
    ranks = np.lexsort((ranked.row, ranked.shard))
    np.save(place / RANKS, ranks)
    counts = np.zeros(len(ranked), dtype=np.int64)
    make_array(place / KEYS, np.uint64, (bands, len(ranked)))
    first = 0
    for sketch in sketches:
        signatures, shingles = read_signatures(sketch)
        here = ranks[first : first + len(shingles)]
        # Opened anew for each sketch: what is mapped stays in memory as long as it is.
        keys = np.load(place / KEYS, mmap_mode="r+")
        keys[:, first : first + len(shingles)] = bucket_keys(set_apart(signatures, here, apart), bands).T
        counts[here] = shingles
        first += len(shingles)
    return counts


def set_apart(signatures: Signatures, ranks: Offsets, apart: Offsets | None) -> Signatures:
    """Return signatures that agree in nothing where the numbers of their documents differ."""
    if apart is None:
        return signatures
    return signatures ^ (apart[ranks] * 0x9E3779B1).astype(np.uint32)[:, np.newaxis]


def read_signatures(sketch: Path) -> tuple[Signatures, Offsets]:
    """Return the signatures, (documents, permutations), and shingle counts of a sketch."""
    table = read_shard(sketch, ["signature", "shingles"])
    column = table.column("signature").combine_chunks()
    values = np.frombuffer(column.buffers()[1], dtype=np.uint32) if len(column) else np.empty(0, dtype=np.uint32)
    return values.reshape(len(column), column.type.byte_width // 4), table.column("shingles").to_numpy()


def candidates(
    place: Path, sketches: list[Path], apart: Offsets | None, threshold: float, sure: float, map: Map
) -> tuple[int, Pairs]:
    """Return how many pairs that share a bucket were looked at, and those whose signatures promise the threshold.

    `gather` has written its files, with the same `apart`; all are gone afterwards.
    """
    bands, documents = np.load(place / KEYS, mmap_mode="r").shape
    parts = 1 << max(0, (documents - 1) // DOCUMENTS_PER_TASK).bit_length()
    tasks = [(band, part, parts) for band in range(bands) for part in range(parts)]
    crowds = map(partial(write_buckets, place), tasks)
    write_signatures(place, sketches, bring_together(place, tasks), bands, apart)
    mark_crowds(place, tasks, crowds)
    looked_at = map(partial(write_pairs, place, threshold, sure), tasks)
    files = [place / file_name(name, task) for name in ("buckets", "pairs") for task in tasks]
    pairs = distinct([np.load(file) for file in files[len(tasks) :]], documents)
    for file in [*files, *(place / name for name in (RANKS, KEYS, SPOTS, SIGNATURES, CROWDS))]:
        file.unlink()
    return sum(looked_at), pairs


def distinct(parts: list[Pairs], documents: int) -> Pairs:
    """Return the pairs in order, each once: a pair of a crowd may come from several bands."""
    codes = np.sort(np.concatenate([pairs[:, 0] * documents + pairs[:, 1] for pairs in parts]))
    codes = codes[np.diff(codes, prepend=-1) > 0]  # np.unique took fifty times as long
    return np.column_stack(np.divmod(codes, max(1, documents)))


def file_name(name: str, task: Task) -> str:
    """Return the name of the file that one task leaves."""
    band, part, _ = task
    return f"{name}-{band:04}-{part:04}.npy"


def write_buckets(place: Path, task: Task) -> Offsets:
    """Write the documents that share a bucket in one part of a band, by bucket, and return those of crowds."""
    band, part, parts = task
    keys, ranks = np.load(place / KEYS, mmap_mode="r")[band], np.load(place / RANKS, mmap_mode="r")
    shared, crowded = in_buckets(keys, ranks, part, parts)
    np.save(place / file_name("buckets", task), shared)
    return shared[crowded]


def in_buckets(
    keys: Hashes, ranks: Offsets, part: int = 0, parts: int = 1, limit: int = BUCKET_LIMIT
) -> tuple[Offsets, npt.NDArray[np.bool_]]:
    """Return the documents that share a bucket, of those keys that fall into a part of all, and whether it is a crowd.

    They are ordered by bucket, then by rank.
    """
    mine = np.concatenate(
        [
            first + np.flatnonzero(keys[first : first + CHUNK] // np.uint64(2) % np.uint64(parts) == part)
            for first in range(0, len(keys), CHUNK)
        ]
    )
    shared, crowded = shared_buckets(keys, mine[np.argsort(keys[mine])], limit)
    order = np.lexsort((ranks[shared], keys[shared]))
    return shared[order], crowded[order]


def bring_together(place: Path, tasks: list[Task]) -> int:
    """Write `spots.npy`; return how many documents share buckets.

    They stand in the order of the least bucket that they share. Near-duplicates share most, so mostly that one too.
    """
    keys = np.load(place / KEYS, mmap_mode="r")
    least = np.full(keys.shape[1], ALL)
    for task in tasks:
        shared = np.load(place / file_name("buckets", task))
        least[shared] = np.minimum(least[shared], keys[task[0], shared])
    together = np.flatnonzero(least < ALL)  # keys are even
    spots = np.full(len(least), -1)
    spots[together[np.argsort(least[together], kind="stable")]] = np.arange(len(together))
    np.save(place / SPOTS, spots)
    return len(together)


def write_signatures(place: Path, sketches: list[Path], documents: int, bands: int, apart: Offsets | None) -> None:
    """Write `signatures.npy` and `crowds.npy`, without marks, of the documents that have a spot."""
    spots, ranks = (np.load(place / name, mmap_mode="r") for name in (SPOTS, RANKS))
    room = max(1, documents)  # an empty file cannot be mapped
    make_array(place / SIGNATURES, np.uint32, (room, read_signatures(sketches[0])[0].shape[1]))
    make_array(place / CROWDS, np.uint64, (room, bands))
    first = 0
    for sketch in sketches:
        signatures, shingles = read_signatures(sketch)
        here = slice(first, first + len(shingles))
        shares = spots[here] >= 0
        mine = set_apart(signatures[shares], ranks[here][shares], apart)
        out, keys = (np.load(place / name, mmap_mode="r+") for name in (SIGNATURES, CROWDS))
        out[spots[here][shares]], keys[spots[here][shares]] = mine, bucket_keys(mine, bands)
        first += len(shingles)


def mark_crowds(place: Path, tasks: list[Task], crowds: list[Offsets]) -> None:
    """Mark the buckets of crowds in `crowds.npy`."""
    spots, keys = np.load(place / SPOTS, mmap_mode="r"), np.load(place / CROWDS, mmap_mode="r+")
    for (band, _, _), crowded in zip(tasks, crowds, strict=True):
        keys[spots[crowded], band] |= CROWD


def write_pairs(place: Path, threshold: float, sure: float, task: Task) -> int:
    """Write the candidates of one part of a band and return how many pairs were looked at."""
    spots, ranks, signatures, keys = (
        np.load(place / name, mmap_mode="r") for name in (SPOTS, RANKS, SIGNATURES, CROWDS)
    )
    least, certain = agreements(threshold, signatures.shape[1], sure)
    shared = np.load(place / file_name("buckets", task))
    looked_at, pairs = pairs_in_buckets(
        signatures, keys, task[0], spots[shared], ranks[shared], least, certain, BUCKET_LIMIT
    )
    np.save(place / file_name("pairs", task), pairs)
    return looked_at
