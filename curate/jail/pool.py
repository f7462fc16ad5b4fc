"""The parent's side of the sandbox: fork servers, one a worker, and the order of what they answer.

In: requests (dictionaries for `curate.jail.judge`, with their limits). Out: (request, reply) in input order, lazily, with a
bounded number under way. No request can hold the parent for ever or take it down: a server that dies or overstays is
replaced, and its request is answered `infra`.
"""

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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

HEADER = "=QQd"
"""What goes before a request: the lengths of its limits and its body, the seconds after which it is abandoned."""
_GRACE = 1.5
"""A first run goes on for this many times its CPU limit: one that ends between the two is run again on its own."""
_START_S = 60.0
_LOOK_S = 0.2
_AHEAD = 4
"""Requests under way for each worker: enough that one slow program does not leave the others idle."""
_KEPT_ENVIRONMENT = ("LD_LIBRARY_PATH", "TZ")
_BOOT = "import sys; sys.path.append({root!r}); from curate.jail.zygote import main; sys.path.pop(); main({level!r})"

Request = dict[str, Any]
Reply = dict[str, Any]


def run(requests: Iterable[Request], level: str, workers: int) -> Iterator[tuple[Request, Reply]]:
    """Yield (request, reply) in input order. `workers` 0 is one a core.

    What the machine may have caused (no reply, a timeout on the wall clock alone or close to the CPU limit, a kill from
    outside) is asked once more with nothing else running, and believed then.
    """
    workers = workers or len(os.sched_getaffinity(0))
    zygotes: queue.SimpleQueue[Zygote] = queue.SimpleQueue()
    every = [Zygote(level) for _ in range(workers)]
    for zygote in every:
        zygotes.put(zygote)

    def ask(request: Request) -> Reply:
        zygote = zygotes.get()
        try:
            return zygote.ask(request)
        finally:
            zygotes.put(zygote)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
    under_way: deque[tuple[Request, Future[Reply]]] = deque()
    try:
        for request in requests:
            under_way.append((request, pool.submit(ask, request)))
            if len(under_way) >= workers * _AHEAD:
                yield _settle(under_way, ask)
        while under_way:
            yield _settle(under_way, ask)
    finally:
        for zygote in every:
            zygote.closed = True
        pool.shutdown(cancel_futures=True)
        for zygote in every:
            zygote.stop()


def _settle(under_way: deque[tuple[Request, Future[Reply]]], ask: Any) -> tuple[Request, Reply]:
    request, future = under_way.popleft()
    reply = future.result()
    if _may_be_the_machine(request, reply):
        wait([other for _, other in under_way])
        reply = ask(request | {"alone": True})
    return request, reply


def _may_be_the_machine(request: Request, reply: Reply) -> bool:
    by_wall_clock = reply["verdict"] == "timeout" and reply.get("cpu_s", 0.0) < request["limits"]["cpu_s"]
    return bool(by_wall_clock or reply["verdict"] == "infra" or reply.get("doubtful")) and not reply.get("final")


def _environment() -> dict[str, str]:
    """Return all that a sample sees of an environment: nothing of the parent's but where libraries and zones are.

    A fixed hash seed gives every run the same order of sets. One thread for linear algebra: more would each take
    address space and a place among the processes.
    """
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return kept | threads | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


class Zygote:
    """One fork server and the pipes to it."""

    def __init__(self, level: str) -> None:
        self.level = level
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
            grace = 1 if request.get("alone") else _GRACE
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
            env=_environment(),
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
