"""The attempts of one process: each goes on as soon as it is told what it waits for, and its programs run meanwhile.

In: attempts by their place among all, answers to what they asked and claimed. Out: events (what they ask, claim, or
end with), and of programs in which a clock had a say the outcomes, to be logged by whoever owns the log. What needs no
view of the other attempts happens here, so that several processes can share it: reading answers, drawing inputs,
programs, comparing results.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from curate.sandbox.programs import Caller, CallOutcome, Limits
from curate.synth.teacher.effects import Attempt, Batch, End, Event, Run
from curate.synth.teacher.outcomes import digest

LEASH_S = 0.12
"""CPU seconds of a program whose limits say nothing else. The solution of an exercise takes some milliseconds for all
its inputs; 2 % of endless loops add 2.4 ms of a core to the mean program (benchmarks/sandbox.py)."""
BATCH = 48
"""Items of a batch: a formatter's two starts take 30 ms."""
WAIT_S = 2.0
"""How long a batch waits at most to be full, while there is other work."""
Noted = tuple[str, list[CallOutcome]]
"""The digest of a program, and outcomes that another clock might have decided otherwise."""


@dataclass
class Ran:
    """Programs that ran, and how many of them ran out of time; those whose outcomes were logged do not count."""

    programs: int = 0
    timeouts: int = 0


class Lane:
    """Attempts under way, and what each waits for.

    `known` finds logged outcomes of a program by its digest; None: nothing is logged. `workers` are the sandbox's, 0 is
    one a core of this process, or one for so many cores as `share` lanes divide.
    """

    def __init__(
        self,
        limits: Limits,
        workers: int = 0,
        known: Callable[[str], list[CallOutcome] | None] | None = None,
        share: int = 1,
    ) -> None:
        self.limits = replace(limits, leash_s=LEASH_S if limits.leash_s is None else limits.leash_s)
        self.workers, self.known, self.share = workers, known, share
        self.live: dict[int, Attempt] = {}
        self._callers: dict[int, Caller] = {}
        """By hash seed."""
        self._batches: dict[Callable[[list[Any]], Iterable[Any]], list[tuple[int, Any]]] = {}
        self._batch_began = 0.0
        self._ready: deque[tuple[int, Any]] = deque()
        """Attempts that can go on, with what they waited for."""
        self._told: dict[int, deque[Any]] = {}
        """Attempts that are begun again and have not come so far as before, with what they were told there."""
        self._wants: dict[int, int] = {}
        """How many wants each attempt had so far."""
        self._running: dict[int, list[list[CallOutcome] | None]] = {}
        self._events: list[Event] = []
        self._noted: list[Noted] = []

    @property
    def ran(self) -> Ran:
        """What ran so far."""
        callers = self._callers.values()
        return Ran(sum(each.programs for each in callers), sum(each.timeouts for each in callers))

    @property
    def has_work(self) -> bool:
        """Whether programs are under way, or items wait for others."""
        return bool(self._batches) or any(caller.outstanding for caller in self._callers.values())

    def start(self, index: int, attempt: Attempt, told: Sequence[Any] | None = None) -> None:
        """Let an attempt begin. `told` is what it was told before, where it was under way elsewhere."""
        self.live[index] = attempt
        self._wants[index] = 0
        if told is not None:
            self._told[index] = deque(told)
        self._ready.append((index, None))

    def tell(self, index: int, value: Any) -> None:
        """Give an attempt what it asked or claimed."""
        if index in self._told:  # it is not there yet
            self._told[index].append(value)
        else:
            self._ready.append((index, value))

    def turn(self, wait_s: float = 0.0) -> list[Event]:
        """Take in what programs gave and go on with all that can; wait about so long for a first program.

        An exception in an attempt goes through, with a note which one it was.
        """
        if self._ready:
            self._go_on()
            wait_s = 0.0
        self._take_outcomes(wait_s)
        self._make_batches()
        self._go_on()
        events, self._events = self._events, []
        return events

    def noted(self) -> list[Noted]:
        """Return the outcomes to be logged that came since the last call; log them before any later event counts."""
        noted, self._noted = self._noted, []
        return noted

    def keep_to_cores(self) -> None:
        """Its sandbox starts with the cores that this process has by then."""

    def close(self) -> None:
        """End the attempts that are under way, and the sandbox."""
        for caller in self._callers.values():
            caller.close()
        for attempt in self.live.values():
            attempt.close()

    def _go_on(self) -> None:
        while self._ready:
            index, value = self._ready.popleft()
            attempt = self.live[index]
            try:
                effect = attempt.send(value)
            except StopIteration as end:
                del self.live[index]
                self._events.append((index, self._wants.pop(index), End(end.value)))
                continue
            except Exception as error:
                error.add_note(f"in attempt {index} of this drive")
                raise
            if isinstance(effect, Run):
                self._run(index, effect)
                continue
            if isinstance(effect, Batch):
                self._batch_began = self._batch_began if self._batches else time.monotonic()
                self._batches.setdefault(effect.work, []).append((index, effect.item))
                continue
            number = self._wants[index]
            self._wants[index] += 1
            told = self._told.get(index)
            if told:
                self._ready.append((index, told.popleft()))
            else:
                self._told.pop(index, None)
                self._events.append((index, number, effect))

    def _run(self, index: int, run: Run) -> None:
        limits = run.limits or self.limits
        seed = run.hash_seed
        names = [digest(program, limits) + "-" * seed if self.known else "" for program in run.programs]
        self._running[index] = [self.known(name) if self.known else None for name in names]
        for place, program in enumerate(run.programs):
            if self._running[index][place] is None:
                # The earliest attempts first: all claims wait for them.
                self._caller(seed).submit((index, place, names[place]), program, limits, rank=index)
        self._finish_if_whole(index)

    def _caller(self, hash_seed: int) -> Caller:
        if hash_seed not in self._callers:
            count = self.workers or max(1, len(os.sched_getaffinity(0)) // self.share)
            self._callers[hash_seed] = Caller(max(1, count // 4) if hash_seed else count, hash_seed=hash_seed)
        return self._callers[hash_seed]

    def _make_batches(self) -> None:
        """Make what is whole, has waited long, or is all that is left to do."""
        busy = self._ready or any(caller.outstanding for caller in self._callers.values())
        if (
            not busy
            or time.monotonic() - self._batch_began > WAIT_S
            or max(map(len, self._batches.values()), default=0) >= BATCH
        ):
            batches, self._batches = self._batches, {}
            for work, waiting in batches.items():
                made = work([item for _, item in waiting])
                self._ready += [(index, each) for (index, _), each in zip(waiting, made, strict=True)]

    def _finish_if_whole(self, index: int) -> None:
        outcomes = self._running[index]
        if None not in outcomes:
            del self._running[index]
            self._ready.append((index, outcomes))

    def _take_outcomes(self, wait_s: float) -> None:
        busy = [caller for caller in self._callers.values() if caller.outstanding]
        taken = [each for caller in busy for each in caller.take(wait_s / len(busy))]
        if self.known:
            self._noted += [(name, outcomes) for (_, _, name), outcomes, is_close in taken if is_close]
        for (index, place, _), outcomes, _ in taken:
            self._running[index][place] = outcomes
            self._finish_if_whole(index)
