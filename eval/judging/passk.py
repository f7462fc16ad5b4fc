"""pass@k: the chance that at least one of k samples passes, estimated without bias, with an interval.

In: for every task how many samples were judged and how many passed. Out: pass@k, its standard error over tasks and a
95% interval. Tasks may have different numbers of samples. Not covered: comparing two models (curate/table/compare.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from curate.errors import UserError

Z95 = 1.959963984540054
"""Two-sided 95% quantile of the normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """pass@k over `tasks` tasks, all as fractions of 1. `low` and `high` bound the 95% interval."""

    k: int
    value: float
    standard_error: float
    low: float
    high: float
    tasks: int


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate for one task of which `c` of `n` samples passed (Chen et al. 2021, equation 1).

    It is the share of all k-subsets of the samples that hold a passing one. Raises UserError for k > n.

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    if not 0 <= c <= n:
        raise ValueError(f"{c} of {n} samples passed")
    if not 1 <= k <= n:
        raise UserError(f"pass@{k} cannot be estimated from {n} samples a task; draw at least {k}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def estimate(counts: Sequence[tuple[int, int]], k: int = 1) -> Estimate:
    """Return pass@k from (samples, passed) of each task: the mean over tasks. Raises UserError for k > any n.

    The interval is Wilson's with as many trials as explain the spread between tasks, p (1 - p) / error^2. One sample
    a task makes that the number of tasks, so for greedy decoding it is Wilson's interval itself; it stays honest at
    0 and at 1, where a normal interval has no width.
    """
    if not counts:
        raise UserError("pass@k of no tasks is not defined; every sample is missing or could not be judged")
    fewest = min(n for n, _ in counts)
    if k > fewest:
        short = sum(n < k for n, _ in counts)
        raise UserError(
            f"pass@{k} needs {k} samples of every task; {short} of {len(counts)} tasks have fewer, one of them {fewest}"
        )
    values = [pass_at_k(n, c, k) for n, c in counts]
    tasks = len(values)
    mean = math.fsum(values) / tasks
    variance = math.fsum((value - mean) ** 2 for value in values) / tasks
    trials = float(tasks)
    if variance > 0:
        trials = min(tasks * mean * (1 - mean) / variance, float(sum(n for n, _ in counts)))
    low, high = wilson(mean, trials)
    return Estimate(k, mean, math.sqrt(variance / tasks), low, high, tasks)


def wilson(share: float, trials: float) -> tuple[float, float]:
    """Return Wilson's 95% score interval for a share of `trials` independent trials.

    >>> [round(bound, 4) for bound in wilson(0.0, 164)]
    [0.0, 0.0229]
    """
    square = Z95 * Z95 / trials
    centre = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)
