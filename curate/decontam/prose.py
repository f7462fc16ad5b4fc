"""The compiled loops of paraphrase search: what functions say they do, and which task says the same.

In: the buffers of a text column, a Lexicon and an Index of weighted words. Out: pairs of a function and a task whose
words resemble each other. The words of a function are those of its name and its docstring, once with the first
paragraph alone and once with all of it but examples (from `>>>` to the next empty line). A word is a run of two letters
or more, in lower case, cut to its stem: plurals, -ing, -ed, -ion, -ly and a last -e go.
"""

from dataclasses import dataclass

import numpy as np

from curate.decontam.lexer import COLUMNS, FIRST_BYTE, FIRST_DOC, LAST_BYTE, LAST_DOC, lex
from curate.decontam.shapes import FUNCTIONS
from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Offsets, Pairs, Similarities

UNKNOWN, CAP = 16.0, 5.0
"""Squared weight of a word that no reference has; the greatest weight, lest one rare word decide."""
FEWEST = 1000
"""A smaller set of references tells little of what is rare: its words weigh as they would among so many."""
BASE, ZERO, ONE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0), np.uint64(1)
LONGEST = 24
"""Bytes of a word that count."""
SIEVE_BITS = np.uint64(48)
LOWER = np.zeros(256, dtype=np.uint8)
for _letter in range(26):
    LOWER[[65 + _letter, 97 + _letter]] = 97 + _letter


@dataclass(frozen=True)
class Lexicon:
    """Words that stand for others: `words` (hashes of stems, sorted) -> `meanings` (a hash, or 0: leave it out)."""

    words: Hashes
    meanings: Hashes


@dataclass(frozen=True)
class WordIndex:
    """References as sets of weighted words.

    words      (words,) uint64, sorted; `weights` (words,) float64, squared already
    first      (words + 1,) int64: word i occurs in the references `postings[first[i] : first[i + 1]]`
    norms      (references,) float64: sum of the squared weights of each reference's words
    unknown    squared weight of a word that no reference has
    sieve      (2^16,) uint8: 1 where some word has these upper bits
    """

    words: Hashes
    weights: Similarities
    first: Offsets
    postings: Offsets
    norms: Similarities
    unknown: float
    sieve: Bytes


def index_words(references: list[Hashes]) -> WordIndex:
    """Weigh each word by its inverse document frequency among the references."""
    owners = np.repeat(np.arange(len(references), dtype=np.uint64), [len(words) for words in references])
    table = np.column_stack((np.concatenate([np.empty(0, dtype=np.uint64), *references]), owners))
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    words, first, counts = np.unique(table[:, 0], return_index=True, return_counts=True)
    weights = np.minimum(np.log((max(len(references), FEWEST) + 1) / counts), CAP) ** 2
    norms = np.array([weights[np.searchsorted(words, own)].sum() for own in references], dtype=np.float64)
    sieve = np.zeros(1 << 16, dtype=np.uint8)
    sieve[words >> SIEVE_BITS] = 1
    first = np.append(first, len(table))
    return WordIndex(words, weights, first, table[:, 1].astype(np.int64), norms, UNKNOWN, sieve)


def stem(word: str) -> int:
    """Return the hash of a word's stem."""
    data = np.frombuffer(word.encode(), dtype=np.uint8)
    return int(_stem(data.copy(), len(data)))


def make_lexicon(silent: list[str], groups: list[list[str]]) -> Lexicon:
    """Make the first word of each group stand for all; a word that stands twice keeps what it was given first."""
    meanings = {stem(word): 0 for word in silent}
    for group in groups:
        for word in group:
            meanings.setdefault(stem(word), stem(group[0]))
    words = np.array(sorted(meanings), dtype=np.uint64)
    return Lexicon(words, np.array([meanings[int(word)] for word in words], dtype=np.uint64))


