"""Candidate pairs from signatures, by locality-sensitive hashing (Indyk and Motwani 1998; Leskovec et al., ch. 3).

A signature is cut into bands of equal size. Documents that agree in a whole band share a bucket, and pairs that share
a bucket in any band are candidates: a pair of Jaccard similarity s is one with probability 1 - (1 - s^rows)^bands.
Then the share of equal signature values, an estimate of s, sifts the candidates.

In: sketches with the columns `signature` and `shingles`. Out: pairs of documents, int64, (pairs, 2), better one first.

In between, files in the plan's folder: `signatures.npy`, uint32, (documents, permutations), best document first;
`keys.npy`, uint64, (bands, documents); and for each band the documents that share buckets and the pairs. Bands are
independent of each other, and a band is cut by its keys into parts of about DOCUMENTS_PER_TASK documents: an engine
runs the parts in parallel, and each sorts in memory no more than that, whatever the corpus.

A bucket of more than BUCKET_LIMIT documents is a crowd (generated files, say). There each document is compared with
leaders only, at most BUCKET_LIMIT of them: better documents that resemble no leader themselves. A near-duplicate of a
leader needs no other partner, so the pairs looked at grow linearly with the documents and next to nothing is lost.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from curate.dedup.kernel import CROWD, Hashes, Offsets, Pairs, Signatures, bucket_keys, pairs_in_buckets, shared_buckets
from curate.dedup.survivors import Ranked
from curate.shards import read_shard
from curate.stage import Map

SIGNATURES, KEYS = "signatures.npy", "keys.npy"
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


def gather(
    place: Path, sketches: list[Path], ranked: Ranked, permutations: int, bands: int, apart: Offsets | None = None
) -> Offsets:
    """Write `signatures.npy` and `keys.npy` from all sketches; return the documents' numbers of shingles.

    Documents are numbered as in `ranked`. Those that are `apart`, different numbers, get signatures that agree in
    nothing, whatever their texts.
    """
    documents = len(ranked)
    counts = np.zeros(documents, dtype=np.int64)
    open_memmap(place / SIGNATURES, "w+", np.uint32, (documents, permutations))
    open_memmap(place / KEYS, "w+", np.uint64, (bands, documents))
    for sketch, here in zip(sketches, ranked.by_shard(len(sketches)), strict=True):
        signatures, shingles = read_signatures(sketch)
        mine = signatures[ranked.row[here]]
        if apart is not None:
            mine ^= (apart[here] * 0x9E3779B1).astype(np.uint32)[:, np.newaxis]
        # Opened anew for each shard: what is mapped stays in memory as long as it is.
        out, keys = (np.load(place / name, mmap_mode="r+") for name in (SIGNATURES, KEYS))
        out[here], keys[:, here], counts[here] = mine, bucket_keys(mine, bands), shingles[ranked.row[here]]
    return counts


def read_signatures(sketch: Path) -> tuple[Signatures, Offsets]:
    """Return the signatures, (documents, permutations), and shingle counts of a sketch."""
    table = read_shard(sketch, ["signature", "shingles"])
    column = table.column("signature").combine_chunks()
    values = np.frombuffer(column.buffers()[1], dtype=np.uint32) if len(column) else np.empty(0, dtype=np.uint32)
    return values.reshape(len(column), column.type.byte_width // 4), table.column("shingles").to_numpy()


def candidates(place: Path, bands: int, threshold: float, sure: float, map: Map) -> tuple[int, Pairs]:
    """Return how many pairs that share a bucket were looked at, and those whose signatures promise the threshold."""
    documents = np.load(place / SIGNATURES, mmap_mode="r").shape[0]
    parts = 1 << max(0, (documents - 1) // DOCUMENTS_PER_TASK).bit_length()
    tasks = [(band, part, parts) for band in range(bands) for part in range(parts)]
    keys = np.load(place / KEYS, mmap_mode="r+")
    for (band, _, _), crowded in zip(tasks, map(partial(write_buckets, place), tasks), strict=True):
        keys[band, crowded] |= CROWD
    looked_at = map(partial(write_pairs, place, threshold, sure), tasks)
    files = [place / file_name(name, task) for name in ("buckets", "pairs") for task in tasks]
    pairs = distinct([np.load(file) for file in files[len(tasks) :]], documents)
    for file in [*files, place / SIGNATURES, place / KEYS]:
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
    """Write the documents that share a bucket in one part of a band, by bucket, and return those of crowds.

    The marks are made in a copy: tasks on several machines must not write into pages that they share.
    """
    band, part, parts = task
    keys = np.load(place / KEYS, mmap_mode="c")[band]
    shared = in_buckets(keys, part, parts)
    np.save(place / file_name("buckets", task), shared)
    crowded: Offsets = shared[keys[shared] & CROWD == CROWD]
    return crowded


def in_buckets(keys: Hashes, part: int = 0, parts: int = 1, limit: int = BUCKET_LIMIT) -> Offsets:
    """Return the documents that share a bucket, ordered by it, of those keys that fall into a part of all.

    Marks the keys of crowds.
    """
    mine = np.concatenate(
        [
            first + np.flatnonzero(keys[first : first + CHUNK] // np.uint64(2) % np.uint64(parts) == part)
            for first in range(0, len(keys), CHUNK)
        ]
    )
    return shared_buckets(keys, mine[np.argsort(keys[mine], kind="stable")], limit)


def write_pairs(place: Path, threshold: float, sure: float, task: Task) -> int:
    """Write the candidates of one part of a band and return how many pairs were looked at."""
    signatures, keys = (np.load(place / name, mmap_mode="r") for name in (SIGNATURES, KEYS))
    least, certain = agreements(threshold, signatures.shape[1], sure)
    order = np.load(place / file_name("buckets", task))
    looked_at, pairs = pairs_in_buckets(signatures, keys, task[0], order, least, certain, BUCKET_LIMIT)
    np.save(place / file_name("pairs", task), pairs)
    return looked_at
