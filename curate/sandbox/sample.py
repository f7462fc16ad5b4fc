"""The sample's own process: runs the program and answers calls, one at a time, with values.

In: requests on one descriptor, each an operation on values and on objects of this process. Out: the value, or the
exception, of that operation. Nothing here is trusted once the program has started: it shares the interpreter and may
rewrite all of this. It holds no test and no expected value, so the worst it can do is answer a call wrongly.

What is not plain (functions, instances, generators) stays here; the judge gets a numbered handle to it.
"""

import errno
import json
import operator
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

from curate.sandbox.values import MAX_BYTES, NotPlain, decode, encode, encode_as, refuse
from curate.sandbox.walls.isolation import Walls, confine

CHANNEL = 3
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_FILE = "<sample>"
_MODULE = "sample"
TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (object, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, type(None))
}
MODULES = {
    "cmath",
    "collections",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "math",
    "numpy",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "sys",
    "typing",
}
"""Modules that travel by name: a test may use those that the program imported, and gets its own."""
_BLOCKED = {errno.EPERM, errno.EACCES, errno.EROFS, errno.EAGAIN, errno.EMFILE}
_FULL = {errno.EFBIG, errno.ENOSPC, errno.EDQUOT}


STOP = signal.SIGURG
"""By it the judge asks for the end of a call. Between calls, and in programs that share no process, it does nothing."""
STOPPED = {"stopped": True}
"""The last answer to calls of which one was stopped."""


def receive(channel: int) -> Any:
    """Read one message; None at the end of the channel."""
    header = _read(channel, 8)
    return json.loads(_read(channel, struct.unpack("=Q", header)[0])) if header else None


def frame(message: Any) -> bytes:
    """Return one message as the bytes that `receive` reads."""
    body = _to_json(message).encode()
    return struct.pack("=Q", len(body)) + body


def serve(walls: Walls, limits: Mapping[str, float]) -> None:
    """Confine this process, say so, then answer operations until the channel closes."""
    own = os.getpid()
    try:
        confine(walls, limits)
    except (OSError, ValueError, KeyError) as problem:
        _send({"refused": f"{type(problem).__name__}: {problem}"})
        return
    _send({"ready": True})
    sample = Sample()
    while (request := receive(CHANNEL)) is not None:
        if request["do"] == "load":  # nothing of an earlier program is left to this one
            sample = Sample()
        for answer in sample.answers(request):
            if os.getpid() != own:  # a child of the program came back here: it is not the one that was asked
                os._exit(0)
            _send(answer)


class Stopped(BaseException):
    """Raised in a call that has had its time."""


class Stop:
    """The handler of `STOP`: raises once, in a call. Whatever the program makes of that, `came` says that it came."""

    def __init__(self) -> None:
        self.in_call = self.came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.in_call and not self.came:
            self.came = True
            raise Stopped


class NotPython(Exception):
    """The program does not compile."""


