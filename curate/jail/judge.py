"""The judge: a process that holds the test and its expected values, and asks the sample's process for values.

In: one request (a trial, or calls to make). Out: one verdict with its reasons. The test is trusted code and runs here;
`candidate` and every other name it takes from the program are handles whose calls travel to the sample and come back
as plain values. Comparisons happen here, on values of exact built-in types, so there is nothing a sample can overload.

What is not plain stays with the sample as a `Remote`: it can be called, read, iterated and passed back. Compared with a
plain value it is unequal. Two of them can only be compared by the sample itself; a verdict that rests on that says so
in its detail (`in-process`).
"""

import builtins
import importlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

from curate.jail.sample import _TYPES as TYPES
from curate.jail.session import Ended, Session
from curate.jail.values import NotPlain, decode, encode, literal, refuse

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
}
MODULES |= {"numpy", "operator", "random", "re", "statistics", "string", "sys", "typing"}
"""Modules that a test may use by the name under which the program imported them; imported here afresh."""
CAUSES = {"memory", "output", "forbidden", "syntax"}
_BUILTINS = frozenset(dir(builtins))
IN_PROCESS = "in-process: objects of the sample were compared by the sample"


class SampleError(Exception):
    """Stands for an exception of the sample whose type the test could not know, or should not obey."""


