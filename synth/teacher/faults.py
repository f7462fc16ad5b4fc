"""A mistake in our own code costs one attempt, and is counted; many of them end the stage.

In: an attempt. Out: the same attempt, whose row is a rejected one where the code that reads what the teacher wrote
raised: reason `fault in a check (KeyError)`, the end of the traceback as its detail. What the machine raises, or the
user is told, goes through.
"""

from collections.abc import Mapping, Sequence
from traceback import format_exception
from typing import Any

from curate.errors import UserError
from curate.synth.teacher.effects import Attempt

FAULT = "fault in a check"
FEW = 10
"""Faults of a shard that never end a stage."""
MOST = 0.02
"""Share of a shard's attempts that may end in faults; more is no oddity of an answer any longer."""
FRAMES = 4


def guarded(known: Mapping[str, Any], attempt: Attempt) -> Attempt:
    """Let an attempt go its way; return its row, or a rejected one with the columns `known` where its code raised."""
    try:
        return (yield from attempt)
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - answers of a model find what no test thought of
        told = "".join(format_exception(error, limit=-FRAMES)).strip()
        return {**known, "text": "", "reason": f"{FAULT} ({type(error).__name__})", "detail": told}


def count_faults(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return how many rows of a shard ended in faults. Raises RuntimeError with the first of them if it is many."""
    faults = [row for row in rows if (row["reason"] or "").startswith(FAULT)]
    if len(faults) > max(FEW, MOST * len(rows)):
        raise RuntimeError(f"{len(faults)} of {len(rows)} attempts ended in faults; the first:\n{faults[0]['detail']}")
    return len(faults)
