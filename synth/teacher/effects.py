"""What an attempt waits for, and what it is given: the words between the story of one document and what drives it.

An attempt is a generator that reads from top to bottom. It yields what it waits for and returns its row:

    replies = yield Ask(requests)      the teacher's Completions, in the order asked
    outcomes = yield Run(programs)     for each program the CallOutcomes of its calls
    made = yield Batch(work, item)     what `work` makes of the item, beside items of other attempts
    free = yield Claim(key, most=1)    whether fewer than `most` earlier attempts hold the key; then it holds it too

What it does is decided by these answers alone: it may be begun again, given the same ones, and goes the same way.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from curate.llm import Request
from curate.sandbox.programs import Limits, Program


@dataclass(frozen=True)
class Ask:
    """Requests to the teacher. Their ids are unique among all attempts."""

    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Run:
    """Programs for the sandbox. `limits` other than the drive's are taken as they are: longer ones for what the leash
    ended, where it could still decide something. `hash_seed` decides the order of sets of strings."""

    programs: tuple[Program, ...]
    limits: Limits | None = None
    hash_seed: int = 0


@dataclass(frozen=True)
class Batch:
    """Something to be made by what has a price for each start, as a formatter has. `work` returns one result an item,
    in their order, whatever stands beside it."""

    work: Callable[[list[Any]], Iterable[Any]]
    item: Any


@dataclass(frozen=True)
class Claim:
    """One of `most` places under a key. None as the key claims nothing and lets later attempts pass the gate."""

    key: str | None
    most: int = 1
    gate: str = "claim"
    """Claims of different kinds pass different gates: an attempt passes each once, in the same order as all others."""


Row = dict[str, Any]


@dataclass(frozen=True)
class End:
    """The row of an attempt that has ended."""

    row: Row


Attempt = Generator[Ask | Run | Batch | Claim, Any, Row]
Event = tuple[int, int, Ask | Claim | End]
"""What an attempt wants of the one process that knows them all: its place among these, which of its wants this is,
counted from 0, and the want."""