class Sample:
    """The program's namespace and the objects that the judge holds handles to."""

    def __init__(self) -> None:
        self.module = ModuleType(_MODULE)
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.operations: Mapping[str, Callable[..., Any]] = {
            "load": self.load,
            "setup": self.setup,
            "call": lambda function, *arguments, **named: function(*arguments, **named),
            "getattr": getattr,
            "setattr": setattr,
            "getitem": operator.getitem,
            "len": len,
            "iter": iter,
            "next": next,
            "bool": bool,
            "str": str,
            "eq": operator.eq,
        }

    def answers(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Perform one request, or `call_each`: {"function", "rows", "stops"} -> an answer a row, in order.

        With `stops`, a call can be stopped: `STOPPED` is the last answer then.
        """
        if request["do"] != "call_each":
            yield self.answer(request)
            return
        function, stop = self.resolve(request["function"]), Stop()
        if request["stops"]:
            signal.signal(STOP, stop)
        for row in request["rows"]:
            with suppress(Stopped):
                stop.in_call = True
                answer = self.called(function, row)
                stop.in_call = False
            if stop.came:
                yield STOPPED
                return
            yield answer

    def called(self, function: Callable[..., Any], row: list[Any]) -> dict[str, Any]:
        """Call a function with plain arguments of its own: {"value"} or {"raised"}."""
        try:
            value = function(*decode(row))
            sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))
            return {"value": encode(value, self.export)}
        except BaseException as problem:  # noqa: BLE001 (the program may raise anything, and all of it is an answer)
            return {"raised": describe(problem)}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Perform one request: {"do", "args", "named"} -> {"value"} (and "args", if it changed them) or {"raised"}."""
        try:
            arguments = decode(request["args"], self.resolve)
            named = decode(request["named"], self.resolve)
            value = self.operations[request["do"]](*arguments, **named)
            sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))
            reply = {"value": encode(value, self.export)}
            if request["do"] == "call":
                reply |= self.changes(request["args"], arguments)
        except BaseException as problem:  # noqa: BLE001 (the program may raise anything, and all of it is an answer)
            return {"raised": describe(problem)}
        return reply

    def changes(self, before: list[Any], arguments: list[Any]) -> dict[str, Any]:
        """Return the arguments as they are now, if the call changed any: tests look at lists sorted in place."""
        if not any(type(part) is list for part in before[1:]):
            return {}
        try:
            after = encode(arguments, self.export)
        except NotPlain:
            return {}
        return {} if after == before else {"args": after}

    def load(self, source: str, entry_point: str, names: list[str]) -> dict[str, Any]:
        """Compile and run the program. Returns those of `names` that it defines. Raises NotPython."""
        sys.modules[_MODULE] = self.module
        try:
            code = compile(source, _FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, OverflowError) as problem:
            raise NotPython(f"{type(problem).__name__}: {problem}") from None
        exec(code, self.module.__dict__)
        return self.offer([entry_point, *names])

    def setup(self, source: str, names: list[str]) -> dict[str, Any]:
        """Run trusted code in the program's namespace. Returns those of `names` that are defined then."""
        exec(compile(source, "<setup>", "exec", dont_inherit=True), self.module.__dict__)
        return self.offer(names)

    def offer(self, names: list[str]) -> dict[str, Any]:
        """Return the program's values by name, where they can travel."""
        found = {}
        for name in names:
            if name in self.module.__dict__:
                value = self.module.__dict__[name]
                try:
                    encode(value, self.export)
                except NotPlain:
                    continue
                found[name] = value
        return found

    def resolve(self, tag: list[Any]) -> Any:
        """Return the object behind a handle or the name of a type or module."""
        kind, key = tag
        return TYPES[key] if kind == "T" else sys.modules[key] if kind == "M" else self.objects[key]

    def export(self, value: Any) -> list[Any]:
        """Reduce a subclass of a plain or standard type to it; give anything else a handle."""
        kind = type(value)
        for base in kind.__mro__[1:]:
            standard = encode_as(value, base, self.export)
            if standard is not None:
                return standard  # type: ignore[no-any-return]
            if base in _REDUCTIONS:
                return encode(_REDUCTIONS[base](value), self.export)  # type: ignore[no-any-return]
        if kind is ModuleType and value.__name__ in MODULES:
            return ["M", value.__name__]
        if isinstance(value, type) and kind is type and TYPES.get(value.__name__) is value:
            return ["T", value.__name__]
        if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
            return encode(value.item(), refuse)  # type: ignore[no-any-return]
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return ["o", number, kind.__name__[:80], callable(value)]


_REDUCTIONS: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: bytes.__bytes__,
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}


def describe(problem: BaseException) -> dict[str, Any]:
    """Return what the judge needs of an exception: its name, its built-in base, its text, its line, what caused it."""
    kind = type(problem)
    base = next((base.__name__ for base in kind.__mro__ if base.__module__ == "builtins"), "Exception")
    try:
        text = str(problem)[:300]
    except Exception:  # noqa: BLE001 (a program's own __str__)
        text = ""
    line, trace = None, problem.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == _FILE else line
        trace = trace.tb_next
    return {
        "type": kind.__name__[:80],
        "base": base,
        "text": text,
        "line": line,
        "cause": _cause(problem),
    }


def _cause(problem: BaseException) -> str:
    """Say which verdict besides `error` an exception stands for, if any."""
    chain: list[BaseException] = []
    link: BaseException | None = problem
    while link is not None and len(chain) < 10:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for link in chain:
        if isinstance(link, NotPython):
            return "syntax"
        if isinstance(link, MemoryError):
            return "memory"
        if isinstance(link, NotPlain):
            return "output"
        if isinstance(link, socket.gaierror) or (isinstance(link, OSError) and link.errno in _BLOCKED):
            return "forbidden"
        if isinstance(link, OSError) and link.errno in _FULL:
            return "output"
        if isinstance(link, RuntimeError) and "can't start new thread" in str(link):
            return "forbidden"
    return ""


def _read(channel: int, count: int) -> bytes:
    chunks = []
    while count:
        chunk = os.read(channel, min(count, 1 << 20))
        if not chunk:
            return b""
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _send(message: Any) -> None:
    data = memoryview(frame(message))
    if len(data) > MAX_BYTES:
        data = memoryview(frame({"raised": describe(NotPlain(f"a value of more than {MAX_BYTES >> 20} MB"))}))
    while data:
        data = data[os.write(CHANNEL, data) :]
