import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.signals.rules import Rule, broken_signals, first_broken, nullable, reasons

RULES = [
    Rule("signal_a", "a too low", minimum=1),
    Rule("signal_b", "b too high", maximum=5),
    Rule("signal_a", "a out of range", minimum=2, maximum=4),
]
NUMBERS = st.sampled_from([float("nan"), -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 6.0])


def by_hand(a: float, b: float) -> tuple[str | None, str | None, float | None, float | None]:
    if a < 1:
        return "a too low", "signal_a", a, 1
    if b > 5:
        return "b too high", "signal_b", b, 5
    if a < 2 or a > 4:
        return "a out of range", "signal_a", a, 2 if a < 2 else 4
    return None, None, None, None


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1))
def test_the_first_broken_rule_is_the_reason_and_value_and_cut_are_the_evidence(
    rows: list[tuple[float, float]],
) -> None:
    signals = {"signal_a": np.array([a for a, _ in rows]), "signal_b": np.array([b for _, b in rows])}
    index, values, cuts = first_broken(RULES, signals)
    columns = (reasons(RULES, index), broken_signals(RULES, index), nullable(values), nullable(cuts))
    found = zip(*(column.to_pylist() for column in columns), strict=True)
    assert list(found) == [by_hand(a, b) for a, b in rows]


def test_what_is_not_known_breaks_no_rule() -> None:
    unknown = np.array([math.nan])
    assert not any(rule.broken(unknown).any() for rule in RULES)
