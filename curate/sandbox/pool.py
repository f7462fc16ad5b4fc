"""The parent's side of the sandbox: fork servers, one a worker, and the order of what they answer.

In: requests (dictionaries for `curate.sandbox.judge`, with their limits). Out: their replies, as they come (`Pool`) or in
input order with a bounded number under way (`run`). No request can hold the parent for ever or take it down: a server
that dies or overstays is replaced, and its request is answered `infra`. A slow one holds its own worker alone.
"""

import heapq
import itertools
import json
import os
import queue
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

HEADER = "=QQd"
"""What goes before a request: the lengths of its limits and its body, the seconds after which it is abandoned."""
_GRACE = 1.5
"""A first run goes on for this many times its CPU limit: one that ends between the two is run again on its own."""
_START_S = 60.0
_LOOK_S = 0.2
_AHEAD = 4
"""Requests handed to the threads for each worker: enough that they go on while the owner of the pool is busy."""
WINDOW = 64
"""Requests under way or answered for each worker of `run`: one slow program at the head does not leave others idle."""
MANY = 32
LONG_S = 10.0
"""What is set aside waits so long at most, or until there are so many, for the pool to fall quiet."""
_KEPT_ENVIRONMENT = ("LD_LIBRARY_PATH", "TZ")
_BOOT = "import sys; sys.path.append({root!r}); from curate.sandbox.zygote import main; sys.path.pop(); main({level!r})"

MOST_SHARING = 16
"""Programs that one process runs, one after the other."""
EACH = "each_cpu_s"
"""Stands in requests that may share a process: the CPU seconds that each has there. Who needs more is asked apart."""
SHARED = ("limits", "leashed", EACH)
"""What requests in one process have in common."""

Request = dict[str, Any]
Reply = dict[str, Any]
Asked = tuple[int, int, Any, Request]
"""Rank, number, key, request."""


def run(requests: Iterable[Request], level: str, workers: int, hash_seed: int = 0) -> Iterator[tuple[Request, Reply]]:
    """Yield (request, reply) in input order, lazily. `workers` 0 is one a core."""
    pool = Pool(level, workers, hash_seed=hash_seed)
    answered: dict[int, tuple[Request, Reply]] = {}
    head = count = 0
    more, ended = iter(requests), False
    most = full = pool.workers * WINDOW
    try:
        while not ended:
            request = next(more, None)
            ended = request is None
            if request is not None:
                most = pool.workers * (3 * MOST_SHARING if EACH in request else _AHEAD)
                pool.submit(count, request)
                count += 1
            while head < count and (head in answered or ended or pool.under_way >= most or count - head >= full):
                if head in answered:
                    yield answered.pop(head)
                    head += 1
                else:
                    answered |= {key: (asked, reply) for key, asked, reply in pool.take(_LOOK_S)}
    finally:
        pool.close()


