"""The call log: every answered call is one JSON line, so that nothing is asked, or paid for, twice.

In: requests and their completions. Out: `calls.jsonl`, and the answers found in it by a digest of the whole request.
A line that a crash tore is passed over, wherever it stands. Failed calls are not logged: they will be asked again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from curate.errors import UserError, from_os_error
from curate.llm.types import Completion, ModelSpec, Request

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
        if spec.usd_per_mtok:
            prompt, answer = spec.usd_per_mtok
            self.usd += (completion.prompt_tokens * prompt + completion.completion_tokens * answer) / 1e6

    def metrics(self) -> dict[str, float]:
        """Return the counts by name, for a receipt."""
        return {name: float(value) for name, value in asdict(self).items()}


def digest(request: Request) -> str:
    """Return a hash of everything that could change the answer, and of the request's id.

    Fields that came later count where they are set only, so that older logs keep their answers.

    >>> digest(Request("a", prompt="x")) == digest(Request("a", prompt="x", seed=1))
    False
    """
    fields = asdict(request)
    if not request.choices:
        del fields["choices"]
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class CallLog:
    """The answers in one log file; new ones are appended, synced once a batch.

    `model` is part of what an answer is found by; None (the `replay` backend) takes any model's answer.
    """

    path: Path
    model: str | None
    answers: dict[str, Completion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what is there."""
        for row in _rows(self.path):
            try:
                if self.model in (None, row["model"]):
                    self.answers[row["digest"]] = _answer(row)
            except (KeyError, TypeError) as error:
                raise UserError(f"{self.path} is no call log: a line lacks {error}; name another file") from error

    def find(self, request: Request) -> Completion | None:
        """Return the answer that was logged for exactly this request."""
        return self.answers.get(digest(request))

    def append(self, pairs: Iterable[tuple[Request, Completion]]) -> None:
        """Write the answers of one batch and sync them to disk. Raises UserError where the disk refuses."""
        rows = [_row(request, answer, self.model) for request, answer in pairs if answer.finish_reason != "error"]
        if not rows:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
                lines = [json.dumps(row, ensure_ascii=True) for row in rows]
                file.write((("\n" if torn else "") + "\n".join(lines) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise from_os_error(error) from error
        self.answers.update((row["digest"], _answer(row)) for row in rows)


def _row(request: Request, answer: Completion, model: str | None) -> dict[str, Any]:
    return {
        "digest": digest(request),
        "model": model,
        **{name: getattr(answer, name) for name in ANSWER},
        **({"probabilities": answer.probabilities} if answer.probabilities is not None else {}),
        "request": asdict(request),
    }


def _answer(row: dict[str, Any]) -> Completion:
    told = row.get("probabilities")
    return Completion(
        **{name: row[name] for name in ANSWER}, probabilities=None if told is None else tuple(map(float, told))
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
