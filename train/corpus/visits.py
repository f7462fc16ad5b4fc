"""Visits: which document is seen when.

Every document has a clock of its own: in pass k over its input it comes at time k + u, where u in [0, 1) follows from
its seed and k alone. So each pass shows every document once, in a new order, and the passes of an input are spread
evenly over a phase, whatever else it is mixed with. Weighted documents have faster or slower clocks. A phase is a
stretch of every input's clock; the next phase goes on where it stopped. Deterministic by (seed, document id): neither
shards nor the number of processes change it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curate.train.corpus.mix import Phase
from curate.train.corpus.packing import Corpus

Doubles = npt.NDArray[np.float64]


def visits(
    corpus: Corpus, weights: Doubles, phases: Sequence[Phase], beyond: float
) -> tuple[npt.NDArray[np.uint32], Doubles]:
    """Return the documents in the order in which they are seen, and when: in tokens since the start, about.

    `beyond` is how far the last phase goes on after its end, as a share of it, so that the last batch can be filled.
    """
    seen: list[npt.NDArray[np.uint32]] = [np.empty(0, np.uint32)]
    times: list[Doubles] = [np.empty(0)]
    begun = [0.0] * len(corpus.inputs)
    start = 0.0
    for number, phase in enumerate(phases):
        stretch = 1.0 + (beyond if number == len(phases) - 1 else 0.0)
        for place, epochs in enumerate(phase.epochs):
            if epochs:
                documents = np.flatnonzero((corpus.train["input"] == place) & (weights > 0)).astype(np.uint32)
                stop = begun[place] + epochs * stretch
                for which, time in _ticks(corpus.train["order"], documents, weights, begun[place], stop):
                    seen.append(which)
                    times.append(start + (time - begun[place]) / epochs * phase.tokens)
                begun[place] += epochs
        start += phase.tokens
    which, when = np.concatenate(seen), np.concatenate(times)
    order = np.lexsort((corpus.train["order"][which], when))
    return which[order], when[order]


def _ticks(
    orders: npt.NDArray[np.uint64],
    documents: npt.NDArray[np.uint32],
    weights: Doubles,
    start: float,
    stop: float,
) -> list[tuple[npt.NDArray[np.uint32], Doubles]]:
    """Return for every pass the documents that come between two times of their input's clock, and when."""
    found: list[tuple[npt.NDArray[np.uint32], Doubles]] = []
    if not len(documents):
        return found
    rate = weights[documents]
    for turn in range(int(start * rate.min()), int(np.ceil(stop * rate.max()))):
        time = (turn + uniform(orders[documents], turn)) / rate
        inside = (time >= start) & (time < stop)
        if inside.any():
            found.append((documents[inside], time[inside]))
    return found


def uniform(seeds: npt.NDArray[np.uint64], turn: int) -> Doubles:
    """Return a number in [0, 1) for each seed and this turn, by the SplitMix64 finaliser (Steele et al. 2014)."""
    mixed = seeds + np.uint64(((turn + 1) * 0x9E3779B97F4A7C15) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)) / 2.0**53
