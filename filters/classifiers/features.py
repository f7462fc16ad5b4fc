"""Documents as sparse vectors: hashed counts of tokens and token pairs (Weinberger et al. 2009).

In: a text column. Out: a `scipy.sparse.csr_matrix` of 32-bit floats, one row a document, 2**bits columns. The tokens
are those of filters/classifiers/tokens.py, so the reading of a document ends where the lexer's does. Nothing is learnt
from the corpus: a document's row depends on its text alone, whatever stands beside it, which is what makes it cheap to
spread.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.classifiers.tokens import GROWTH, READ_BYTES, SPACE, lex
from curate.text.buffers import text_buffers
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
BITS = 18
OFFSET, PRIME, PAIR = np.uint64(14695981039346656037), np.uint64(1099511628211), np.uint64(0x9E3779B97F4A7C15)


def hashed_counts(texts: pa.ChunkedArray, bits: int = BITS, read_bytes: int = READ_BYTES) -> Any:
    """Return how often each hashed token and pair of neighbours stands in each text: integers as 32-bit floats."""
    from scipy.sparse import csr_matrix

    data, offsets = text_buffers(texts)
    room = int(min(read_bytes, np.diff(offsets).max(initial=0)))
    out = np.empty(GROWTH * room + GROWTH, np.uint8)
    found = np.empty(GROWTH * room + GROWTH, np.int64)
    columns, counts, ends = [], [], [0]
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        end = lex(data, start, min(stop, start + read_bytes), out)
        distinct, times = _runs(found, _hash_tokens(out, end, bits, found))
        columns.append(distinct)
        counts.append(times)
        ends.append(ends[-1] + len(distinct))
    shape = (len(offsets) - 1, 1 << bits)
    if not columns:
        return csr_matrix(shape, dtype=np.float32)
    return csr_matrix((np.concatenate(counts), np.concatenate(columns), np.array(ends)), shape=shape)


def unit_rows(counts: Any) -> Any:
    """Return the square roots of counts, each row scaled to length 1; a row of nothing stays so.

    The root keeps a token that stands a hundred times from drowning the others.
    """
    from scipy.sparse import csr_matrix

    rooted = np.sqrt(counts.data)
    lengths = np.sqrt(np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1))
    scaled = rooted / np.repeat(lengths, np.diff(counts.indptr))
    return csr_matrix((scaled.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


@compiled
def _hash_tokens(stream: Bytes, end: int, bits: int, found: Integers) -> int:
    """Write the hashes of tokens (FNV-1a) and of pairs to `found`; return how many."""
    shift = np.uint64(64 - bits)
    count = 0
    before = np.uint64(0)
    value = OFFSET
    begun = False
    for at in range(end):
        byte = stream[at]
        if byte != SPACE:
            value = (value ^ np.uint64(byte)) * PRIME
            begun = True
        elif begun:
            found[count] = np.int64((value * PAIR) >> shift)
            count += 1
            if before:
                found[count] = np.int64(((value ^ (before >> np.uint64(1))) * PAIR) >> shift)
                count += 1
            before = value
            value = OFFSET
            begun = False
    return count


@compiled
def _runs(found: Integers, count: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the distinct values of `found[:count]` in order, and how often each stands there."""
    values = np.sort(found[:count])
    distinct = np.empty(count, np.int32)
    times = np.zeros(count, np.float32)
    last = -1
    for value in values:
        if last < 0 or distinct[last] != value:
            last += 1
            distinct[last] = value
        times[last] += np.float32(1)
    return distinct[: last + 1].copy(), times[: last + 1].copy()
