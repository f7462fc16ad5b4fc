"""Driving attempts: thousands at once, each a generator that reads from top to bottom like the story of one document.

In: attempts in input order (synth/teacher/effects.py says what they yield), an open model, limits. Out: their rows in
input order, whatever came first meanwhile. The model answers without pause, and the sandbox runs beside it: nothing
waits for a batch to be full or to end. Attempts go on in this process, or in several (`Crew`); here is what must know
them all: the model and its log, who holds which key, the order of rows.

A claim is answered when every earlier attempt has passed its own at the same gate, or has ended: so rows depend on
the answers alone and not on when they came or where, and a run that is replayed from its logs gives the same rows.
What a clock had a say in (a program that ran out of time) is logged beside the calls: another machine is another clock.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from curate.llm import Completion, Request
from curate.sandbox.programs import Limits
from curate.synth.teacher.claims import Claims, Gate
from curate.synth.teacher.crew import Crew
from curate.synth.teacher.effects import Ask, Attempt, Claim, End, Row
from curate.synth.teacher.lane import Lane, Ran
from curate.synth.teacher.outcomes import OutcomeLog

UNDER_WAY = 6144
"""Attempts not yet ended at once, at least: some for every sequence of an engine, some that wait for the sandbox."""
PER_PLACE = 2
"""Attempts for each request that the model has room for: the others wait for the sandbox, or for their turn."""
LOOK_S = 0.02
"""How long one of the two sides is waited for before the other is looked at."""


class Teacher(Protocol):
    """What a drive needs of `curate.llm.Model`."""

    @property
    def room(self) -> int:
        """How many requests more keep it busy."""
        ...

    @property
    def outstanding(self) -> int:
        """How many requests are under way."""
        ...

    def find(self, request: Request) -> Completion | None:
        """Return a logged answer."""
        ...

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests."""
        ...

    def take(self, wait_s: float) -> list[Completion]:
        """Return answers that are there."""
        ...

    def drop(self) -> None:
        """Forget the requests under way."""
        ...


@dataclass
class Account(Ran):
    """What a drive did besides asking."""

    started: int = 0


def drive(
    attempts: Iterable[Attempt],
    model: Teacher,
    limits: Limits,
    *,
    under_way: int = UNDER_WAY,
    workers: int = 0,
    claims: Claims | None = None,
    outcomes: OutcomeLog | None = None,
    account: Account | None = None,
    crew: Crew | None = None,
) -> Iterator[Row]:
    """Yield the rows of all attempts in input order. `workers` are the sandbox's; 0 is one a core of this process.

    `claims` stand before the first attempt; `outcomes` is the log of what a clock had a say in; `account` is kept.
    `crew` works on the attempts in other processes, which know them by their place; those given here are then counted.

    An exception in an attempt ends the drive, with a note which one it was: only the machine or a mistake in the code
    raises there. Raises UserError where the model or the sandbox cannot go on. However it ends, the answers that
    were paid for are in the call log.
    """
    hands = crew or Lane(limits, workers, outcomes.find if outcomes else None)
    flow = Flow(model, hands, claims or Claims(), outcomes, account or Account())
    source = enumerate(attempts)
    head = 0
    exhausted = False
    try:
        while flow.live or not exhausted or flow.rows:
            while not exhausted and len(flow.live) < max(under_way, PER_PLACE * flow.capacity):
                started = next(source, None)
                exhausted = started is None
                if started:
                    flow.start(*started)
            flow.turn()
            while head in flow.rows:
                yield flow.rows.pop(head)
                head += 1
                flow.ended_before = head
    finally:
        flow.close()


class Flow:
    """All attempts under way: what each has asked and claimed, and the rows of those that ended."""

    def __init__(
        self, model: Teacher, hands: Lane | Crew, claims: Claims, log: OutcomeLog | None, account: Account
    ) -> None:
        self.model, self.hands, self.claims, self.log, self.account = model, hands, claims, log, account
        self.live: set[int] = set()
        self.rows: dict[int, Row] = {}
        """Of attempts that ended and are not yet taken: an earlier one is under way still."""
        self.ended_before = 0
        self.capacity = 0
        """Requests that keep the model busy, known once it is loaded."""
        self._gates: dict[str, Gate] = {}
        self._asked: dict[int, dict[str, Completion | None]] = {}
        """Attempt -> its requests, in order, with the answers so far."""
        self._owner: dict[str, int] = {}
        """Request id -> attempt, while it is not answered."""
        self._queue: list[tuple[int, int, Request]] = []
        """Requests that wait for room, those of the earliest attempts first."""
        self._order = itertools.count()

    def start(self, index: int, attempt: Attempt) -> None:
        """Let an attempt begin."""
        self.account.started += 1
        self.live.add(index)
        self.hands.start(index, attempt)

    def turn(self) -> None:
        """Take in what has come, let go on what can, hand over what there is room for; else wait a moment."""
        came = self._take_events(0.0)
        self._hand_over()
        came += self._take_answers(0.0)
        if not came and self.live:
            if self.model.outstanding:
                self._take_answers(LOOK_S)
            else:
                self._take_events(LOOK_S)

    def close(self) -> None:
        """End the attempts that are under way and the sandbox; forget what is asked."""
        try:
            self.model.drop()
        finally:
            self.hands.close()

    def _take_events(self, wait_s: float) -> int:
        events = self.hands.turn(wait_s)
        if self.log:
            self.log.append(self.hands.noted())
        self.account.programs, self.account.timeouts = self.hands.ran.programs, self.hands.ran.timeouts
        opens = False
        for index, _, event in events:
            match event:
                case Ask(requests):
                    self._ask(index, requests)
                    continue
                case Claim(gate=gate):
                    self._gates.setdefault(gate, Gate()).waiting[index] = event
                case End(row):
                    self.live.remove(index)
                    self.rows[index] = row
            opens = True
        if opens:
            self._open_gates()
        return len(events)

    def _open_gates(self) -> None:
        for gate in self._gates.values():
            for index, claim in gate.open(self.rows, self.ended_before):
                self.hands.tell(index, self.claims.decide(index, claim))

    def _ask(self, index: int, requests: Sequence[Request]) -> None:
        self._asked[index] = {}
        for request in requests:
            found = self.model.find(request)
            if request.id in self._owner or request.id in self._asked[index]:
                raise ValueError(f"request id {request.id!r} is given twice")
            self._asked[index][request.id] = found
            if found is None:
                self._owner[request.id] = index
                heapq.heappush(self._queue, (index, next(self._order), request))
        self._answer_if_whole(index)

    def _answer_if_whole(self, index: int) -> None:
        replies = tuple(self._asked[index].values())
        if None not in replies:
            del self._asked[index]
            self.hands.tell(index, replies)

    def _hand_over(self) -> None:
        if self._queue:
            room = self.model.room
            if not self.capacity:
                self.hands.keep_to_cores()
            self.capacity = room + self.model.outstanding
            count = max(0, min(room, len(self._queue)))
            self.model.submit([heapq.heappop(self._queue)[2] for _ in range(count)])

    def _take_answers(self, wait_s: float) -> int:
        answers = self.model.take(wait_s)
        for answer in answers:
            index = self._owner.pop(answer.id)
            self._asked[index][answer.id] = answer
            self._answer_if_whole(index)
        return len(answers)
