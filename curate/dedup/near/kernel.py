"""The compiled loops of deduplication: from Arrow text buffers to signatures and shingle sets, and between those.

In: text buffers and shingles as in curate/text/words.py. Out: NumPy arrays. No Python object is made per document, word
or shingle, and no function holds the interpreter lock.

    signature the least value of each permutation `a * fmix32(h) + b` modulo 2^32, where h is the upper half of a
              shingle's hash: datasketch 2's `affine32`, bit for bit

numba widens uint32 arithmetic to 64 bits where a result is not cast back, and mixes of int64 and uint64 become floats:
hence the typed constants and the casts. Importing this module imports numba; import it where the work is done.
"""

import numpy as np
import numpy.typing as npt

from curate.text.bits import ONE, ZERO
from curate.text.compiled import compiled
from curate.text.words import UPPER, WORD_BASE, Bytes, Hashes, Offsets, Pairs, Similarities, hash_shingles, places

Signatures = npt.NDArray[np.uint32]

CROWD = ONE
"""The bit of a key that says that its bucket is too large for all pairs."""
BLOCK = 2048
"""Shingles permuted at a time: 8 KB of them stay in the first-level cache for all permutations."""
LANES = 64
"""Shingles a turn of the vector loop takes; blocks are filled up with one of their own, which changes no minimum."""


