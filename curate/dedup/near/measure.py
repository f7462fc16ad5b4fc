"""How two documents are compared: which words their texts have, how many make a shingle, and how much must be shared.

    jaccard      shared shingles / all shingles of the two
    containment  shared shingles / shingles of the worse document: how much of what is dropped its survivor has

Containment is at least the Jaccard similarity and has a direction: a long document is never dropped for a short one
that it holds. Candidates come from signatures, which know Jaccard alone, so a pair is proposed by the least Jaccard
similarity that it has if the survivor is at most SIZE_RATIO times as long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.dedup.near.kernel import intersection, jaccard
from curate.text.buffers import text_buffers
from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Offsets, Pairs, Similarities

SIZE_RATIO = 2.5

Tokens = Literal["words", "code"]
Kind = Literal["jaccard", "containment"]


@dataclass(frozen=True)
class Measure:
    """What makes two documents near-duplicates."""

    ngram: int
    threshold: float
    tokens: Tokens = "words"
    kind: Kind = "jaccard"

    @property
    def least_jaccard(self) -> float:
        """The Jaccard similarity from which a pair is worth comparing."""
        return self.threshold if self.kind == "jaccard" else self.threshold / (SIZE_RATIO + 1 - self.threshold)

    def pieces(self, texts: pa.ChunkedArray) -> Iterator[tuple[Bytes, Offsets]]:
        """Yield the buffers of a text column, a chunk at a time, so that nothing is copied."""
        return (self.buffers(pa.chunked_array([chunk])) for chunk in texts.chunks)

    def buffers(self, texts: pa.ChunkedArray) -> tuple[Bytes, Offsets]:
        """Return the text column as the buffers in which compiled code finds words."""
        if self.tokens == "words":
            return text_buffers(texts)
        from curate.dedup.near.code import code_buffers

        return code_buffers(texts)

    def compare(self, values: Hashes, starts: Pairs, sizes: Pairs) -> Similarities:
        """Return the similarity of pairs of sets, (better, worse); 0 below the threshold. See `kernel.jaccard`."""
        compare = jaccard if self.kind == "jaccard" else containment
        return compare(values, starts, sizes, self.threshold)


@compiled
def containment(values: Hashes, starts: Pairs, sizes: Pairs, threshold: float) -> Similarities:
    """Return which share of the second set of each pair the first one has, or 0 below the threshold."""
    found = np.zeros(len(starts), dtype=np.float64)
    for index in range(len(starts)):
        left, right = starts[index]
        left_size, right_size = sizes[index]
        needed = int(np.ceil(threshold * right_size - 1e-9))
        if left_size >= needed:
            shared = intersection(values, left, left_size, right, right_size, needed)
            if shared >= needed:
                found[index] = shared / right_size
    return found
