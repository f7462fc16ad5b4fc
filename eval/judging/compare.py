"""Whether a returned value is right, by the rules of EvalPlus 0.3.1. The text of this file travels into the judge.

In: a function to ask, and cases: arguments and the expected value as tagged JSON. Out: nothing, or an AssertionError
that names the first input with a wrong answer. What is compared is plain data that the judge has decoded, never an
object of the sample. Only the standard library is imported: numpy alone would cost a trial more than the rest of it.
"""

import math
import sys
from typing import Any

from curate.sandbox.values import decode

RELATIVE = 1e-7
FLOATS = 1e-6
"""Absolute tolerance of answers that are floats, where the task states none."""


def check_cases(
    candidate: Any, cases: list[list[Any]], rule: str, tolerance: float, reference: str, entry_point: str
) -> None:
    """Call the candidate on every case. `rule` says what else than equality is right, if anything.

    Where the source of a `reference` is given, its answers are what is expected, and not the values of the cases.
    """
    trusted: dict[str, Any] = {}
    exec(reference, trusted)
    for number, (arguments, value) in enumerate(cases):
        found = candidate(*decode(arguments))
        # decoded anew: a sample may have changed the arguments that it was given
        expected = trusted[entry_point](*decode(arguments)) if reference else decode(value)
        assert accepted(found, expected, decode(arguments), rule, tolerance), f"input {number}"


def accepted(found: Any, expected: Any, arguments: Any, rule: str, tolerance: float) -> bool:
    """Say whether an answer is right: by the task's own rule, or equal, or for numbers close."""
    if rule == "root":
        return is_root(arguments[0], found, tolerance)
    if rule == "same_set":
        right = set(found) == set(expected)
    elif rule == "found_or_not":  # `expected` is whether the reference found something
        right = expected == (found if isinstance(found, bool) else found is not None)
    else:
        right = found == expected or fulfils(rule, found, arguments, tolerance)
    if right:
        return True
    tolerance = tolerance or (FLOATS if is_floats(expected) else 0)
    return tolerance > 0 and type(found) is type(expected) and close(found, expected, tolerance)


def fulfils(rule: str, found: Any, arguments: Any, tolerance: float) -> bool:
    """Say whether an answer that is not the reference's is right by another reading of the task."""
    if rule == "zero_too":
        return bool(found == 0)
    if rule == "pyramid_of_upright_height":
        return bool(abs(found - pyramid_surface(*arguments)) <= tolerance)
    if rule == "padded_digits":
        return bool(found == padded_digit_distance(*arguments))
    return rule == "anything"


def is_floats(value: Any) -> bool:
    """Say whether a value is a float, or a list or tuple of nothing else."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def close(found: Any, expected: Any, tolerance: float) -> bool:
    """Say whether two numbers, or two sequences of numbers of one shape, differ by no more than the tolerance."""
    if isinstance(expected, list | tuple):
        same_shape = isinstance(found, list | tuple) and len(found) == len(expected)
        return same_shape and all(map(close, found, expected, [tolerance] * len(expected)))
    if not isinstance(found, int | float | complex) or not isinstance(expected, int | float | complex):
        return False
    if found == expected:  # two infinities
        return True
    difference = abs(found - expected)
    return difference <= tolerance + RELATIVE * abs(expected) and math.isfinite(difference)


def is_root(coefficients: list[float], x: float, tolerance: float) -> bool:
    """Say whether a polynomial is zero at x, within the tolerance and what rounding can do (HumanEval/32).

    The coefficients begin with the constant. At a steep root the polynomial jumps over the tolerance between two
    neighbouring floats, and how its terms add up there depends on the version of Python: `sum` compensates since 3.12.
    Hence `fsum`, which is exact everywhere, and the bound on the error of a plain sum.
    """
    terms = [coefficient * x**power for power, coefficient in enumerate(coefficients)]
    size = math.fsum(map(abs, terms))
    if not math.isfinite(size):
        return False
    value = math.hypot(math.fsum(term.real for term in terms), math.fsum(term.imag for term in terms))
    return value <= tolerance + (len(terms) + 2) * sys.float_info.epsilon * size


def pyramid_surface(base_edge: float, height: float) -> int:
    """Return the surface of a square pyramid whose height stands upright in its middle (Mbpp/581)."""
    slant = math.sqrt((base_edge / 2) ** 2 + height**2)
    return round(base_edge**2 + 2 * base_edge * slant)


def padded_digit_distance(first: int, second: int) -> int:
    """Return the sum of the differences of two numbers' digits, the shorter one filled up with zeros (Mbpp/558)."""
    texts = [str(first), str(second)]
    size = max(map(len, texts))
    return sum(abs(int(a) - int(b)) for a, b in zip(*(text.zfill(size) for text in texts), strict=True))
