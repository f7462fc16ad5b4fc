"""The fork server: one warm interpreter that forks a judge, and the judge a sample, for every request.

In, on descriptor 0: requests, each a header (two lengths, seconds it may take), the limits that the sample is held to
and a body, both JSON. Out, on descriptor 1: for each a length and a JSON reply. The server itself never reads a body, so
no test is in the memory of the processes it forks; the judge reads it after the sample has been forked from it.

It ends, and with it everything below, when the other end of descriptor 0 closes, be the parent killed or done.
"""

import gc
import importlib
import json
import os
import random
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from curate.sandbox.judge import judge_trial, make_calls, work_on_each
from curate.sandbox.session import Ends, Refused, Session, end_orphans
from curate.sandbox.walls import kernel
from curate.sandbox.walls.isolation import DESCRIPTORS, NAMESPACES, Walls, enter, renew

HEADER = "=QQd"
_END = b"\n"
"""Ends the judge's reply; JSON itself holds none."""
_TEST_CPU_S = 10
"""What a test may compute, besides twice the limit of the sample."""
WARM = [
    "bisect",
    "cmath",
    "collections.abc",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "typing",
]
"""What most programs import: loaded once here instead of once a trial."""


def main(level: str) -> None:
    """Serve requests until the parent goes away. The first reply says whether the level could be entered."""
    requests, replies = os.dup(0), os.dup(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the first process of a namespace is deaf to what it does not handle
    with suppress(OSError):  # where memory runs out, it is taken from here before it is from anybody else
        Path("/proc/self/oom_score_adj").write_text("1000")
    null = os.open("/dev/null", os.O_RDWR)
    try:
        walls = enter(level)
        os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = walls.scratch.own
        _warm_up()
    except (OSError, KeyError) as problem:
        _reply(replies, {"refused": str(problem)})
        return
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    kernel.hide_from_peers()
    kernel.adopt_orphans()
    gc.collect()
    gc.freeze()
    _reply(replies, {"ready": True})
    while header := os.read(requests, struct.calcsize(HEADER)):
        limits_length, length, patience_s = struct.unpack(HEADER, header)
        limits = json.loads(_read(requests, limits_length))
        _serve(renew(walls, 4 * int(limits["file_mb"])), limits, requests, replies, length, patience_s)
    if walls.level != NAMESPACES:
        walls.scratch.clear()
        os.rmdir(walls.scratch.folder)


def _warm_up() -> None:
    """Import and run once what every judge and sample will: what is set up before the fork is set up once."""
    for name in WARM:
        importlib.import_module(name)
    program = "def one(x: int) -> list[int]:\n    assert x == 1, 'no'\n    return [x for x in (1, 2)]\n"
    exec(compile(program, "<warm>", "exec"), {})
    json.loads(json.dumps({"a": [1, 2.5, None, True, "b"]}))
    random.seed(0)  # and so in every child: `kernel.fork` reseeds nothing


def _serve(walls: Walls, limits: dict[str, float], requests: int, replies: int, length: int, patience_s: float) -> None:
    """Fork the judge of one request, pass its reply on, end it; in namespaces in this order, as nothing else is left."""
    read_end, write_end = os.pipe()
    ends = Ends.open()
    judge = kernel.fork()
    if judge == 0:
        _become_judge(walls, limits, ends, requests, length, write_end)
    ends.close()
    os.close(write_end)
    reply, in_time = _await(read_end, requests, patience_s)
    os.close(read_end)
    at_once = bool(reply) and walls.level == NAMESPACES
    if at_once:
        _reply(replies, reply)
    os.kill(judge, signal.SIGKILL)
    _, status, usage = os.wait4(judge, 0)
    if walls.level != NAMESPACES:
        end_orphans(walls.level)
    if not at_once:
        _reply(replies, reply or _silence(in_time, status, usage))


def _await(read_end: int, requests: int, patience_s: float) -> tuple[bytes, bool]:
    """Return the judge's reply, empty where it gave none, and whether it ended in time.

    Gives up when the parent goes away.
    """
    deadline = time.monotonic() + patience_s
    poll = select.poll()
    poll.register(read_end, select.POLLIN)
    poll.register(requests, select.POLLHUP)
    chunks: list[bytes] = []
    while (left_s := deadline - time.monotonic()) > 0:
        events = dict(poll.poll(int(left_s * 1000) + 1))
        if events.get(requests, 0) & select.POLLHUP:
            break
        if read_end in events:
            chunk = os.read(read_end, 1 << 20)
            chunks.append(chunk)
            if chunk.endswith(_END):
                return b"".join(chunks), True
            if not chunk:
                return b"", True
    return b"", False


def _silence(in_time: bool, status: int, usage: resource.struct_rusage) -> dict[str, Any]:
    """Say why a judge gave no reply: it was held up by the values that the sample returned, or it failed."""
    cpu_s = usage.ru_utime + usage.ru_stime
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not in_time or (killed and cpu_s > _TEST_CPU_S):
        return {
            "verdict": "timeout",
            "detail": "the test did not come to an end on the values returned",
            "cpu_s": cpu_s,
        }
    return {"verdict": "infra", "detail": f"the judge ended without a reply (status {status}, {cpu_s:.1f} s)"}


def _become_judge(walls: Walls, limits: dict[str, float], ends: Ends, requests: int, length: int, replies: int) -> None:
    """Fork the sample first, read the request second: the sample's memory never held it."""
    try:
        session = Session(walls, limits, ends)
        started = time.monotonic()
        if walls.level != NAMESPACES:  # as the first process of its namespace it does both
            kernel.die_with_parent()
            kernel.adopt_orphans()
        reply = _work(session, json.loads(_read(requests, length)))
        session.close()
        reply |= {"cpu_s": session.cpu_s, "wall_s": time.monotonic() - started, "peak_mb": session.peak_mb}
        _write(replies, json.dumps(reply).encode() + _END)
    except BaseException:  # noqa: BLE001 (the last stop: whatever it is becomes a verdict)
        broken = {"verdict": "infra", "detail": traceback.format_exc()[-2000:]}
        _write(replies, json.dumps(broken).encode() + _END)
    finally:
        os._exit(0)


def _work(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    limits = request["limits"]
    _limit_judge(limits)
    try:
        if "together" in request:
            return work_on_each(session, request)
        reply = make_calls(session, request) if "arguments" in request else judge_trial(session, request)
    except Refused as problem:
        return {"verdict": "infra", "detail": str(problem)}
    session.close()
    reply["doubtful"] = "SIGKILL" in reply["detail"]  # it may have been short of memory because of others
    if session.cpu_s > limits["cpu_s"] and reply["verdict"] in ("pass", "timeout"):
        detail = f"more than {limits['cpu_s']:g} s of CPU time"
        reply |= {"verdict": "timeout", "detail": detail, "doubtful": reply["verdict"] == "pass"}
    return reply


def _limit_judge(limits: dict[str, float]) -> None:
    """Bound what hostile values can make a test do."""
    memory = (2 * int(limits["memory_mb"]) + 1024) << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    cpu_s = _TEST_CPU_S + 2 * int(limits["cpu_s"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))


def _reply(descriptor: int, message: Any) -> None:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    _write(descriptor, struct.pack("=Q", len(body)) + body)


def _read(descriptor: int, count: int) -> bytes:
    chunks: list[bytes] = []
    while count:
        chunk = os.read(descriptor, min(count, 1 << 20))
        if not chunk:
            raise EOFError("the request was cut short")
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main(sys.argv[1])