class Remote:
    """A handle to an object in the sample's process."""

    def __init__(self, client: "Client", number: int, kind: str) -> None:
        object.__setattr__(self, "_handle", (client, number, kind))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("call", *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return self._ask("getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("setattr", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._ask("getitem", key)

    def __len__(self) -> int:
        return int(self._ask("len"))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._ask("iter")
        return iterator if isinstance(iterator, Remote) else iter(iterator)

    def __next__(self) -> Any:
        return self._ask("next")

    def __bool__(self) -> bool:
        return bool(self._ask("bool"))

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Remote):
            return self is other
        self._handle[0].compared_by_sample = True
        return bool(self._ask("eq", other))

    def __hash__(self) -> int:
        return hash(self._handle[1:])

    def __str__(self) -> str:
        return str(self._ask("str"))

    def __repr__(self) -> str:
        return f"<{self._handle[2]} of the sample>"

    def _ask(self, do: str, *arguments: Any, **named: Any) -> Any:
        return self._handle[0].ask(do, self, *arguments, **named)


class Client:
    """Performs operations in the sample's process and brings the values home."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.remotes: dict[int, Remote] = {}
        self.raised: Exception | None = None
        self.described: dict[str, Any] = {}
        self.compared_by_sample = False

    def ask(self, do: str, *arguments: Any, **named: Any) -> Any:
        """Return the value of one operation. Raises what the sample raised, or Ended."""
        value, raised = self.outcome(do, *arguments, **named)
        if raised is None:
            return value
        if raised["cause"] == "memory":
            raise Ended("memory", _sentence(raised))
        if raised["base"] in ("SystemExit", "KeyboardInterrupt"):
            raise Ended("crash", f"left by {_sentence(raised)}")
        self.described = raised
        self.raised = _exception(do, raised)
        raise self.raised

    def outcome(self, do: str, *arguments: Any, **named: Any) -> tuple[Any, dict[str, Any] | None]:
        """Return (value, None) or (None, what was raised); update arguments that the sample changed."""
        request = {"do": do, "args": encode(arguments, self.export), "named": encode(named, self.export)}
        reply = self.session.exchange(request)
        try:
            if "raised" in reply:
                return None, _checked_description(reply["raised"])
            value = decode(reply["value"], self.resolve)
            if "args" in reply:
                mirror(list(arguments), list(decode(reply["args"], self.resolve)))
        except (NotPlain, KeyError) as problem:
            raise self._end("crash", f"wrote into the channel of answers: {problem}") from None
        except MemoryError:
            raise self._end("memory", "a value too large for the judge") from None
        return value, None

    def export(self, value: Any) -> list[Any]:
        """Send a handle as its number and a built-in type as its name."""
        if isinstance(value, Remote):
            return ["o", value._handle[1]]
        if isinstance(value, type) and TYPES.get(value.__name__) is value:
            return ["T", value.__name__]
        return refuse(value)

    def resolve(self, tag: list[Any]) -> Any:
        """Return the handle, the built-in type or the well-known module that a tag names."""
        if tag[0] == "o" and type(tag[1]) is int:
            return self.remotes.setdefault(tag[1], Remote(self, tag[1], str(tag[2])))
        if tag[0] == "T":
            return TYPES[tag[1]]
        if tag[0] == "M" and tag[1] in MODULES:
            return importlib.import_module(tag[1])
        if tag[0] == "M":
            return Remote(self, -1, "module")
        raise NotPlain(f"malformed value: unknown tag {tag[0]!r}")

    def _end(self, verdict: str, detail: str) -> Ended:
        self.session.ended = Ended(verdict, detail)
        self.session.close()
        return self.session.ended


def mirror(old: Any, new: Any) -> Any:
    """Make the containers in `old` equal to `new` in place where they have the same type; return what to keep."""
    if type(old) is not type(new):
        return new
    if isinstance(old, list):
        old[:] = [mirror(*pair) for pair in zip(old, new, strict=False)] + new[len(old) :]
    elif isinstance(old, dict):
        kept = {key: mirror(old[key], value) if key in old else value for key, value in new.items()}
        old.clear()
        old.update(kept)
    elif isinstance(old, set):
        old.clear()
        old.update(new)
    elif isinstance(old, tuple) and len(old) == len(new):
        parts = tuple(map(mirror, old, new))
        return old if all(part is before for part, before in zip(parts, old, strict=True)) else parts
    else:
        return new
    return old


def judge_trial(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Run one trial: {"source", "entry_point", "test", "setup"} -> {"verdict", "detail", "final"}.

    `infra` is final here: the test is none, and would be none the next time.
    """
    client = Client(session)
    try:
        verdict, detail = _judge(client, request)
    except Ended as end:
        verdict, detail = end.verdict, end.detail
    if session.ended is not None:
        verdict, detail = session.ended.verdict, session.ended.detail
    elif client.compared_by_sample:
        detail = f"{detail}; {IN_PROCESS}" if detail else IN_PROCESS
    return {"verdict": verdict, "detail": detail[:500], "final": verdict == "infra"}


def make_calls(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Make calls: {"source", "entry_point", "arguments"} -> {"verdict", "detail", "outcomes": [four strings each]}."""
    client = Client(session)
    outcomes: list[tuple[str, str, str, str]] = []
    arguments = [decode(data) for data in request["arguments"]]
    verdict, detail = "pass", ""
    try:
        _, failure, function = _load(client, request, [])
        if failure:
            raise Ended(*failure)
        for values in arguments:
            outcomes.append(_outcome(*client.outcome("call", function, *values)))
    except Ended as end:
        verdict, detail = end.verdict, end.detail
    outcomes += [(verdict, "", "", detail)] * (len(arguments) - len(outcomes))
    return {"verdict": verdict, "detail": detail, "outcomes": outcomes}


def _judge(client: Client, request: dict[str, Any]) -> tuple[str, str]:
    try:
        code = compile(request["test"], "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as problem:
        return "infra", f"the test does not compile: {problem}"
    names = _names(code) - _BUILTINS
    offered, failure, candidate = _load(client, request, sorted(names))
    if failure:
        return failure
    namespace: dict[str, Any] = {"__name__": "test", **offered}
    try:
        exec(code, namespace)
        check = namespace.get("check")
        if not callable(check) or isinstance(check, Remote):
            return "infra", "the test defines no check(candidate)"
        if "check" in offered:  # a program may have a function of that name, and the test mean that one
            namespace["check"] = offered["check"]
        check(candidate)
    except Exception as problem:  # noqa: BLE001 (whatever the test raises is its verdict)
        return _failure(client, problem)
    return "pass", ""


def _names(code: CodeType) -> set[str]:
    """Return the names that compiled code looks up, in its functions too."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _load(
    client: Client, request: dict[str, Any], names: list[str]
) -> tuple[dict[str, Any], tuple[str, str] | None, Any]:
    """Run the program. Returns the names it offers, a verdict if it is no good, and the function."""
    entry = request["entry_point"]
    wanted = {entry, *names}
    loaded, raised = client.outcome("load", request["source"], entry, names)
    if raised is None and isinstance(loaded, dict) and request.get("setup"):
        more, raised = client.outcome("setup", request["setup"], names)
        loaded |= more if isinstance(more, dict) else {}
    if raised is not None:
        return {}, _verdict_of(raised), None
    if not isinstance(loaded, dict):
        return {}, ("crash", "wrote into the channel of answers"), None
    if not callable(loaded.get(entry)):
        return {}, ("missing", f"{entry} is not defined" if entry not in loaded else f"{entry} is no function"), None
    return {name: value for name, value in loaded.items() if name in wanted}, None, loaded[entry]


def _failure(client: Client, problem: Exception) -> tuple[str, str]:
    if client.raised is not None and client.raised in (problem, problem.__cause__):
        return _verdict_of(client.described)
    if isinstance(problem, MemoryError):
        return "memory", "the test ran out of memory on the values returned"
    if isinstance(problem, NameError) and problem.name:
        return "missing", f"{problem.name} is not defined"
    if isinstance(problem, NotPlain):
        return "infra", f"the test passes what cannot travel: {problem}"
    line = ""
    trace = problem.__traceback__
    while trace is not None:
        line = f" (test line {trace.tb_lineno})" if trace.tb_frame.f_code.co_filename == "<test>" else line
        trace = trace.tb_next
    text = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
    return "wrong", f"{text}{problem}"[:300] + line


def _verdict_of(raised: dict[str, Any]) -> tuple[str, str]:
    if raised["base"] in ("SystemExit", "KeyboardInterrupt"):
        return "crash", f"left by {_sentence(raised)}"
    return raised["cause"] or "error", _sentence(raised)


def _outcome(value: Any, raised: dict[str, Any] | None) -> tuple[str, str, str, str]:
    if raised is not None:
        verdict, detail = _verdict_of(raised)
        return ("raised" if verdict == "error" else verdict), raised["type"], raised["type"], detail
    try:
        encode(value)
    except NotPlain as problem:
        return "error", "", type(value).__name__, str(problem)
    return "value", literal(value), type(value).__name__, ""


def _exception(do: str, raised: dict[str, Any]) -> Exception:
    kind: Any = getattr(builtins, raised["base"], None)
    if kind is StopIteration and do != "next":  # it would end a loop of the test as if all were well
        kind = None
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = SampleError
    if issubclass(kind, UnicodeError | ExceptionGroup):  # these cannot be made of a text alone
        kind = ValueError if issubclass(kind, ValueError) else SampleError
    problem: Exception = kind(raised["text"])
    return problem


def _sentence(raised: dict[str, Any]) -> str:
    if raised["cause"] == "syntax":
        return str(raised["text"])
    line = f" (line {raised['line']})" if raised["line"] is not None else ""
    return f"{raised['type']}: {raised['text']}{line}"


def _checked_description(raised: Any) -> dict[str, Any]:
    """Return a description of an exception in which every field has its type, whatever the sample sent."""
    if not isinstance(raised, dict):
        raise NotPlain("malformed exception")
    cause, line = raised.get("cause"), raised.get("line")
    texts = {key: str(raised.get(key, ""))[:300] for key in ("type", "base", "text")}
    return texts | {
        "cause": cause if cause in CAUSES else "",
        "line": line if type(line) is int else None,
    }