class Pool:
    """Fork servers, one a worker, that take requests at any time and answer in any order. Owned by one thread.

    What the machine may have caused (no reply, a timeout on the wall clock alone or close to the CPU limit, a kill from
    outside) is set aside and asked once more when nothing else runs, and believed then. Nothing else runs when all is
    done; before that, the pool falls quiet for those set aside once there are `MANY` of them, or one waits `LONG_S`.
    """

    def __init__(self, level: str, workers: int = 0, *, together: int = 1, hash_seed: int = 0) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self._together = max(1, together)
        """How many of those set aside are asked at once: more than one is less strict, for calls that judge nobody."""
        self._zygotes: queue.LifoQueue[Zygote] = queue.LifoQueue()  # those that run already come first
        self._every = [Zygote(level, hash_seed) for _ in range(self.workers)]
        for zygote in self._every:
            self._zygotes.put(zygote)
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
        self._done: queue.SimpleQueue[tuple[list[Asked], Future[Reply]]] = queue.SimpleQueue()
        self._waiting: list[Asked] = []
        """A heap: the lowest rank first, then what came first."""
        self._count = itertools.count()
        self._doubtful: deque[Asked] = deque()
        self._first_doubt = 0.0
        self._running = self._exchanges = 0
        """Requests that servers have, and in how many exchanges."""
        self._quiet = False

    @property
    def under_way(self) -> int:
        """How many requests are being answered, or will be before any that was set aside."""
        return len(self._waiting) + self._running

    @property
    def outstanding(self) -> int:
        """How many requests have no answer yet."""
        return len(self._waiting) + len(self._doubtful) + self._running

    def submit(self, key: Any, request: Request, rank: int = 0) -> None:
        """Add a request; `key` comes back with its reply. A lower rank goes before what waits already."""
        heapq.heappush(self._waiting, (rank, next(self._count), key, request))
        idle = self._exchanges < self.workers
        if idle or EACH not in request or len(self._waiting) >= 2 * self.workers * MOST_SHARING:
            self._send_more()

    def take(self, wait_s: float) -> list[tuple[Any, Request, Reply]]:
        """Return the replies that are there, with their keys; wait about so long for a first one."""
        answered: list[tuple[Any, Request, Reply]] = []
        self._send_more()
        while self._running and (wait_s > 0 or not self._done.empty()):
            try:
                asked, future = self._done.get(timeout=max(wait_s, 0.001))
            except queue.Empty:
                break
            self._running -= len(asked)
            self._exchanges -= 1
            for each, reply in self._settled(asked, future.result()):
                *_, key, request = each
                if not request.get("alone") and _may_be_the_machine(request, reply):
                    self._first_doubt = self._first_doubt if self._doubtful else time.monotonic()
                    self._doubtful.append(each)
                else:
                    answered.append((key, request, reply))
                    wait_s = 0.0  # for the first only
            self._send_more()
        return answered

    def close(self) -> None:
        """Stop the servers; what they work on is given up."""
        for zygote in self._every:
            zygote.closed = True
        self._threads.shutdown(cancel_futures=True)
        for zygote in self._every:
            zygote.stop()

    def _settled(self, asked: list[Asked], reply: Reply) -> Iterator[tuple[Asked, Reply]]:
        """Yield the requests that have their reply; let those begin again that were asked together and have none."""
        if len(asked) == 1 and EACH not in asked[0][-1]:
            yield asked[0], reply
            return
        replies = reply.get("replies", [None] * len(asked))
        for each, own in zip(asked, replies, strict=False):
            if own is not None:
                yield each, own
            else:
                heapq.heappush(self._waiting, _apart(each))
        for each in asked[len(replies) :]:  # they stood behind one that ended the process
            heapq.heappush(self._waiting, each)

    def _send_more(self) -> None:
        """Keep the workers busy, or let them fall quiet for what was set aside."""
        if self._doubtful and not self._quiet:
            waited_s = time.monotonic() - self._first_doubt
            idle = not self._waiting and not self._running
            self._quiet = idle or len(self._doubtful) >= MANY or waited_s > LONG_S
        if self._quiet and not self._running:
            for _ in range(min(self._together, len(self._doubtful))):
                rank, count, key, request = self._doubtful.popleft()
                self._send([(rank, count, key, request | {"alone": True})])
            self._quiet = self._running > 0
        while not self._quiet and self._waiting and self._exchanges < self.workers * _AHEAD:
            self._send_next()

    def _send_next(self) -> None:
        """Send what comes next, those that may run together as one: fewer at the end, so that no worker is the last."""
        count = max(1, min(MOST_SHARING, len(self._waiting) // (2 * self.workers)))
        together: list[Asked] = []
        for asked in [heapq.heappop(self._waiting) for _ in range(count)]:
            request = asked[-1]
            if EACH in request and (not together or request["limits"] == together[0][-1]["limits"]):
                together.append(asked)
            else:
                self._send([_apart(asked)])
        if together:
            self._send(together)

    def _send(self, asked: list[Asked]) -> None:
        self._running += len(asked)
        self._exchanges += 1
        first = asked[0][-1]
        programs = (
            [{name: value for name, value in request.items() if name not in SHARED} for *_, request in asked]
            if EACH in first
            else []
        )
        shared = {name: first.get(name) for name in SHARED}
        request = shared | {"together": programs} if programs else first
        future = self._threads.submit(self._ask, request)
        future.add_done_callback(lambda done: self._done.put((asked, done)))

    def _ask(self, request: Request) -> Reply:
        zygote = self._zygotes.get()
        try:
            return zygote.ask(request)
        finally:
            self._zygotes.put(zygote)


def _apart(asked: Asked) -> Asked:
    return (*asked[:-1], {name: value for name, value in asked[-1].items() if name != EACH})


def _may_be_the_machine(request: Request, reply: Reply) -> bool:
    by_wall_clock = reply["verdict"] == "timeout" and reply.get("cpu_s", 0.0) < request["limits"]["cpu_s"]
    return bool(by_wall_clock or reply["verdict"] == "infra" or reply.get("doubtful")) and not reply.get("final")


def _environment(hash_seed: int) -> dict[str, str]:
    """Return all that a sample sees of an environment: nothing of the parent's but where libraries and zones are.

    A fixed hash seed gives every run the same order of sets. One thread for linear algebra: more would each take
    address space and a place among the processes.
    """
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return kept | threads | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": str(hash_seed)}


class Zygote:
    """One fork server and the pipes to it."""

    def __init__(self, level: str, hash_seed: int) -> None:
        self.level, self.hash_seed = level, hash_seed
        self.closed = False
        """Set when no more is wanted: a request under way is then given up within `_LOOK_S`."""
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to one request; where there is none, verdict `infra` and a new server for the next."""
        limits = request["limits"]
        patience_s = 10 * limits["wall_s"] + 60  # for a machine so busy that a program rarely gets its turn
        try:
            if self._process is None:
                self._start()
            grace = 1 if request.get("alone") or request.get("leashed") or EACH in request else _GRACE
            held_to = json.dumps(limits | {"cpu_s": grace * limits["cpu_s"]}).encode()
            body = json.dumps(request).encode()
            header = struct.pack(HEADER, len(held_to), len(body), patience_s)
            reply = self._exchange(header + held_to + body, patience_s + 10)
        except (OSError, EOFError, ValueError) as problem:
            reply = {"verdict": "infra", "detail": f"{type(problem).__name__}: {problem}"}
        if reply["verdict"] == "infra" and not reply.get("final"):
            self.stop()
        return reply

    def stop(self) -> None:
        """End the server and everything below it; the next request starts a new one."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()

    def _start(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        code = _BOOT.format(root=root, level=self.level)
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self.hash_seed),
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        hello = self._exchange(b"", _START_S)
        if "refused" in hello:
            raise OSError(hello["refused"])

    def _exchange(self, data: bytes, patience_s: float) -> dict[str, Any]:
        """Write and read without ever waiting for ever."""
        if self._process is None or self._process.stdout is None or self._process.stdin is None:
            raise EOFError("the fork server is not running")
        reader, writer = self._process.stdout.fileno(), self._process.stdin.fileno()
        os.set_blocking(writer, False)
        deadline, outgoing, incoming = time.monotonic() + patience_s, memoryview(data), bytearray()
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        if outgoing:
            poll.register(writer, select.POLLOUT)
        while time.monotonic() < deadline and not self.closed:
            ready = dict(poll.poll(1000 * _LOOK_S))
            if writer in ready:
                outgoing = outgoing[os.write(writer, outgoing[:65536]) :]
                if not outgoing:
                    poll.unregister(writer)
            if reader in ready:
                chunk = os.read(reader, 1 << 20)
                if not chunk:
                    raise EOFError("the fork server ended")
                incoming += chunk
                if len(incoming) >= 8 and len(incoming) == 8 + struct.unpack_from("=Q", incoming)[0]:
                    reply: dict[str, Any] = json.loads(bytes(incoming[8:]))
                    return reply
        raise EOFError("the fork server does not answer")
