"""The compiled loop of n-gram decontamination: which benchmark passage each document repeats most of.

In: the buffers of a text column, and an Index: the distinct n-grams of all passages, hashed as shingles are
(curate/text/words.py), in a sorted array for each gram length, with the passages that contain each of them.
Out: for each document the passage of which it holds the greatest share of distinct n-grams, and that share.
"""

from dataclasses import dataclass

import numpy as np

from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Offsets, Similarities, hash_words, places, roll

SIEVE_BITS = np.uint64(20)
"""The sieve is a table of 2^20 flags, 1 MB, that answers "not there" for nearly all n-grams of a text."""


@dataclass(frozen=True)
class Index:
    """The n-grams of all passages.

    hashes     (n-grams,) uint64, sorted
    first      (n-grams + 1,) int64: the passages of n-gram i are `passages[first[i] : first[i + 1]]`
    passages   int64
    grams      (passages,) how many distinct n-grams each passage has
    lengths    the gram lengths that occur
    sieve      (2^20,) uint8: 1 where some hash has these upper bits
    """

    hashes: Hashes
    first: Offsets
    passages: Offsets
    grams: Offsets
    lengths: Offsets
    sieve: Bytes


def word_grams(passages: list[bytes], lengths: list[int]) -> list[Hashes]:
    """Return the distinct n-grams of each passage, each with its own length, which must not exceed its words."""
    buffer = np.empty(places(np.cumsum([0, *map(len, passages)])), dtype=np.uint64)
    found = []
    for text, length in zip(passages, lengths, strict=True):
        count = hash_words(np.frombuffer(text, dtype=np.uint8), 0, len(text), buffer)
        found.append(np.unique(buffer[: roll(buffer, count, length)]))
    return found


def build(passages: list[Hashes], lengths: list[int]) -> Index:
    """Index passages by their distinct n-grams; `lengths` are those of the n-grams."""
    sizes = np.array([len(grams) for grams in passages], dtype=np.int64)
    owners = np.repeat(np.arange(len(passages), dtype=np.uint64), sizes)
    table = np.column_stack((np.concatenate([np.empty(0, dtype=np.uint64), *passages]), owners))
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    hashes, first = np.unique(table[:, 0], return_index=True)
    sieve = np.zeros(1 << int(SIEVE_BITS), dtype=np.uint8)
    sieve[hashes >> (np.uint64(64) - SIEVE_BITS)] = 1
    different = np.unique(np.array(lengths, dtype=np.int64))
    return Index(hashes, np.append(first, len(table)), table[:, 1].astype(np.int64), sizes, different, sieve)


def best_passages(data: Bytes, offsets: Offsets, index: Index) -> tuple[Offsets, Similarities]:
    """Return for each document the number of the passage it repeats most of (-1: none) and the share of its n-grams."""
    return _best(data, offsets, index.hashes, index.first, index.passages, index.grams, index.lengths, index.sieve)


@compiled
def _best(
    data: Bytes, offsets: Offsets, hashes: Hashes, first: Offsets, passages: Offsets, grams: Offsets,
    lengths: Offsets, sieve: Bytes,
) -> tuple[Offsets, Similarities]:  # fmt: skip
    documents = len(offsets) - 1
    best = np.full(documents, -1, dtype=np.int64)
    share = np.zeros(documents, dtype=np.float64)
    words = np.empty(places(offsets), dtype=np.uint64)
    rolled = np.empty_like(words)
    seen = np.full(len(hashes), -1, dtype=np.int64)
    seen_in = np.full(len(grams), -1, dtype=np.int64)
    hits = np.zeros(len(grams), dtype=np.int64)
    shift = np.uint64(64) - SIEVE_BITS
    for document in range(documents):
        count = hash_words(data, offsets[document], offsets[document + 1], words)
        for length in lengths:
            if count < length:
                continue
            rolled[:count] = words[:count]
            for position in range(roll(rolled, count, length)):
                value = rolled[position]
                if not sieve[value >> shift]:
                    continue
                gram = np.searchsorted(hashes, value)
                if gram == len(hashes) or hashes[gram] != value or seen[gram] == document:
                    continue
                seen[gram] = document
                for entry in range(first[gram], first[gram + 1]):
                    passage = passages[entry]
                    if seen_in[passage] != document:
                        seen_in[passage], hits[passage] = document, 0
                    hits[passage] += 1
                    part = hits[passage] / grams[passage]
                    if part > share[document] or (part == share[document] and passage < best[document]):
                        best[document], share[document] = passage, part
    return best, share