def words_of(text: str, lexicon: Lexicon) -> Hashes:
    """Return the distinct words of a text without its examples."""
    data = np.frombuffer(text.encode("utf-8", "replace") + b"\n", dtype=np.uint8)
    words = np.empty(len(data) // 2 + 2, dtype=np.uint64)
    count, _ = read(data, 0, len(data), lexicon.words, lexicon.meanings, words, 0)
    return np.unique(words[:count])


@compiled
def _stem(word: Bytes, size: int) -> np.uint64:
    """Return the hash of the stem of `word[:size]`, which is in lower case."""
    if size > 3 and word[size - 1] == 115 and word[size - 2] not in (115, 117, 105):  # s, not ss, us, is
        size -= 1
        if word[size - 1] == 101 and size > 3:  # es
            if word[size - 2] == 105:  # ies
                size -= 1
                word[size - 1] = 121
            elif word[size - 2] in (115, 120, 122) or (word[size - 2] == 104 and word[size - 3] in (99, 115)):
                size -= 1
    if size > 5 and word[size - 3] == 105 and word[size - 2] == 110 and word[size - 1] == 103:  # ing
        size = undouble(word, size - 3)
    elif size > 4 and word[size - 2] == 101 and word[size - 1] == 100:  # ed
        size = undouble(word, size - 2)
    elif size > 4 and word[size - 2] == 108 and word[size - 1] == 121:  # ly
        size -= 2
    elif size > 5 and word[size - 4] in (115, 116) and word[size - 3] == 105 and word[size - 2] == 111:  # tion, sion
        size -= 3 * int(word[size - 1] == 110)
    if size > 3 and word[size - 1] == 101:
        size -= 1
    value = ZERO
    for position in range(size):
        value = value * BASE + np.uint64(word[position]) + ONE
    return value


@compiled
def undouble(word: Bytes, size: int) -> int:
    """Drop one of two equal consonants at the end: swapping, swap."""
    double = size > 3 and word[size - 1] == word[size - 2] and word[size - 1] not in (108, 115, 122, 101)
    return size - 1 if double else size


@compiled
def read(
    data: Bytes, start: int, stop: int, known: Hashes, meanings: Hashes, words: Hashes, count: int
) -> tuple[int, int]:
    """Write the words of `data[start:stop]` behind the first `count`; return how many stand there after the text and
    how many after its first paragraph."""
    word = np.empty(LONGEST, dtype=np.uint8)
    before, first = count, -1
    example, empty = False, True
    size = 0
    for position in range(start, stop + 1):
        byte = data[position] if position < stop else np.uint8(10)
        letter = LOWER[byte]
        if letter:
            empty = False
            if size < LONGEST:
                word[size] = letter
                size += 1
            continue
        if size > 1 and not example:
            value = _stem(word, size)
            place = np.searchsorted(known, value)
            if place < len(known) and known[place] == value:
                value = meanings[place]
            if value != ZERO:
                words[count] = value
                count += 1
        size = 0
        if byte == 10:
            if empty:
                example = False
            if empty and first < 0 and count > before:
                first = count
            empty = True
        elif byte == 62 and position + 2 < stop and data[position + 1] == 62 and data[position + 2] == 62:
            example = True
            if first < 0 and count > before:
                first = count
        elif byte not in (32, 9, 13):
            empty = False
    return count, count if first < 0 else first


def nearest(
    data: Bytes, offsets: Offsets, lexicon: Lexicon, index: WordIndex, near: float, common: int
) -> tuple[Pairs, Similarities]:
    """Return rows of (document, first byte, last byte, reference) of functions, and the cosine of each.

    Pairs with a cosine below `near` or fewer than `common` shared words are left out.
    """
    tables = (index.words, index.weights, index.first, index.postings, index.norms, index.unknown, index.sieve)
    return _nearest(data, offsets, lexicon.words, lexicon.meanings, *tables, near, common)


@compiled
def _nearest(  # noqa: PLR0912, PLR0915 - compiled
    data: Bytes, offsets: Offsets, known: Hashes, meanings: Hashes, vocabulary: Hashes, weights: Similarities,
    first: Offsets, postings: Offsets, norms: Similarities, unknown: float, sieve: Bytes, near: float, common: int,
) -> tuple[Pairs, Similarities]:  # fmt: skip
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    tokens = np.empty(longest + 1, dtype=np.uint64)
    functions = np.empty((FUNCTIONS, COLUMNS), dtype=np.int64)
    words = np.empty(longest + 2, dtype=np.uint64)
    places = np.empty(longest + 2, dtype=np.int64)
    seen = np.full(len(vocabulary), -1, dtype=np.int64)
    shared = np.zeros(len(norms), dtype=np.float64)
    counts = np.zeros(len(norms), dtype=np.int64)
    touched = np.empty(len(norms), dtype=np.int64)
    pairs = np.empty((1024, 4), dtype=np.int64)
    cosines = np.empty(1024, dtype=np.float64)
    count = stamp = 0
    for document in range(len(offsets) - 1):
        _, found = lex(data, offsets[document], offsets[document + 1], tokens, functions)
        for function in range(found):
            name = functions[function, FIRST_BYTE]
            end = name
            while end < functions[function, LAST_BYTE] and data[end] != 40:
                end += 1
            total, _ = read(data, name, end, known, meanings, words, 0)
            whole, summary = read(
                data, functions[function, FIRST_DOC], functions[function, LAST_DOC], known, meanings, words, total
            )
            for extent in (summary, whole):
                if extent == whole and whole == summary and extent != summary:
                    continue
                stamp += 1
                norm = mine = 0.0
                distinct = 0
                for position in range(extent):
                    value = words[position]
                    place = np.searchsorted(vocabulary, value) if sieve[value >> SIEVE_BITS] else len(vocabulary)
                    if place == len(vocabulary) or vocabulary[place] != value:
                        norm += unknown
                    elif seen[place] != stamp:
                        seen[place] = stamp
                        norm += weights[place]
                        mine += weights[place]
                        places[distinct] = place
                        distinct += 1
                if distinct < common or mine < near * near * norm:
                    continue
                touches = 0
                for index in range(distinct):
                    weight = weights[places[index]]
                    for entry in range(first[places[index]], first[places[index] + 1]):
                        reference = postings[entry]
                        if shared[reference] == 0.0:
                            touched[touches] = reference
                            touches += 1
                        shared[reference] += weight
                        counts[reference] += 1
                for index in range(touches):
                    reference = touched[index]
                    cosine = shared[reference] / np.sqrt(norm * norms[reference])
                    if cosine >= near and counts[reference] >= common:
                        if count == len(pairs):
                            pairs = np.concatenate((pairs, np.empty_like(pairs)))
                            cosines = np.concatenate((cosines, np.empty_like(cosines)))
                        pairs[count, 0], pairs[count, 3] = document, reference
                        pairs[count, 1], pairs[count, 2] = (
                            functions[function, FIRST_BYTE],
                            functions[function, LAST_BYTE],
                        )
                        cosines[count] = cosine
                        count += 1
                    shared[reference] = 0.0
                    counts[reference] = 0
    return pairs[:count].copy(), cosines[:count].copy()
