"""Lanes in processes of their own: the work of thousands of attempts on more than one core.

In: how attempts begin on a shard (picklable), shards, answers. Out: the events of all lanes. An attempt belongs to the
lane that its place among all gives it, begins there from the shard that every lane gets, and never moves. A lane that
dies (out of memory, a crash in native code) is replaced, and its attempts begin again with what they were told before;
one that dies again and again ends the drive.
"""

import multiprocessing
import pickle
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from traceback import format_exc
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.machine.cores import keep_with_this
from curate.machine.workers import start_worker
from curate.sandbox.programs import Limits
from curate.synth.teacher.effects import Attempt, End, Event
from curate.synth.teacher.lane import Lane, Noted, Ran
from curate.synth.teacher.outcomes import OutcomeLog

Begin = Callable[[pa.Table], Sequence[Attempt]]
LOOK_S = 0.02
CLOSE_S = 10.0
MOST_DEATHS = 3
"""Of one lane, before it is the machine that is at fault, or an attempt."""


@dataclass(frozen=True)
class Work:
    """What a lane is told once. Picklable."""

    begin: Begin
    limits: Limits
    workers: int
    """The sandbox's; 0: this lane's share of the cores that its process may use."""
    log: Path | None
    """The outcomes that are logged."""
    lanes: int


