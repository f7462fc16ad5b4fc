"""Candidate pairs from signatures, by locality-sensitive hashing (Indyk and Motwani 1998; Leskovec et al., ch. 3).

A signature is cut into bands of equal size. Documents that agree in a whole band share a bucket, and pairs that share
a bucket in any band are candidates: a pair of Jaccard similarity s is one with probability 1 - (1 - s^rows)^bands.
Then the share of equal signature values, an estimate of s, sifts the candidates.

In: sketches with the columns `signature` and `shingles`. Out: pairs of documents, int64, (pairs, 2), better one first.

In between, files in the plan's folder: `signatures.npy`, uint32, (documents, permutations), best document first and
all different; `keys.npy`, uint64, (bands, documents); and a file of pairs for each band. A pair stands under one band
only. Bands are independent of each other: an engine runs them in parallel, and each needs little memory.

A bucket of more than BUCKET_LIMIT documents is split by their values in the bands that follow, until every part is
small enough. So the pairs looked at grow linearly with the documents, and a crowd that shares one band (generated
files, a licence header with little below it) costs little recall: with every bucket split once, pairs of similarity
0.8 are still found with probability 1 - (1 - 0.8^8)^32 = 0.997.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.dedup.kernel import Hashes, Offsets, Pairs, Signatures, fold, pairs_in_buckets
from curate.dedup.survivors import Ranked
from curate.shards import read_shard
from curate.stage import Map

SIGNATURES, KEYS = "signatures.npy", "keys.npy"
BUCKET_LIMIT = 1000
SLACK = 4.5
"""Standard errors by which a signature's estimate may lie below the threshold: it loses 3 pairs in a million."""


def detection(similarity: float, bands: int, rows: int) -> float:
    """Return the probability that a pair of this Jaccard similarity becomes a candidate.

    >>> round(detection(0.8, bands=32, rows=4), 4)
    1.0
    """
    return 1 - (1 - similarity**rows) ** bands


def least_agreement(threshold: float, permutations: int) -> int:
    """Return how many signature values a pair must share to be worth verifying."""
    spread = (permutations * threshold * (1 - threshold)) ** 0.5
    return max(0, int(permutations * threshold - SLACK * spread))


def gather(place: Path, sketches: list[Path], ranked: Ranked) -> tuple[Offsets, Offsets, Pairs]:
    """Write `signatures.npy` from all sketches, best document first, each signature once.

    Returns, with documents numbered as in `ranked`:
    counts   the number of shingles of each document
    leaders  the best document of each distinct signature: leaders[i] is row i of `signatures.npy`
    twins    a pair (leader, document) for every other document, so that equal signatures make no quadratic crowd
    """
    ranks = ranked.by_shard(len(sketches))
    keys = np.zeros(len(ranked.row), dtype=np.uint64)
    counts = np.zeros(len(ranked.row), dtype=np.int64)
    width = 0
    for sketch, here in zip(sketches, ranks, strict=True):
        signatures, shingles = read_signatures(sketch)
        width = signatures.shape[1]
        folded = np.zeros(len(signatures), dtype=np.uint64)
        fold(signatures, 0, width, np.ones(len(signatures), dtype=np.bool_), folded)
        keys[here], counts[here] = folded[ranked.row[here]], shingles[ranked.row[here]]
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    leader, leaders = first[group], np.sort(first)
    shape = (len(leaders), width)
    out = np.lib.format.open_memmap(place / SIGNATURES, mode="w+", dtype=np.uint32, shape=shape)
    for sketch, here in zip(sketches, ranks, strict=True):
        chosen = here[leader[here] == here]
        out[np.searchsorted(leaders, chosen)] = read_signatures(sketch)[0][ranked.row[chosen]]
    others = np.flatnonzero(leader != np.arange(len(leader)))
    return counts, leaders, np.column_stack((leader[others], others))


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
    least = least_agreement(threshold, signatures.shape[1])
    map(partial(write_keys, place), range(bands))
    looked_at = map(partial(write_pairs, place, least), range(bands))
    files = [place / pairs_file(band) for band in range(bands)]
    pairs = np.concatenate([np.load(file) for file in files])
    for file in [*files, place / SIGNATURES, place / KEYS]:
        file.unlink()
    return sum(looked_at), pairs


def pairs_file(band: int) -> str:
    """Return the name of the file for one band's candidates."""
    return f"pairs-{band:04}.npy"


def write_keys(place: Path, band: int) -> None:
    """Find the bucket of each document in one band."""
    signatures = np.load(place / SIGNATURES, mmap_mode="r")
    keys = np.load(place / KEYS, mmap_mode="r+")
    keys[band] = bucket_keys(signatures, band, len(keys))


def bucket_keys(signatures: Signatures, band: int, bands: int, limit: int = BUCKET_LIMIT) -> Hashes:
    """Return the key of each document's bucket in one band; no bucket of differing signatures exceeds the limit."""
    rows = signatures.shape[1] // bands
    keys = np.zeros(len(signatures), dtype=np.uint64)
    members: npt.NDArray[np.bool_] = np.ones(len(signatures), dtype=np.bool_)
    for step in range(bands):
        first = (band + step) % bands * rows
        fold(signatures, first, rows, members, keys)
        _, bucket, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        members = (sizes > limit)[bucket]
        if not members.any():
            break
    return keys


def write_pairs(place: Path, least: int, band: int) -> int:
    """Find the candidates of one band that no earlier band has, and return how many pairs were looked at."""
    signatures = np.load(place / SIGNATURES, mmap_mode="r")
    keys = np.load(place / KEYS, mmap_mode="r")
    looked_at, pairs = find_pairs(signatures, keys, band, least)
    np.save(place / pairs_file(band), pairs)
    return looked_at


def find_pairs(signatures: Signatures, keys: Hashes, band: int, least: int) -> tuple[int, Pairs]:
    """Return how many pairs share a bucket first in this band, and those of them that share `least` values."""
    order = np.argsort(keys[band], kind="stable")
    return pairs_in_buckets(signatures, keys, band, order, least)
