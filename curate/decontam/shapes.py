"""The compiled filter before the comparison of syntax trees: which functions of a text may be which reference.

In: the buffers of a text column, and an Index (overlap.py) of the token n-grams of the references. Out: functions that
hold a good share of a reference's n-grams and are not much larger, with where they stand; nothing is parsed for it.
"""

import numpy as np

from curate.decontam.lexer import COLUMNS, FIRST_BYTE, FIRST_TOKEN, LAST_BYTE, LAST_TOKEN, lex
from curate.decontam.overlap import SIEVE_BITS, Index
from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Offsets, Pairs, roll

FUNCTIONS = 1 << 14
"""Functions looked at in one text."""


def shape_grams(program: bytes, ngram: int) -> list[tuple[Hashes, int, int, int]]:
    """Return for each function its distinct token n-grams, how many there are with repeats, its first and last byte."""
    data = np.frombuffer(program, dtype=np.uint8)
    tokens = np.empty(len(program) + 1, dtype=np.uint64)
    functions = np.empty((FUNCTIONS, COLUMNS), dtype=np.int64)
    _, found = lex(data, 0, len(program), tokens, functions)
    grams = []
    for row in functions[:found]:
        body = tokens[row[FIRST_TOKEN] : row[LAST_TOKEN]].copy()
        count = roll(body, len(body), ngram) if len(body) >= ngram else 0
        grams.append((np.unique(body[:count]), count, int(row[FIRST_BYTE]), int(row[LAST_BYTE])))
    return grams


def candidates(
    data: Bytes, offsets: Offsets, index: Index, sizes: Offsets, ngram: int, share: float, most: float
) -> Pairs:
    """Return rows of (document, first byte, last byte, reference): functions that hold `share` of its n-grams.

    A function with more than `most` times as many n-grams as the reference has, repeats counted (`sizes`), cannot be
    similar as a whole and is left out.
    """
    tables = (index.hashes, index.first, index.passages, index.grams, index.sieve)
    return _candidates(data, offsets, *tables, sizes, ngram, share, most)


@compiled
def _candidates(  # noqa: PLR0912 - compiled
    data: Bytes, offsets: Offsets, hashes: Hashes, first: Offsets, passages: Offsets, grams: Offsets, sieve: Bytes,
    sizes: Offsets, ngram: int, share: float, most: float,
) -> Pairs:  # fmt: skip
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    tokens = np.empty(longest + 1, dtype=np.uint64)
    functions = np.empty((FUNCTIONS, COLUMNS), dtype=np.int64)
    seen = np.full(len(hashes), -1, dtype=np.int64)
    seen_in = np.full(len(grams), -1, dtype=np.int64)
    hits = np.zeros(len(grams), dtype=np.int64)
    touched = np.empty(len(grams), dtype=np.int64)
    pairs = np.empty((1024, 4), dtype=np.int64)
    count = 0
    shift = np.uint64(64) - SIEVE_BITS
    looks = 0
    limit = int(most * sizes.max()) + 1 if len(sizes) else 0
    for document in range(len(offsets) - 1):
        total, found = lex(data, offsets[document], offsets[document + 1], tokens, functions)
        if found == 0 or total < ngram:
            continue
        rolled = roll(tokens, total, ngram)
        for function in range(found):
            begin, end = functions[function, FIRST_TOKEN], min(functions[function, LAST_TOKEN] - ngram + 1, rolled)
            if end - begin > limit:
                continue
            looks += 1
            touches = 0
            for position in range(begin, end):
                value = tokens[position]
                if not sieve[value >> shift]:
                    continue
                gram = np.searchsorted(hashes, value)
                if gram == len(hashes) or hashes[gram] != value or seen[gram] == looks:
                    continue
                seen[gram] = looks
                for entry in range(first[gram], first[gram + 1]):
                    passage = passages[entry]
                    if seen_in[passage] != looks:
                        seen_in[passage], hits[passage] = looks, 0
                        touched[touches] = passage
                        touches += 1
                    hits[passage] += 1
            for touch in range(touches):
                passage = touched[touch]
                if hits[passage] < share * grams[passage] or end - begin > most * sizes[passage]:
                    continue
                if count == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                pairs[count, 0], pairs[count, 3] = document, passage
                pairs[count, 1], pairs[count, 2] = functions[function, FIRST_BYTE], functions[function, LAST_BYTE]
                count += 1
    return pairs[:count].copy()


@compiled
def edit_similarity(one: Hashes, other: Hashes, least: float) -> float:
    """Return 1 - Levenshtein distance / length of the longer sequence, or 0 where the lengths alone put it below."""
    longer = max(len(one), len(other))
    if longer == 0 or min(len(one), len(other)) < least * longer:
        return 0.0
    row = np.arange(len(other) + 1)
    for index in range(len(one)):
        diagonal = row[0]
        row[0] = index + 1
        for place in range(len(other)):
            change = diagonal + (one[index] != other[place])
            diagonal = row[place + 1]
            row[place + 1] = min(change, row[place] + 1, diagonal + 1)
    return float(1 - row[len(other)] / longer)
