"""Driving attempts: thousands at once, each a generator that reads from top to bottom like the story of one document.

An attempt yields what it waits for and returns its row:

    replies = yield Ask(requests)      the teacher's Completions, in the order asked
    outcomes = yield Run(programs)     for each program the CallOutcomes of its calls
    free = yield Claim(key, most=1)    whether fewer than `most` earlier attempts hold the key; then it holds it too

In: attempts in input order, an open model, limits. Out: their rows in input order, whatever came first meanwhile. The
model answers without pause, and the sandbox runs beside it: nothing waits for a batch to be full or to end.

A claim is answered when every earlier attempt has passed its own at the same gate, or has ended: so rows depend on
the answers alone and not on when they came, and a run that is replayed from its logs gives the same rows. What a
clock had a say in (a program that ran out of time) is logged beside the calls, since another machine is another clock.
"""

import hashlib
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from curate.llm import Completion, Request
from curate.sandbox import Caller, CallOutcome, Limits, Program
from synth.outcomes import OutcomeLog, digest

UNDER_WAY = 6144
"""Attempts not yet ended at once, at least: some for every sequence of an engine, some that wait for the sandbox."""
PER_PLACE = 2
"""Attempts for each request that the model has room for: the others wait for the sandbox, or for their turn."""
LOOK_S = 0.02
"""How long one of the two sides is waited for before the other is looked at."""
LEASH_S = 0.12
"""CPU seconds of a program whose limits say nothing else. The solution of an exercise takes some milliseconds for all
its inputs; 2 % of endless loops add 2.4 ms of a core to the mean program (benchmarks/sandbox.py)."""


@dataclass(frozen=True)
class Ask:
    """Requests to the teacher. Their ids are unique among all attempts."""

    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Run:
    """Programs for the sandbox. `limits` other than the drive's are taken as they are: longer ones for what the leash
    ended, where it could still decide something."""

    programs: tuple[Program, ...]
    limits: Limits | None = None


@dataclass(frozen=True)
class Claim:
    """One of `most` places under a key. None as the key claims nothing and lets later attempts pass the gate."""

    key: str | None
    most: int = 1
    gate: str = "claim"
    """Claims of different kinds pass different gates: an attempt passes each once, in the same order as all others."""


Row = dict[str, Any]
Attempt = Generator[Ask | Run | Claim, Any, Row]


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
class Claims:
    """Who holds what: for each gate how often each key is held. `granted` are the new ones, by attempt."""

    held: Counter[str] = field(default_factory=Counter)
    granted: dict[int, list[str]] = field(default_factory=dict)

    def decide(self, index: int, claim: Claim) -> bool:
        """Answer a claim whose turn it is."""
        if claim.key is None:
            return True
        text = f"{claim.gate}\0{claim.key}".encode("utf-8", "surrogatepass")
        name = hashlib.blake2b(text, digest_size=12).hexdigest()
        if self.held[name] >= claim.most:
            return False
        self.held[name] += 1
        self.granted.setdefault(index, []).append(name)
        return True


@dataclass
class Account:
    """What a drive did besides asking."""

    started: int = 0
    programs: int = 0
    """Programs that ran; those whose outcomes were logged do not count."""
    timeouts: int = 0
    """Of these, how many ran out of time."""


class Gate:
    """Lets attempts pass in input order."""

    def __init__(self) -> None:
        self.waiting: dict[int, Claim] = {}
        self.passed: set[int] = set()
        self.next = 0

    def open(self, ended: Mapping[int, Any], ended_before: int) -> Iterator[tuple[int, Claim]]:
        """Yield the claims whose turn has come. All below `ended_before`, and all in `ended`, have ended."""
        self.next = max(self.next, ended_before)
        while True:
            if self.next in self.waiting:
                yield self.next, self.waiting.pop(self.next)
            elif self.next not in ended:
                return
            self.next += 1


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
) -> Iterator[Row]:
    """Yield the rows of all attempts in input order. `workers` are the sandbox's; 0 is one a core of this process.

    `claims` stand before the first attempt; `outcomes` is the log of what a clock had a say in; `account` is kept.

    An exception in an attempt ends the drive, with a note which one it was: only the machine or a mistake in the code
    raises there. Raises UserError where the model or the sandbox cannot go on. However it ends, the answers that
    were paid for are in the call log.
    """
    leash_s = LEASH_S if limits.leash_s is None else limits.leash_s
    flow = Flow(model, replace(limits, leash_s=leash_s), workers, claims or Claims(), outcomes, account or Account())
    source = enumerate(attempts)
    head = 0
    exhausted = False
    try:
        while flow.live or not exhausted or flow.rows:
            while not exhausted and len(flow.live) < max(under_way, PER_PLACE * flow.capacity):
                started = next(source, None)
                exhausted = started is None
                if started:
                    flow.account.started += 1
                    flow.start(*started)
            flow.turn()
            while head in flow.rows:
                yield flow.rows.pop(head)
                head += 1
                flow.ended_before = head
    finally:
        flow.close()


