"""The call log: every answered call is one JSON line, so that nothing is asked, or paid for, twice.

In: requests and their completions. Out: `calls.jsonl`, and the answers found in it by a digest of the whole request.
A line that a crash tore, or whose answer is no text, is passed over, wherever it stands. Failed calls are not logged:
they will be asked again.
Lines are with the system at once, so that killing the process loses none; a thread of the log's own syncs them to the
disk behind, so that a stream of thousands of answers a second does not wait for it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

from curate.errors import UserError, from_os_error
from curate.llm.answers import clean, counted
from curate.llm.types import Completion, ModelSpec, Request, cost

ANSWER = ("id", "text", "finish_reason", "prompt_tokens", "completion_tokens")


@dataclass
class Usage:
    """What the calls of one opened model came to. Replayed calls count their tokens and price too: somebody paid."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    calls_made: int = 0
    calls_replayed: int = 0
    calls_failed: int = 0

    def add(self, completion: Completion, spec: ModelSpec, *, replayed: bool) -> None:
        """Count one call."""
        if completion.finish_reason == "error":
            self.calls_failed += 1
            return
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.calls_replayed += replayed
        self.calls_made += not replayed
        self.usd += cost(spec, completion.prompt_tokens, completion.completion_tokens)

    def metrics(self) -> dict[str, float]:
        """Return the counts by name, for a receipt."""
        return {name: float(value) for name, value in asdict(self).items()}


def digest(request: Request) -> str:
    """Return a hash of everything that could change the answer, and of the request's id.

    Fields that came later count where they are set only, so that older logs keep their answers.

    >>> digest(Request("a", prompt="x")) == digest(Request("a", prompt="x", seed=1))
    False
    """
    canonical = json.dumps(_fields(request), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _fields(request: Request) -> dict[str, Any]:
    """Return a request as JSON has it: what `dataclasses.asdict` gives, at a fifth of its time."""
    turns = request.messages and [{"role": turn.role, "content": turn.content} for turn in request.messages]
    fields = vars(request) | {"messages": turns}
    if not request.choices:
        del fields["choices"]
    return fields


@dataclass
class CallLog:
    """The answers in one log file; new ones are appended.

    `model` is part of what an answer is found by; None (the `replay` backend) takes any model's answer.
    """

    path: Path
    model: str | None
    answers: dict[str, Completion] = field(default_factory=dict)
    _file: BinaryIO | None = field(default=None, repr=False)
    _syncing: Future[None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Read what is there."""
        for row in _rows(self.path):
            try:
                if self.model in (None, row["model"]):
                    self.answers[row["digest"]] = _answer(row)
            except (TypeError, ValueError):  # an answer that no stage could work on: it is asked for again
                continue
            except KeyError as error:
                raise UserError(f"{self.path} is no call log: a line lacks {error}; name another file") from error

    def find(self, name: str) -> Completion | None:
        """Return the answer that was logged for exactly the request of this digest."""
        return self.answers.get(name)

    def append(self, answered: Iterable[tuple[str, Request, Completion]]) -> None:
        """Write answers, each with its request and that one's digest. Raises UserError where the disk refuses."""
        rows = [_row(*each, self.model) for each in answered if each[2].finish_reason != "error"]
        if not rows:
            return
        data = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode()
        try:
            file = self._opened()
            file.write(data)
            file.flush()
            if self._syncing is None or self._syncing.done():
                self._sync(file)
        except OSError as error:
            raise from_os_error(error) from error
        self.answers.update((row["digest"], _answer(row)) for row in rows)

    def flush(self) -> None:
        """Wait until all that was appended is on the disk."""
        if self._file is not None:
            try:
                self._sync(self._file).result()
            except OSError as error:
                raise from_os_error(error) from error

    def close(self) -> None:
        """Flush and let go of the file; the next answer opens it again."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = self._syncing = None

    def _opened(self) -> BinaryIO:
        """Return the file, open at its end; what a crash left of a line there is ended first."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab+")
            end = self._file.seek(0, os.SEEK_END)
            if end and self._file.seek(end - 1) >= 0 and self._file.read(1) != b"\n":
                self._file.write(b"\n")
        return self._file

    def _sync(self, file: BinaryIO) -> Future[None]:
        """Start to sync what stands now; an error of the last time is raised first."""
        if self._syncing is not None:
            self._syncing.result()
        self._syncing = Future()
        Thread(target=_sync, args=(file.fileno(), self._syncing), name="call-log", daemon=True).start()
        return self._syncing


def _sync(descriptor: int, told: Future[None]) -> None:
    try:
        os.fsync(descriptor)
        told.set_result(None)
    except OSError as error:
        told.set_exception(error)


def _row(name: str, request: Request, answer: Completion, model: str | None) -> dict[str, Any]:
    return {
        "digest": name,
        "model": model,
        **{key: getattr(answer, key) for key in ANSWER},
        **({"probabilities": answer.probabilities} if answer.probabilities is not None else {}),
        **({"ended": answer.ended} if answer.ended is not None else {}),
        "request": _fields(request),
    }


def _answer(row: dict[str, Any]) -> Completion:
    """Return the answer of a line. Raises KeyError for one that lacks a field, TypeError for one of no use."""
    told, ended, text = row.get("probabilities"), row.get("ended"), row["text"]
    if not all(isinstance(row[name], str) for name in ("id", "text", "finish_reason")):
        raise TypeError("text")
    return Completion(
        row["id"],
        clean(text),
        row["finish_reason"],
        counted(row["prompt_tokens"], ""),
        counted(row["completion_tokens"], text),
        probabilities=tuple(map(float, told)) if isinstance(told, list | tuple) and None not in told else None,
        ended=ended if isinstance(ended, bool) else None,
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row
