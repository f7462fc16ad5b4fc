"""Objects that stay with the sample, as a test sees them, and the client that fetches values for it.

In: operations of the test on what the program defines. Out: plain values, or a `Remote` for what is not plain, or the
exception that the sample raised. What a sample sends is believed in nothing: types are checked or replaced here.

A `Remote` can be called, read, iterated and passed back. Compared with a plain value it is unequal. Two of them can only
be compared by the sample itself, which is noted. Names with two underscores at both ends are never asked for: libraries
look for protocols under them (`__array_interface__`, `__deepcopy__`) and would believe the answer.
"""

import builtins
import importlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from curate.sandbox.sample import MODULES, TYPES
from curate.sandbox.session import Ended, Session
from curate.sandbox.standard import replace_contents
from curate.sandbox.values import NotPlain, decode, encode, refuse

CAUSES = {"memory", "output", "forbidden", "syntax"}


class SampleError(Exception):
    """Stands for an exception of the sample whose type the test could not know, or should not obey."""


class Remote:
    """A handle to an object in the sample's process."""

    def __init__(self, client: "Client", number: int, kind: str) -> None:
        object.__setattr__(self, "_handle", (client, number, kind))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("call", *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
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
        self._handle[0].leans_on.add("its own comparison of objects")
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
        self.calls = 0
        """How often the test has called something of the sample."""
        self.leans_on: set[str] = set()
        """What of the sample, besides the candidate's plain values, the verdict rests on."""

    def ask(self, do: str, *arguments: Any, **named: Any) -> Any:
        """Return the value of one operation. Raises what the sample raised, or Ended."""
        value, raised = self.outcome(do, *arguments, **named)
        if raised is None:
            return value
        if raised["cause"] == "memory":
            raise Ended("memory", sentence(raised))
        if raised["base"] in ("SystemExit", "KeyboardInterrupt"):
            raise Ended("crash", f"left by {sentence(raised)}")
        self.described = raised
        self.raised = _exception(do, raised)
        raise self.raised

    def outcome(self, do: str, *arguments: Any, **named: Any) -> tuple[Any, dict[str, Any] | None]:
        """Return (value, None) or (None, what was raised); update arguments that the sample changed."""
        self.calls += do == "call"
        return self._taken(self.session.exchange(self._request(do, arguments, named)), arguments)

    def call_each(self, function: Any, rows: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any] | None]]:
        """Call a function with each row of encoded plain arguments, all sent at once; yield what `outcome` would return
        of each."""
        stops = self.session.silence_s is not None
        request = {"do": "call_each", "function": self.export(function), "rows": rows, "stops": stops}
        for reply in self.session.exchange_one_for(request, len(rows)):
            self.calls += 1
            yield self._taken(reply, ())

    def _request(self, do: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        return {"do": do, "args": encode(arguments, self.export), "named": encode(named, self.export)}

    def _taken(self, reply: dict[str, Any], arguments: tuple[Any, ...]) -> tuple[Any, dict[str, Any] | None]:
        try:
            if "raised" in reply:
                return None, _checked_description(reply["raised"])
            value = decode(reply["value"], self.resolve)
            if "args" in reply:
                after = decode(reply["args"], self.resolve)
                if type(after) is not tuple or len(after) != len(arguments):
                    raise NotPlain("malformed arguments")
                mirror(list(arguments), list(after))
        except (NotPlain, KeyError) as problem:
            raise self._end("crash", f"wrote into the channel of answers: {problem}") from None
        except MemoryError:
            raise self._end("memory", "a value too large for the judge") from None
        return value, None

    def export(self, value: Any) -> list[Any]:
        """Send a handle as its number, a built-in type or a module that came from the sample as its name."""
        if isinstance(value, Remote):
            return ["o", value._handle[1]]
        if isinstance(value, type) and TYPES.get(value.__name__) is value:
            return ["T", value.__name__]
        if isinstance(value, ModuleType) and value.__name__ in MODULES:
            return ["M", value.__name__]
        return refuse(value)

    def resolve(self, tag: list[Any]) -> Any:
        """Return the handle, the built-in type or the well-known module that a tag names."""
        if tag[0] == "o" and type(tag[1]) is int:
            return self.remotes.setdefault(tag[1], Remote(self, tag[1], str(tag[2])))
        if tag[0] == "T":
            return TYPES[tag[1]]
        if tag[0] == "M" and tag[1] in MODULES:
            try:
                return importlib.import_module(tag[1])
            except ImportError:
                raise NotPlain(f"no module {tag[1]!r} here") from None
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
    elif not replace_contents(old, new):
        return new
    return old


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


def sentence(raised: dict[str, Any]) -> str:
    if raised["cause"] == "syntax":
        return str(raised["text"])
    line = f" (line {raised['line']})" if raised["line"] is not None else ""
    return f"{raised['type']}: {raised['text']}{line}"


def _checked_description(raised: Any) -> dict[str, Any]:
    """Return a description of an exception in which every field has its type, whatever the sample sent."""
    if not isinstance(raised, dict):
        raise NotPlain("malformed exception")
    cause, line = raised.get("cause"), raised.get("line")
    texts = {key: raised.get(key) for key in ("type", "base", "text")}
    return {key: text[:300] if type(text) is str else "" for key, text in texts.items()} | {
        "cause": cause if type(cause) is str and cause in CAUSES else "",
        "line": line if type(line) is int else None,
    }