class Flow:
    """The attempts under way, and what each waits for."""

    def __init__(
        self,
        model: Teacher,
        limits: Limits,
        workers: int,
        claims: Claims,
        log: OutcomeLog | None,
        account: Account,
    ) -> None:
        self.model, self.limits, self.claims, self.account = model, limits, claims, account
        self.workers, self.log = workers, log
        self.live: dict[int, Attempt] = {}
        self.rows: dict[int, Row] = {}
        """Of attempts that ended and are not yet taken: an earlier one is under way still."""
        self.ended_before = 0
        self.capacity = 0
        """Requests that keep the model busy, known once it is loaded."""
        self._caller: Caller | None = None
        self._gates: dict[str, Gate] = {}
        self._ready: deque[tuple[int, Any]] = deque()
        """Attempts that can go on, with what they waited for."""
        self._asked: dict[int, dict[str, Completion | None]] = {}
        """Attempt -> its requests, in order, with the answers so far."""
        self._owner: dict[str, int] = {}
        """Request id -> attempt, while it is not answered."""
        self._queue: list[tuple[int, int, Request]] = []
        """Requests that wait for room, those of the earliest attempts first."""
        self._order = itertools.count()
        self._running: dict[int, list[list[CallOutcome] | None]] = {}

    def start(self, index: int, attempt: Attempt) -> None:
        """Let an attempt begin."""
        self.live[index] = attempt
        self._ready.append((index, None))
        self._go_on()

    def turn(self) -> None:
        """Take in what has come, let go on what can, hand over what there is room for; else wait a moment."""
        self._hand_over()
        came = self._take_answers(0.0) + self._take_outcomes(0.0)
        if not came and self.live:
            if self.model.outstanding:
                came = self._take_answers(LOOK_S)
            elif self._caller and self._caller.outstanding:
                came = self._take_outcomes(LOOK_S)
        self._go_on()

    def close(self) -> None:
        """End the attempts that are under way and the sandbox; forget what is asked."""
        try:
            self.model.drop()
        finally:
            if self._caller:
                self._caller.close()
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
                self.rows[index] = end.value
                self._open_gates()
                continue
            except Exception as error:
                error.add_note(f"in attempt {index} of this drive")
                raise
            match effect:
                case Ask(requests):
                    self._ask(index, requests)
                case Run(programs, limits):
                    self._run(index, programs, limits or self.limits)
                case Claim(gate=gate):
                    self._gates.setdefault(gate, Gate()).waiting[index] = effect
                    self._open_gates()

    def _open_gates(self) -> None:
        for gate in self._gates.values():
            for index, claim in gate.open(self.rows, self.ended_before):
                self._ready.append((index, self.claims.decide(index, claim)))

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
            self._ready.append((index, replies))

    def _hand_over(self) -> None:
        if self._queue:
            room = self.model.room
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

    def _run(self, index: int, programs: Sequence[Program], limits: Limits) -> None:
        names = [digest(program, limits) if self.log else "" for program in programs]
        self._running[index] = [self.log.find(name) if self.log else None for name in names]
        for place, program in enumerate(programs):
            if self._running[index][place] is None:
                if self._caller is None:
                    self._caller = Caller(self.workers)
                # The earliest attempts first: all claims wait for them.
                self._caller.submit((index, place, names[place]), program, limits, rank=index)
        self._finish_if_whole(index)

    def _finish_if_whole(self, index: int) -> None:
        outcomes = self._running[index]
        if None not in outcomes:
            del self._running[index]
            self._ready.append((index, outcomes))

    def _take_outcomes(self, wait_s: float) -> int:
        if self._caller is None:
            return 0
        taken = self._caller.take(wait_s)
        if self.log:
            self.log.append((name, outcomes) for (_, _, name), outcomes, is_close in taken if is_close)
        self.account.programs, self.account.timeouts = self._caller.programs, self._caller.timeouts
        for (index, place, _), outcomes, _ in taken:
            self._running[index][place] = outcomes
            self._finish_if_whole(index)
        return len(taken)