@dataclass(frozen=True)
class Order:
    """What a lane is to do next: shards with the place of their first attempt, attempts to begin, what others wait
    for."""

    shards: list[tuple[int, pa.Table]] = field(default_factory=list)
    starts: list[tuple[int, Sequence[Any] | None]] = field(default_factory=list)
    told: list[tuple[int, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.shards or self.starts or self.told)


@dataclass
class Report:
    """What has come of it. `failure` ends the drive."""

    events: list[Event]
    noted: list[Noted]
    ran: Ran
    failure: Exception | None = None


@dataclass
class _Told:
    """An attempt under way: what it was told, and how many wants of it are known."""

    told: list[Any] = field(default_factory=list)
    wants: int = 0


class Crew:
    """All lanes. Owned by one thread; `close` it."""

    def __init__(self, lanes: int, begin: Begin, limits: Limits, *, workers: int = 0, log: Path | None = None) -> None:
        self._work = Work(begin, limits, -(-workers // lanes), log, lanes)
        self._shards: list[tuple[int, int, pa.Table]] = []
        """Place of the first attempt, number of attempts, shard; of those that have attempts under way."""
        self._live: dict[int, _Told] = {}
        """The attempts under way."""
        self._orders = [Order() for _ in range(lanes)]
        self._noted: list[Noted] = []
        self._before = Ran()
        """What ran in lanes that died."""
        self._lanes: list[_Process] = []
        """They start with the first turn: what the first shard made this process compile is on the disk then."""

    @property
    def ran(self) -> Ran:
        """What ran so far."""
        every = [self._before, *(lane.ran for lane in self._lanes)]
        return Ran(sum(each.programs for each in every), sum(each.timeouts for each in every))

    def add_shard(self, first: int, count: int, shard: pa.Table) -> None:
        """Give all lanes a shard, on which `count` attempts begin, the first of them at that place."""
        earliest = min(self._live, default=first)
        self._shards = [each for each in self._shards if each[0] + each[1] > earliest]
        self._shards.append((first, count, shard))
        for order in self._orders:
            order.shards.append((first, shard))

    def start(self, index: int, attempt: Attempt) -> None:
        """Let the attempt of that place begin in its lane; the one given stands for it here."""
        attempt.close()
        self._live[index] = _Told()
        self._orders[index % self._work.lanes].starts.append((index, None))

    def tell(self, index: int, value: Any) -> None:
        """Give an attempt what it asked or claimed."""
        self._live[index].told.append(value)
        self._orders[index % self._work.lanes].told.append((index, value))

    def turn(self, wait_s: float = 0.0) -> list[Event]:
        """Send what is to be sent, and return the events that have come; wait about so long for a first one.

        Raises what was raised in an attempt, and UserError where a lane dies again and again.
        """
        self._lanes = self._lanes or [_Process(number, self._work) for number in range(self._work.lanes)]
        for number, order in enumerate(self._orders):
            if order:
                self._lanes[number].send(order)
                self._orders[number] = Order()
        events: list[Event] = []
        by_channel = {lane.channel: lane for lane in self._lanes}
        for channel in wait(list(by_channel), wait_s):
            lane = by_channel[channel]  # type: ignore[index]
            try:
                while lane.channel.poll():
                    self._take(lane, lane.channel.recv(), events)
            except (EOFError, OSError):
                self._replace(lane)
        return events

    def noted(self) -> list[Noted]:
        """Return the outcomes to be logged that came since the last call."""
        noted, self._noted = self._noted, []
        return noted

    def keep_to_cores(self) -> None:
        """Let the lanes, and all below them, use the cores that this process may use now."""
        keep_with_this([lane.pid for lane in self._lanes])

    def close(self) -> None:
        """End all lanes and their sandboxes."""
        for lane in self._lanes:
            lane.hang_up()
        for lane in self._lanes:
            lane.end()

    def _take(self, lane: "_Process", report: Report, events: list[Event]) -> None:
        self._noted += report.noted
        lane.ran = report.ran
        if report.failure is not None:
            raise report.failure
        for index, number, event in report.events:
            if index not in self._live or self._live[index].wants != number:
                continue  # one that began again says once more what it wanted before
            self._live[index].wants += 1
            if isinstance(event, End):
                del self._live[index]
            events.append((index, number, event))

    def _replace(self, lane: "_Process") -> None:
        """Put a new process in the place of one that is gone, and let its attempts begin again."""
        why = lane.death()
        if lane.deaths >= MOST_DEATHS:
            raise UserError(
                f"a process that works on attempts ended {lane.deaths + 1} times ({why}); is there enough memory? "
                "Run again, answers so far are kept"
            )
        self._before = Ran(self._before.programs + lane.ran.programs, self._before.timeouts + lane.ran.timeouts)
        fresh = _Process(lane.number, self._work, lane.deaths + 1)
        self._lanes[lane.number] = fresh
        mine = sorted(index for index in self._live if index % self._work.lanes == lane.number)
        self._orders[lane.number] = Order(
            [(first, shard) for first, _, shard in self._shards],
            [(index, tuple(self._live[index].told)) for index in mine],
        )


class _Process:
    """The process of one lane, its channel, and a thread that writes to it, so that neither end waits for the other."""

    def __init__(self, number: int, work: Work, deaths: int = 0) -> None:
        self.number, self.deaths, self.ran = number, deaths, Ran()
        context = multiprocessing.get_context("spawn")
        self.channel, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(number, work, theirs), name=f"lane-{number}", daemon=True)
        self._process.start()
        theirs.close()
        self.pid: int = self._process.pid or 0
        self._outgoing: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="lane-writer", daemon=True).start()

    def send(self, order: Order) -> None:
        """Write an order, in the background."""
        self._outgoing.put(order)

    def death(self) -> str:
        """Wait until the process is gone, and say how it went."""
        self.hang_up()
        self.end()
        return f"exit code {self._process.exitcode}"

    def hang_up(self) -> None:
        """Close the channel, upon which the process ends by itself."""
        self._outgoing.put(None)
        self.channel.close()

    def end(self) -> None:
        """See to it that the process is gone."""
        self._process.join(CLOSE_S)
        self._process.kill()
        self._process.join()

    def _write(self) -> None:
        while (order := self._outgoing.get()) is not None:
            with suppress(OSError, ValueError):  # whoever reads from a dead process, or closed it, knows
                self.channel.send(order)


def _work(number: int, work: Work, channel: Connection) -> None:
    """Be a lane until the other end hangs up."""
    start_worker()
    log = OutcomeLog(work.log) if work.log else None
    lane = Lane(work.limits, work.workers, log.find if log else None, share=work.lanes)
    begun: dict[int, Attempt] = {}
    try:
        while True:
            while channel.poll(0 if lane.has_work else None):
                order: Order = channel.recv()
                for first, shard in order.shards:
                    attempts = enumerate(work.begin(shard), first)
                    begun |= {index: attempt for index, attempt in attempts if index % work.lanes == number}
                for index, told in order.starts:
                    lane.start(index, begun.pop(index), told)
                for index, value in order.told:
                    lane.tell(index, value)
                if not channel.poll():
                    break
            events = lane.turn(LOOK_S)
            noted = lane.noted()
            if events or noted:
                channel.send(Report(events, noted, lane.ran))
    except (EOFError, OSError):  # the parent hung up, or is gone
        pass
    except Exception as error:  # noqa: BLE001 - it is raised again in the parent
        with suppress(OSError):
            channel.send(Report([], lane.noted(), lane.ran, _portable(error)))
    finally:
        lane.close()


def _portable(error: Exception) -> Exception:
    """Return an error as it can be sent, with where it was raised; one that cannot be is told by its words."""
    trace = format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever keeps it from travelling
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error
