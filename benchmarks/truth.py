"""All pairs of near-duplicates, complete and exact: what deduplication is measured against.

In: texts, the words in a shingle, the threshold. Out: every pair whose sets of word n-grams have at least that Jaccard
similarity, and the similarity. Nothing here is shared with curate/dedup: words come from a regular expression, a word
is its number in a dictionary of all words, and a shingle is 64 bits mixed from five of those numbers.

Method: prefix filtering (Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007, "Scaling up all pairs
similarity search"). If two sets of sizes m >= n share enough for the threshold t, then the first m - ceil(t m) + 1
members of the one and n - ceil(t n) + 1 of the other, both in one order common to all sets, share a member. With rare
shingles first, few sets share one. Memory: 8 bytes a shingle.
"""

import re
from collections.abc import Iterable
from itertools import count

import numpy as np
import numpy.typing as npt

from curate.text.compiled import compiled

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float64]

WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
FREQUENCIES = 1 << 24
"""Counters of shingles: one for all that share 24 bits. They only order the shingles, so any collision is harmless."""
EPSILON = 1e-9
"""What a product with the threshold may be off: 0.8 * 10 must not round up to 9."""


def shingle_sets(texts: Iterable[str], ngram: int) -> list[Hashes]:
    """Return the sorted, distinct shingles of each text.

    A text of fewer words than `ngram` is one shingle, all its words; one without any word is one shingle, all of it.
    """
    numbers: dict[bytes, int] = {}
    fresh = count(1)
    sets = []
    for text in texts:
        data = text.encode()
        words = WORD.findall(data) or [b" " + data]
        known = np.array([numbers.get(w) or numbers.setdefault(w, next(fresh)) for w in words], dtype=np.uint64)
        width = min(ngram, len(known))
        mixed = np.full(len(known) - width + 1, width, dtype=np.uint64)
        for place in range(width):
            mixed = _mix(mixed ^ known[place : place + len(mixed)])
        sets.append(np.unique(mixed))
    return sets


def _mix(value: Hashes) -> Hashes:
    """Return a bijection of 64 bits that scatters (the finaliser of splitmix64)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = value ^ (value >> np.uint64(31))
    return mixed


def exact_pairs(texts: Iterable[str], ngram: int, threshold: float) -> tuple[Numbers, Similarities]:
    """Return all pairs of texts of at least that similarity, (pairs, 2), the smaller number first, and the similarity.

    The pairs stand in order. Complete: none is missed.
    """
    sets = shingle_sets(texts, ngram)
    if not sets:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    order = np.argsort([len(members) for members in sets], kind="stable")
    sizes = np.array([len(sets[place]) for place in order])
    values = np.concatenate([sets[place] for place in order])
    sets.clear()
    starts = np.concatenate(([0], np.cumsum(sizes)))
    prefix = sizes - np.ceil(threshold * sizes - EPSILON).astype(np.int64) + 1
    rare = rarest(values, starts, prefix, frequencies(values))
    _, group = np.unique(rare, return_inverse=True)
    owners = np.repeat(np.arange(len(sizes)), prefix)
    postings = owners[np.argsort(group, kind="stable")]
    begins = np.concatenate(([0], np.cumsum(np.bincount(group))))[:-1]
    places = np.concatenate(([0], np.cumsum(prefix)))
    pairs, similarity = join(values, starts, group, places, postings, begins, threshold)
    pairs = np.sort(order[pairs], axis=1)
    by_number = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[by_number], similarity[by_number]


@compiled
def frequencies(values: Hashes) -> npt.NDArray[np.int32]:
    """Return how many sets hold shingles with these upper 24 bits."""
    found = np.zeros(FREQUENCIES, dtype=np.int32)
    for index in range(len(values)):
        found[values[index] >> np.uint64(40)] += 1
    return found


@compiled
def rarest(values: Hashes, starts: Numbers, prefix: Numbers, frequency: npt.NDArray[np.int32]) -> Hashes:
    """Return of each set the `prefix` shingles that come first by (frequency, shingle), one set after another."""
    found = np.empty(prefix.sum(), dtype=np.uint64)
    at = 0
    for number in range(len(prefix)):
        members = values[starts[number] : starts[number + 1]]
        often = np.empty(len(members), dtype=np.int32)
        for index in range(len(members)):
            often[index] = frequency[members[index] >> np.uint64(40)]
        chosen = np.argsort(often, kind="mergesort")[: prefix[number]]  # stable: members are sorted already
        for index in chosen:
            found[at] = members[index]
            at += 1
    return found


@compiled
def join(
    values: Hashes, starts: Numbers, group: Numbers, places: Numbers, postings: Numbers, begins: Numbers,
    threshold: float,
) -> tuple[Numbers, Similarities]:  # fmt: skip
    """Return the pairs of sets, which come smallest first, and their similarity.

    values, starts     set i is `values[starts[i] : starts[i + 1]]`
    group, places      the rarest shingles of set i are numbered `group[places[i] : places[i + 1]]`
    postings, begins   the sets with rare shingle g stand from `postings[begins[g]]` on, smallest first
    """
    ends = begins.copy()  # sets before the one in hand stand in `postings[begins[g] : ends[g]]`
    compared_with = np.full(len(starts) - 1, -1, dtype=np.int64)
    pairs = np.empty((1024, 2), dtype=np.int64)
    similarity = np.empty(1024, dtype=np.float64)
    found = 0
    for larger in range(len(starts) - 1):
        size = starts[larger + 1] - starts[larger]
        for shingle in group[places[larger] : places[larger + 1]]:
            while begins[shingle] < ends[shingle]:  # those too small for this set are too small for all after it
                least = postings[begins[shingle]]
                if starts[least + 1] - starts[least] >= threshold * size - EPSILON:
                    break
                begins[shingle] += 1
            for place in range(begins[shingle], ends[shingle]):
                smaller = postings[place]
                if compared_with[smaller] == larger:
                    continue
                compared_with[smaller] = larger
                both = size + starts[smaller + 1] - starts[smaller]
                needed = int(np.ceil(threshold * both / (1 + threshold) - EPSILON))
                shared = overlap(values, starts, smaller, larger, both - 2 * needed)
                if shared < needed:
                    continue
                if found == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                    similarity = np.concatenate((similarity, np.empty_like(similarity)))
                pairs[found, 0], pairs[found, 1] = smaller, larger
                similarity[found] = shared / (both - shared)
                found += 1
            ends[shingle] += 1
    return pairs[:found], similarity[:found]


@compiled
def overlap(values: Hashes, starts: Numbers, one: int, other: int, misses: int) -> int:
    """Return how many values two sorted sets share, or -1 once more than `misses` stand in one of them alone."""
    left, right = starts[one], starts[other]
    shared = 0
    while left < starts[one + 1] and right < starts[other + 1]:
        if values[left] == values[right]:
            shared += 1
            left += 1
            right += 1
            continue
        misses -= 1
        if misses < 0:
            return -1
        if values[left] < values[right]:
            left += 1
        else:
            right += 1
    return shared
