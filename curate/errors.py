"""The one exception that a user's mistake raises, and the "did you mean" behind it."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend. The message is one line: the offending value and the next step."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, else `; known: a, b, c`.

    >>> did_you_mean("treshold", ["threshold", "bands"])
    "; did you mean 'threshold'?"
    """
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""
