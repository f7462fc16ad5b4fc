"""The judge's end of a sample: starts its process, exchanges messages with it, holds it to its limits, ends it.

In: limits and requests. Out: replies, or `Ended` with the verdict that ended the program. CPU time decides: it is read
from the process's own clock while the judge waits, and from rusage when it is gone; wall time, less the time spent in
line for a processor, only backs it up.
Replies are JSON of bounded size and are believed in nothing: anything malformed is a `crash` of the sample.
"""

import json
import os
import resource
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from curate.sandbox.sample import CHANNEL, STOP, STOPPED, frame, serve
from curate.sandbox.values import MAX_BYTES
from curate.sandbox.walls import kernel, watch
from curate.sandbox.walls.isolation import DESCRIPTORS, NAMESPACES, Walls

_from_json = json.JSONDecoder(parse_constant=float).decode  # a new nan each time: no two are equal, not even in a list
_LOOK_S = 0.25
"""At most this long between two looks at what the sample uses: it may run on several cores."""
_TO_STOP_S = 0.01
"""CPU seconds for a call to stop when it is asked to. What runs no bytecode (a sum without end) has to be killed."""
_STOPPED = frame(STOPPED)


class Ended(BaseException):
    """The program is over. Not an Exception, so that no `except` clause of a test takes it for an answer."""

    def __init__(self, verdict: str, detail: str) -> None:
        super().__init__(verdict, detail)
        self.verdict = verdict
        self.detail = detail


class Refused(Exception):
    """The sample's process could not be confined: the harness failed, not the sample."""


class Ends(NamedTuple):
    """Descriptors between a judge and a sample: both ends of the channel, and of what the sample prints."""

    channel: int
    theirs: int
    output: int
    printed: int

    @classmethod
    def open(cls) -> "Ends":
        """Return new ones."""
        ours, theirs = socket.socketpair()
        return cls(ours.detach(), theirs.detach(), *os.pipe())

    def close(self) -> None:
        """Close all of them."""
        for descriptor in self:
            os.close(descriptor)