@compiled
def fmix32(value: np.uint32) -> np.uint32:
    """MurmurHash3's finaliser, which affine32 applies once to each hash."""
    value = np.uint32(value ^ np.uint32(value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ np.uint32(value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ np.uint32(value >> np.uint32(16)))


@compiled
def sign(hashes: Signatures, count: int, a: Signatures, b: Signatures, out: Signatures) -> None:
    """Lower `out` to the least permuted value of each of `hashes[:count]` (uint32, already mixed)."""
    for permutation in range(len(a)):
        factor, term, least = a[permutation], b[permutation], out[permutation]
        for index in range(count):
            value = np.uint32(np.uint32(factor * hashes[index]) + term)
            least = min(value, least)
        out[permutation] = least


@compiled
def signatures(
    data: Bytes, offsets: Offsets, ngram: int, a: Signatures, b: Signatures
) -> tuple[Signatures, npt.NDArray[np.int64]]:
    """Return the signature of each document, (documents, permutations), and its number of shingles with repeats."""
    documents = len(offsets) - 1
    found = np.full((documents, len(a)), np.uint32(0xFFFFFFFF), dtype=np.uint32)
    counts = np.empty(documents, dtype=np.int64)
    shingles = np.empty(places(offsets), dtype=np.uint64)
    block = np.empty(BLOCK, dtype=np.uint32)
    for document in range(documents):
        count = hash_shingles(data, offsets[document], offsets[document + 1], ngram, shingles)
        counts[document] = count
        for first in range(0, count, BLOCK):
            size = min(BLOCK, count - first)
            for index in range(size):
                block[index] = fmix32(np.uint32(shingles[first + index] >> UPPER))
            whole = (size + LANES - 1) // LANES * LANES
            block[size:whole] = block[0]
            sign(block, whole, a, b, found[document])
    return found, counts


def permutations(count: int, seed: int) -> tuple[Signatures, Signatures]:
    """Return the factors (odd) and terms that `datasketch.MinHash(count, seed=seed, scheme="affine32")` draws."""
    draw = np.random.RandomState(seed)
    a = draw.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, draw.randint(0, 1 << 32, count, dtype=np.uint32)


@compiled
def bucket_keys(signatures: Signatures, bands: int) -> Hashes:
    """Return, (documents, bands), the bucket of each document in each band: even, and equal where all values are."""
    rows = signatures.shape[1] // bands
    keys = np.zeros((len(signatures), bands), dtype=np.uint64)
    for document in range(len(signatures)):
        for band in range(bands):
            key = ZERO
            for permutation in range(band * rows, (band + 1) * rows):
                key = (key ^ np.uint64(signatures[document, permutation])) * WORD_BASE
                key ^= key >> UPPER
            keys[document, band] = key << ONE
    return keys


@compiled
def shared_buckets(keys: Hashes, documents: Offsets, limit: int) -> tuple[Offsets, npt.NDArray[np.bool_]]:
    """Return those of `documents`, ordered by their keys, that share a bucket, and whether it is a crowd."""
    shared, crowded = np.empty(len(documents), dtype=np.int64), np.empty(len(documents), dtype=np.bool_)
    count = begin = 0
    while begin < len(documents):
        end = begin + 1
        while end < len(documents) and keys[documents[end]] == keys[documents[begin]]:
            end += 1
        if end - begin > 1:
            shared[count : count + end - begin] = documents[begin:end]
            crowded[count : count + end - begin] = end - begin > limit
            count += end - begin
        begin = end
    return shared[:count].copy(), crowded[:count].copy()


@compiled
def pairs_in_buckets(
    signatures: Signatures, keys: Hashes, band: int, spots: Offsets, ranks: Offsets, least: int, certain: int, most: int
) -> tuple[int, Pairs]:
    """Go through the buckets of one band and return how many pairs were looked at, and those worth verifying.

    keys      (documents, bands), the bucket of each document in each band, with CROWD where that is too large
    spots     where the documents that share buckets in this band stand in `signatures` and `keys`, by bucket, then rank
    ranks     what they are called in the pairs

    A pair agrees in at least `least` permutations. In a bucket all pairs are looked at, and those left out that an
    earlier band has. In a crowd each document is compared with at most `most` leaders before it: those that no leader
    has taken. One that agrees with a leader in `certain` permutations is taken by it and compared no further.
    """
    looked_at = found = 0
    pairs = np.empty((1024, 2), dtype=np.int64)
    leaders = np.empty(most, dtype=np.int64)
    begin = 0
    while begin < len(spots):
        bucket = keys[spots[begin], band]
        crowd = bucket & CROWD == CROWD
        count = 0
        end = begin
        while end < len(spots) and keys[spots[end], band] == bucket:
            taken = False
            for index in range(count if crowd else end - begin):
                better = leaders[index] if crowd else begin + index
                looked_at += 1
                one, other = spots[better], spots[end]
                alike = agreement(signatures[one], signatures[other])
                if alike < least or (not crowd and meet_before(keys, band, one, other)):
                    continue
                if found == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                pairs[found] = ranks[better], ranks[end]
                found += 1
                taken = crowd and alike >= certain
                if taken:
                    break
            if crowd and not taken and count < most:
                leaders[count] = end
                count += 1
            end += 1
        begin = end
    return looked_at, pairs[:found].copy()


@compiled
def meet_before(keys: Hashes, band: int, one: int, other: int) -> bool:
    """Tell whether two documents share a bucket, not a crowd, in a band before this one."""
    for earlier in range(band):
        key = keys[one, earlier]
        if key == keys[other, earlier] and key & CROWD == ZERO:
            return True
    return False


@compiled
def agreement(one: Signatures, other: Signatures) -> int:
    """Return in how many permutations two signatures agree."""
    equal = 0
    for permutation in range(len(one)):
        equal += one[permutation] == other[permutation]
    return equal


@compiled
def shingle_sets(data: Bytes, offsets: Offsets, ngram: int, rows: Offsets, starts: Offsets, out: Hashes) -> Offsets:
    """Write the sorted, distinct shingles of document `rows[i]` from `out[starts[i]]` on; return how many of each."""
    sizes = np.empty(len(rows), dtype=np.int64)
    shingles = np.empty(places(offsets), dtype=np.uint64)
    spare = np.empty_like(shingles)
    for index in range(len(rows)):
        row = rows[index]
        count = hash_shingles(data, offsets[row], offsets[row + 1], ngram, shingles)
        sizes[index] = sort_distinct(shingles[:count], spare, out[starts[index] :])
    return sizes


@compiled
def sort_distinct(hashes: Hashes, spare: Hashes, out: Hashes) -> int:
    """Write the distinct hashes to `out` in order and return how many there are; `hashes` are shuffled.

    A radix sort by somewhat more upper bits than tell so many hashes apart, in two passes, and an insertion sort of
    what is then almost in order. A repeat is dropped when it meets its like, so no text can make this quadratic.
    """
    width = 4
    while 1 << (2 * width - 3) < len(hashes):
        width += 1
    by_digit(hashes, np.uint64(64 - 2 * width), width, spare)
    by_digit(spare[: len(hashes)], np.uint64(64 - width), width, hashes)
    count = 0
    for value in hashes:
        place = count
        while place > 0 and out[place - 1] > value:
            place -= 1
        if place > 0 and out[place - 1] == value:
            continue
        for position in range(count, place, -1):
            out[position] = out[position - 1]
        out[place] = value
        count += 1
    return count


@compiled
def by_digit(hashes: Hashes, shift: np.uint64, width: int, out: Hashes) -> None:
    """Write the hashes to `out`, ordered by `width` bits from `shift` on; equal ones stay in order."""
    mask = (ONE << np.uint64(width)) - ONE
    place = np.zeros((1 << width) + 1, dtype=np.int64)
    for value in hashes:
        place[((value >> shift) & mask) + ONE] += 1
    for digit in range(1, len(place)):
        place[digit] += place[digit - 1]
    for value in hashes:
        bucket = (value >> shift) & mask
        out[np.uint64(place[bucket])] = value
        place[bucket] += 1


@compiled
def jaccard(values: Hashes, starts: Pairs, sizes: Pairs, threshold: float) -> Similarities:
    """Return the Jaccard similarity of pairs of sets, or 0 as soon as it is known to lie below the threshold.

    The sets of pair i are `values[starts[i, 0] :][: sizes[i, 0]]` and the same at `[i, 1]`, each sorted and distinct.
    """
    found = np.zeros(len(starts), dtype=np.float64)
    for index in range(len(starts)):
        left, right = starts[index]
        left_size, right_size = sizes[index]
        total = left_size + right_size
        needed = int(np.ceil(threshold * total / (1 + threshold) - 1e-9))
        if min(left_size, right_size) >= needed:
            shared = intersection(values, left, left_size, right, right_size, needed)
            if shared >= needed:
                found[index] = shared / (total - shared)
    return found


@compiled
def intersection(values: Hashes, left: int, left_size: int, right: int, right_size: int, needed: int) -> int:
    """Return how many values two sorted sets share, or a number below `needed` once that many cannot be reached."""
    left_stop, right_stop = left + left_size, right + right_size
    misses = left_size + right_size - 2 * needed
    shared = 0
    while left < left_stop and right < right_stop:
        one, other = values[left], values[right]
        if one == other:
            shared += 1
            left += 1
            right += 1
            continue
        misses -= 1
        if misses < 0:
            return 0
        if one < other:
            left += 1
        else:
            right += 1
    return shared
