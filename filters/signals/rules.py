"""Signals and the rules that cut on them.

A signal is one number per document, kept as a column `signal_...` on kept and dropped rows alike, so that another
threshold can be tried on a finished run with a query. A rule is a signal with a bound. Rules stand in order: the first
one that a document breaks is the reason it is dropped; the signal, its value and the cut are the evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """Documents whose signal lies below `minimum` or above `maximum` are dropped for `reason`.

    A signal that is not known for a document (NaN) breaks no rule.
    """

    signal: str
    reason: str
    minimum: float | None = None
    maximum: float | None = None

    def broken(self, values: Values) -> npt.NDArray[np.bool_]:
        """Tell for each document whether it breaks the rule."""
        below = np.zeros(len(values), bool) if self.minimum is None else values < self.minimum
        return below if self.maximum is None else below | (values > self.maximum)


def first_broken(rules: Sequence[Rule], signals: Mapping[str, Values]) -> tuple[npt.NDArray[np.intp], Values, Values]:
    """Return, per document, the index of the first rule it breaks or -1, the value that broke it, and the cut.

    Value and cut, the bound that the value was measured against, are NaN for documents that break no rule.
    """
    count = len(next(iter(signals.values())))
    rule_index = np.full(count, -1)
    evidence, cuts = np.full(count, np.nan), np.full(count, np.nan)
    for index, rule in enumerate(rules):
        values = signals[rule.signal]
        newly = rule.broken(values) & (rule_index < 0)
        rule_index[newly] = index
        evidence[newly] = values[newly]
        low, high = (np.nan if bound is None else bound for bound in (rule.minimum, rule.maximum))
        cuts[newly] = np.where(values[newly] < low, low, high)
    return rule_index, evidence, cuts


def broken_signals(rules: Sequence[Rule], rule_index: npt.NDArray[np.intp]) -> pa.Array:
    """Return, per document, the signal of the rule that it breaks, or null."""
    return pa.array([None if index < 0 else rules[index].signal for index in rule_index], pa.string())


def reasons(rules: Sequence[Rule], rule_index: npt.NDArray[np.intp]) -> pa.Array:
    """Return the reason column of a verdict."""
    return pa.array([None if index < 0 else rules[index].reason for index in rule_index], pa.string())


def nullable(values: Values) -> pa.Array:
    """Return a double column with null for NaN."""
    return pa.array(values, pa.float64(), from_pandas=True)
