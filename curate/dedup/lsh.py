"""Candidate pairs from signatures, by locality-sensitive hashing (Indyk and Motwani 1998; Leskovec et al., ch. 3).

A signature is cut into bands of equal size. Documents that agree in a whole band share a bucket, and pairs that share
a bucket in any band are candidates: a pair of Jaccard similarity s is one with probability 1 - (1 - s^rows)^bands.
Then the share of equal signature values, an estimate of s, sifts the candidates.

In: sketches with the columns `signature` and `shingles`. Out: pairs of documents, int64, (pairs, 2), better one first.

In between, files in the plan's folder: `signatures.npy`, uint32, (documents, permutations), best document
first; `keys.npy`, uint64, (bands, documents); and a file of pairs for each band. Bands are independent of each
other: an engine runs them in parallel, and each needs little memory.

A bucket of more than BUCKET_LIMIT documents is a crowd (generated files, say). There each document is compared with
leaders only, at most BUCKET_LIMIT of them: better documents that resemble no leader themselves. A near-duplicate of a
leader needs no other partner, so the pairs looked at grow linearly with the documents and next to nothing is lost.
"""

from functools import partial
from pathlib import Path

import numpy as np

from curate.dedup.kernel import CROWD, Hashes, Offsets, Pairs, Signatures, fold, pairs_in_buckets
from curate.dedup.survivors import Ranked
from curate.shards import read_shard
from curate.stage import Map

SIGNATURES, KEYS = "signatures.npy", "keys.npy"
BUCKET_LIMIT = 1000
SLACK = 4.5
"""Standard errors by which a signature's estimate may lie below the threshold: it loses 3 pairs in a million."""
CERTAINTY = 2.5
"""Standard errors above the threshold from which a document of a crowd counts as taken: it errs in 6 of a thousand."""


def detection(similarity: float, bands: int, rows: int) -> float:
    """Return the probability that a pair of this Jaccard similarity becomes a candidate.

    >>> round(detection(0.8, bands=32, rows=4), 4)
    1.0
    """
    return 1 - (1 - similarity**rows) ** bands


def agreements(threshold: float, permutations: int) -> tuple[int, int]:
    """Return how many values two signatures share if they may be near-duplicates, and how many if they surely are."""
    spread = (permutations * threshold * (1 - threshold)) ** 0.5
    least = max(0, int(permutations * threshold - SLACK * spread))
    return least, min(permutations, int(permutations * threshold + CERTAINTY * spread) + 1)


def gather(
    place: Path, sketches: list[Path], ranked: Ranked, permutations: int, apart: Offsets | None = None
) -> Offsets:
    """Write `signatures.npy` from all sketches, documents numbered as in `ranked`; return their numbers of shingles.

    Documents that are `apart`, different numbers, get signatures that agree in nothing, whatever their texts.
    """
    counts = np.zeros(len(ranked.row), dtype=np.int64)
    shape = (len(ranked.row), permutations)
    out = np.lib.format.open_memmap(place / SIGNATURES, mode="w+", dtype=np.uint32, shape=shape)
    for sketch, here in zip(sketches, ranked.by_shard(len(sketches)), strict=True):
        signatures, shingles = read_signatures(sketch)
        out[here], counts[here] = signatures[ranked.row[here]], shingles[ranked.row[here]]
        if apart is not None:
            out[here] ^= (apart[here] * 0x9E3779B1).astype(np.uint32)[:, np.newaxis]
    return counts


def read_signatures(sketch: Path) -> tuple[Signatures, Offsets]:
    """Return the signatures, (documents, permutations), and shingle counts of a sketch."""
    table = read_shard(sketch, ["signature", "shingles"])
    column = table.column("signature").combine_chunks()
    values = np.frombuffer(column.buffers()[1], dtype=np.uint32) if len(column) else np.empty(0, dtype=np.uint32)
    return values.reshape(len(column), column.type.byte_width // 4), table.column("shingles").to_numpy()


def candidates(place: Path, bands: int, threshold: float, map: Map) -> tuple[int, Pairs]:
    """Return how many pairs share a bucket, and those of them whose signatures promise the threshold."""
    signatures = np.load(place / SIGNATURES, mmap_mode="r")
    np.lib.format.open_memmap(place / KEYS, mode="w+", dtype=np.uint64, shape=(bands, len(signatures)))
    map(partial(write_keys, place), range(bands))
    looked_at = map(partial(write_pairs, place, threshold), range(bands))
    files = [place / pairs_file(band) for band in range(bands)]
    pairs = distinct(np.concatenate([np.load(file) for file in files]), len(signatures))
    for file in [*files, place / SIGNATURES, place / KEYS]:
        file.unlink()
    return sum(looked_at), pairs


def distinct(pairs: Pairs, documents: int) -> Pairs:
    """Return the pairs in order, each once: a pair of a crowd may come from several bands."""
    return np.column_stack(np.divmod(np.unique(pairs[:, 0] * documents + pairs[:, 1]), max(1, documents)))


def pairs_file(band: int) -> str:
    """Return the name of the file for one band's candidates."""
    return f"pairs-{band:04}.npy"


def write_keys(place: Path, band: int) -> None:
    """Find the bucket of each document in one band, or CROWD where that has too many."""
    keys = np.load(place / KEYS, mmap_mode="r+")
    keys[band] = without_crowds(buckets(np.load(place / SIGNATURES, mmap_mode="r"), band, len(keys)))


def buckets(signatures: Signatures, band: int, bands: int) -> Hashes:
    """Return for each document a number that is equal where all values in this band are."""
    rows = signatures.shape[1] // bands
    found = np.zeros(len(signatures), dtype=np.uint64)
    fold(signatures, band * rows, rows, found)
    return found


def without_crowds(bucket: Hashes, limit: int = BUCKET_LIMIT) -> Hashes:
    """Return the buckets with CROWD in place of those that hold more documents than the limit."""
    _, number, sizes = np.unique(bucket, return_inverse=True, return_counts=True)
    return np.where((sizes > limit)[number], CROWD, bucket)


def write_pairs(place: Path, threshold: float, band: int) -> int:
    """Write the candidates of one band and return how many pairs were looked at."""
    signatures = np.load(place / SIGNATURES, mmap_mode="r")
    looked_at, pairs = find_pairs(signatures, np.load(place / KEYS, mmap_mode="r"), band, threshold)
    np.save(place / pairs_file(band), pairs)
    return looked_at


def find_pairs(
    signatures: Signatures, keys: Hashes, band: int, threshold: float, limit: int = BUCKET_LIMIT
) -> tuple[int, Pairs]:
    """Return how many pairs of one band were looked at, and those whose signatures promise the threshold."""
    bucket = buckets(signatures, band, len(keys))
    order = np.argsort(bucket, kind="stable")
    least, certain = agreements(threshold, signatures.shape[1])
    return pairs_in_buckets(signatures, keys, band, bucket, order, least, certain, limit)