class Session:
    """One sample's process, from fork to reaping."""

    def __init__(self, walls: Walls, limits: Mapping[str, float], ends: Ends) -> None:
        """Fork the process. It confines itself while the judge goes on, up to the judge's first message.

        The fork comes first: a page that the judge has written to before it would be copied twice.
        """
        self._pid = kernel.fork()
        if self._pid == 0:
            _become_sample(ends, walls, limits)
        self._walls = walls
        self._limits = limits
        self.ended: Ended | None = None
        self.cpu_s = 0.0
        self.peak_mb = 0.0
        self.output_bytes = 0
        self.silence_s: float | None = None
        """CPU seconds after whose end without a word a call is asked to stop; None: it is not asked, but killed when all
        its time is up."""
        self.stopped = self._confined = False
        self._dies_at_s: float | None = None
        """CPU seconds of the program at which it is killed, once it was asked to stop."""
        self._outgoing = memoryview(b"")
        self._incoming = bytearray()
        self._before_s = 0.0
        """CPU seconds of earlier programs."""
        self.silent_since_s = 0.0
        """CPU seconds that the program had used when it last said something."""
        self._waited_s = 0.0
        self._queued_s = 0.0
        self._looked = time.monotonic()
        self._channel, theirs, self._output, printed = ends
        os.close(theirs)
        os.close(printed)
        os.set_blocking(self._channel, False)
        os.set_blocking(self._output, False)
        self._handle = os.pidfd_open(self._pid)
        self._clock = (~self._pid << 3) | 2  # CPUCLOCK_SCHED of that process, as clock_getcpuclockid(3) makes it
        self._reaped = False

    def exchange(self, message: Any) -> dict[str, Any]:
        """Send one message, return the reply. Raises Ended, then and ever after, once the program is over.

        Raises Refused, the first time, where the process could not be confined: it has seen no program then.
        """
        self._see_it_confined()
        self._begin([message])
        return self._reply()

    def exchange_one_for(self, message: Any, count: int) -> Iterator[dict[str, Any]]:
        """Send one message and yield the `count` replies to it, in their order.

        The process goes on without waiting for this one: a call costs a third. Replies that were written before the
        program was over are yielded before Ended is raised. Where a call was stopped, Ended is raised all the same, but
        the process is there for the next program.
        """
        self._see_it_confined()
        self._begin([message])
        for _ in range(count):
            reply = self._reply(to_the_last=True)
            if self._dies_at_s is not None and reply == STOPPED:
                self.stopped = True
                raise self._out_of_time()
            yield reply

    def next_program(self, cpu_s: float, silence_s: float | None) -> None:
        """Count from now on: another program begins in the same process, which gets so many CPU seconds.

        `silence_s` is right for calls alone: what is raised in a test may be caught by it.
        """
        self._see_it_confined()
        self.silence_s, self.stopped, self._dies_at_s = silence_s, False, None
        self._limits = {**self._limits, "cpu_s": cpu_s}
        self._before_s, self.silent_since_s = self._cpu_now(), 0.0
        self._waited_s = 0.0
        self.output_bytes = 0

    def spent_s(self) -> float:
        """Return the CPU seconds of this program so far."""
        return (self.cpu_s if self._reaped else self._cpu_now()) - self._before_s

    def _see_it_confined(self) -> None:
        if self._confined:
            return
        self._confined = True
        self._begin([])
        try:
            reply = self._reply()
        except Ended as end:
            raise Refused(f"the sample's process ended while it was confined: {end.detail}") from None
        if "refused" in reply:
            raise Refused(reply["refused"])

    def _begin(self, messages: Sequence[Any]) -> None:
        self._outgoing = memoryview(b"".join(map(frame, messages)))
        self._incoming = bytearray()

    def _reply(self, *, to_the_last: bool = False) -> dict[str, Any]:
        """Return the next reply. `to_the_last` returns also those that came before the program was over."""
        if self.ended is None:
            started = time.monotonic()
            try:
                return self._converse(started)
            except Ended as end:
                self.ended = end
                while to_the_last and not self._reaped and len(self._incoming) < MAX_BYTES and self._read() > 0:
                    pass
                self.close()
            finally:
                self._waited_s += time.monotonic() - started
        left = _complete(self._incoming) if to_the_last else None
        if left is None:
            raise self.ended
        return left

    def close(self) -> None:
        """Kill everything the program left and take its CPU time and peak memory. May be called again."""
        if self._reaped:
            return
        self._reaped = True
        with suppress(ProcessLookupError):  # before it could make itself the leader of a group
            os.killpg(self._pid, signal.SIGKILL)  # all of the group at once, however fast it forks
        os.kill(self._pid, signal.SIGKILL)
        self._status, usage = os.wait4(self._pid, 0)[1:]
        end_orphans(self._walls.level)
        everything = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_s = everything.ru_utime + everything.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024
        for descriptor in (self._channel, self._output, self._handle):
            os.close(descriptor)

    def _converse(self, started: float) -> dict[str, Any]:
        reply = _complete(self._incoming)
        if reply is not None:
            return reply
        poll = select.poll()
        poll.register(self._channel, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        poll.register(self._output, select.POLLIN)
        poll.register(self._handle, select.POLLIN)
        while True:
            events = dict(poll.poll(self._patience_ms(started)))
            if events.get(self._output, 0) and not self._drain():
                poll.unregister(self._output)
            if self._outgoing and events.get(self._channel, 0) & select.POLLOUT:
                self._write()
                if not self._outgoing:
                    poll.modify(self._channel, select.POLLIN)
            if events.get(self._channel, 0) & (select.POLLIN | select.POLLHUP):
                came = self._read()
                reply = _complete(self._incoming)
                if reply is not None:
                    return reply
                if came == 0:
                    poll.unregister(self._channel)
                elif came > 0:  # there may be more of what it wrote before it ended
                    continue
            if self._handle in events:
                raise self._death()

    def _patience_ms(self, started: float) -> int:
        """Return how long to wait before the next look. Raises Ended where a limit is passed."""
        now = time.monotonic()
        cpu_left = self._cpu_left_s()
        wall_left = self._limits["wall_s"] + self._queued_s - self._waited_s - (now - started)
        if cpu_left <= 0:
            raise self._out_of_time()
        if wall_left <= 0:
            known, self._queued_s = self._queued_s, watch.queued_s(self._walls.proc, self._handle)
            wall_left += self._queued_s - known
        if wall_left <= 0:
            raise Ended("timeout", f"more than {self._limits['wall_s']:g} s of wall time")
        if now - self._looked > _LOOK_S:
            self._looked = now
            self._look_at_all()
        return 1 + int(1000 * min(cpu_left, wall_left, _LOOK_S))

    def _cpu_left_s(self) -> float:
        """Return the CPU seconds up to the next decision. Asks a call to stop where it is time to."""
        spent_s = self.spent_s()
        left_s = self._limits["cpu_s"] - spent_s
        if self.silence_s is None:
            return left_s
        if self._dies_at_s is None:
            silence_left_s = self.silence_s - (spent_s - self.silent_since_s)
            if left_s > 0 and (silence_left_s > 0 or select.select([self._channel], [], [], 0)[0]):
                return min(left_s, max(silence_left_s, 0.001))
            self._dies_at_s = spent_s + _TO_STOP_S
            os.kill(self._pid, STOP)
        return self._dies_at_s - spent_s

    def _look_at_all(self) -> None:
        """Hold all processes and files of the program to what the kernel holds each one to. Raises Ended."""
        cpu_s, memory_mb = watch.usage(self._walls.proc)
        if cpu_s - self._before_s > self._limits["cpu_s"]:
            raise self._out_of_time()
        if memory_mb > self._limits["memory_mb"]:
            raise Ended("memory", f"its processes held more than {self._limits['memory_mb']:g} MB together")
        files_mb = 4 * int(self._limits["file_mb"])
        if self._walls.scratch.is_over(files_mb):
            raise Ended("output", f"stored more than {files_mb} MB, or too many files")

    def _out_of_time(self) -> Ended:
        least_s = self._limits["cpu_s"] if self.silence_s is None else self.silence_s
        return Ended("timeout", f"more than {least_s:g} s of CPU time")

    def _cpu_now(self) -> float:
        try:
            return time.clock_gettime(self._clock)
        except OSError:  # it has just ended
            return 0.0

    def _drain(self) -> bool:
        """Count and discard what the program printed; False at its end. Raises Ended over the budget."""
        try:
            chunk = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return True
        self.output_bytes += len(chunk)
        if self.output_bytes > self._limits["output_kb"] * 1024:
            raise Ended("output", f"printed more than {self._limits['output_kb']:g} kB")
        return bool(chunk)

    def _write(self) -> None:
        try:
            self._outgoing = self._outgoing[os.write(self._channel, self._outgoing[: 1 << 20]) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):  # its death is reported by the handle
            self._outgoing = memoryview(b"")

    def _read(self) -> int:
        """Take in what is there; return how many bytes, 0 at the end of the channel, -1 where nothing is there yet."""
        try:
            chunk = os.read(self._channel, 1 << 20)
        except BlockingIOError:
            return -1
        except ConnectionResetError:
            return 0
        self._incoming += chunk
        if chunk != _STOPPED:
            self.silent_since_s = self.spent_s()
        return len(chunk)

    def _death(self) -> Ended:
        self.close()
        if not os.WIFSIGNALED(self._status):
            return Ended("crash", f"left with exit code {os.waitstatus_to_exitcode(self._status)} before it answered")
        number = os.WTERMSIG(self._status)
        if number == signal.SIGXCPU or (number == signal.SIGKILL and self.cpu_s > self._limits["cpu_s"]):
            return self._out_of_time()
        if number == signal.SIGXFSZ:
            return Ended("output", "wrote a file over the limit")
        if number == signal.SIGSYS:
            return Ended("forbidden", "killed at a blocked system call")
        names = {member.value: member.name for member in signal.Signals}  # not all numbers have one
        return Ended("crash", f"died of {names.get(number, f'signal {number}')}")


def _complete(incoming: bytearray) -> dict[str, Any] | None:
    """Take the first reply out if it is all there, and return it. Raises Ended where it is none."""
    if len(incoming) < 8:
        return None
    (length,) = struct.unpack_from("=Q", incoming)
    if length > MAX_BYTES:
        raise Ended("output", "an answer over the size limit")
    if len(incoming) < 8 + length:
        return None
    try:
        reply = _from_json(incoming[8 : 8 + length].decode())
    except (ValueError, RecursionError):
        raise Ended("crash", "wrote into the channel of answers") from None
    except MemoryError:
        raise Ended("memory", "an answer too large for the judge") from None
    if not isinstance(reply, dict):
        raise Ended("crash", "wrote into the channel of answers")
    del incoming[: 8 + length]
    return reply


def _become_sample(ends: Ends, walls: Walls, limits: Mapping[str, float]) -> None:
    """Give the child its four descriptors, and the rules it will close; serve until the end."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(ends.printed, 1)
    os.dup2(ends.printed, 2)
    os.dup2(ends.theirs, CHANNEL)
    kept = CHANNEL if walls.ruleset is None else walls.ruleset
    os.closerange(CHANNEL + 1, kept)
    os.closerange(kept + 1, DESCRIPTORS)
    try:
        serve(walls, limits)
    finally:
        os._exit(0)


def end_orphans(level: str) -> None:
    """Kill and reap what the sample left running; all of it has become this process's, directly or in the end."""
    if level == NAMESPACES:  # as the first process of its namespace the judge reaches all but itself
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    try:
        while True:
            if os.waitpid(-1, 0 if level == NAMESPACES else os.WNOHANG) == (0, 0):
                for child in _children():
                    os.kill(child, signal.SIGKILL)
                os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _children() -> list[int]:
    """Return this process's children: those whose status file names it as the parent."""
    children = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[1]
            except OSError:  # it has ended meanwhile
                continue
            if int(parent) == os.getpid():
                children.append(int(name))
    return children
