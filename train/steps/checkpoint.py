"""Checkpoints and the log of a training: what a killed run goes on from.

A checkpoint is one file, renamed into place, so that a kill at any moment costs the steps since the last one and
nothing else. `metrics.jsonl` is cut back to it: one line for each log or measurement, as if nothing had happened.
"""

import contextlib
import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from curate.errors import UserError
from curate.files.shards import read_jsonl, write_text
from curate.train.steps.optimizer import Optimizers
from curate.train.steps.place import Place
from curate.train.steps.sharding import gathered, shared_out


@dataclass
class State:
    """How far it is, and what it took so far."""

    step: int = 0
    tokens_seen: int = 0
    seconds: float = 0.0
    steady_seconds: float = 0.0
    """Of `seconds`, those after the first interval of each start, which compiles."""
    steady_tokens: int = 0
    joules: float | None = None
    peak_bytes: int = 0
    first_held_out_loss: float | None = None
    held_out_loss: float | None = None


def save_checkpoint(folder: Path, model: Any, optimizers: Optimizers, state: State, place: Place) -> None:
    """Write the one checkpoint of a run, atomically. Raises UserError where the disk is full."""
    saved = {"model": model.state_dict(keep_vars=True), "optimizer": optimizers.state_dict(), "state": asdict(state)}
    saved = gathered(saved, place)
    if not place.first:
        return
    temporary = folder / ".checkpoint.pt"
    try:
        with temporary.open("wb") as file:
            torch.save(saved, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / "checkpoint.pt")
    except (OSError, RuntimeError) as error:  # torch turns some refusals of the disk into a RuntimeError
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, RuntimeError) and "write" not in str(error).lower():
            raise
        raise UserError(
            f"{folder}: cannot write the checkpoint of step {state.step} ({_reason(error)}); free space there and run "
            f"again: it goes on from {'the one before' if (folder / 'checkpoint.pt').exists() else 'the start'}"
        ) from error


def _reason(error: OSError | RuntimeError) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return os.strerror(errno.ENOSPC)


def load_checkpoint(folder: Path, model: torch.nn.Module, optimizers: Optimizers, place: Place) -> State | None:
    """Restore model and optimisers from the checkpoint and return its state, or None where there is none.

    Of sharded weights each process reads its rows.
    """
    path = folder / "checkpoint.pt"
    if not path.exists():
        return None
    sharded = isinstance(next(model.parameters()), DTensor)
    saved = torch.load(path, map_location="cpu" if sharded else place.device, weights_only=True, mmap=sharded)
    own = model.state_dict()
    model.load_state_dict({name: shared_out(whole, own[name]) for name, whole in saved["model"].items()})
    optimizers.load_state_dict(saved["optimizer"])
    return State(**saved["state"])


class MetricsFile:
    """`metrics.jsonl`: one line a log or measurement. Lines after the checkpoint that a run goes on from are cut."""

    def __init__(self, path: Path, step: int, *, write: bool) -> None:
        self.path = path if write else None
        if write:
            lines = [line for line in read_jsonl(path) if line["step"] <= step] if path.exists() and step else []
            write_text("".join(json.dumps(line) + "\n" for line in lines), path)

    def write(self, **values: float | None) -> None:
        """Append one line."""
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
