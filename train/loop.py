"""The training loop: plain PyTorch on one device.

In: a `transformers` causal language model, packed blocks, a Schedule. Out: the trained model, a line in
`metrics.jsonl` now and then. A checkpoint is one file, renamed into place, so that a kill at any moment costs the
steps since the last one and nothing else. There is no dropout and each step's blocks follow from the seed and the
step's number, so no random state has to be kept: on the CPU, with the same number of threads, a resumed run ends with
the same bits as one that was never stopped. Not covered: more than one device.
"""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from curate.shards import read_jsonl, write_text
from curate.stage import derive_seed

IGNORE = -100
FLOOR = 0.1
"""The cosine ends at this share of the peak learning rate."""
HELD_OUT_TOKENS = 16_384
"""Held-out loss is measured on the first so many tokens: a second's work for the tiny preset on two cores."""


@dataclass(frozen=True)
class Schedule:
    """How to train."""

    steps: int
    batch_blocks: int
    pass_blocks: int
    """Blocks in one forward and backward pass; a step makes as many passes as its batch needs."""
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    clip: float
    seed: int
    checkpoint_every: int
    log_every: int
    measure_every: int
    bf16: bool
    compile: bool


@dataclass
class State:
    """How far it is."""

    step: int = 0
    tokens_seen: int = 0
    seconds: float = 0.0
    first_held_out_loss: float | None = None
    held_out_loss: float | None = None


def train(
    model: torch.nn.Module,
    blocks: npt.NDArray[Any],
    held_out: npt.NDArray[Any],
    pad: int,
    schedule: Schedule,
    folder: Path,
    report: Callable[[int, str], None],
) -> State:
    """Train the model in place, going on from the checkpoint in `folder` if there is one; return the final state."""
    device = next(model.parameters()).device
    optimizer = _optimizer(model, schedule)
    state = load_checkpoint(folder, model, optimizer) or State()
    metrics = Metrics(folder / "metrics.jsonl", state.step)
    forward = torch.compile(model, dynamic=False) if schedule.compile else model
    if state.step == 0:
        state.first_held_out_loss = state.held_out_loss = measure(model, held_out, pad, schedule)
        metrics.write(step=0, tokens=0, held_out_loss=state.held_out_loss)
    before = time.monotonic() - state.seconds
    for step in range(state.step, schedule.steps):
        rate = learning_rate(step, schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = to_tensor(blocks[batch_rows(len(blocks), step, schedule)], device)
        loss = _step(forward, optimizer, batch, pad, schedule)
        state.step, state.seconds = step + 1, time.monotonic() - before
        state.tokens_seen += int((batch != pad).sum())
        last = state.step == schedule.steps
        if state.step % schedule.log_every == 0 or last:
            value = float(loss)
            metrics.write(
                step=state.step, tokens=state.tokens_seen, loss=value, learning_rate=rate, seconds=state.seconds
            )
            report(state.step, f"loss {value:.3f}")
        if state.step % schedule.measure_every == 0 or last:
            state.held_out_loss = measure(model, held_out, pad, schedule)
            metrics.write(step=state.step, tokens=state.tokens_seen, held_out_loss=state.held_out_loss)
        if state.step % schedule.checkpoint_every == 0 or last:
            save_checkpoint(folder, model, optimizer, state)
    return state


def batch_rows(count: int, step: int, schedule: Schedule) -> npt.NDArray[np.int64]:
    """Return the numbers of a step's blocks: every pass over the corpus is a fresh permutation of all blocks."""
    first = step * schedule.batch_blocks
    rows: list[npt.NDArray[np.int64]] = []
    left = schedule.batch_blocks
    while left:
        epoch, offset = divmod(first, count)
        order = np.random.default_rng(derive_seed(schedule.seed, "epoch", epoch)).permutation(count)
        rows.append(order[offset : offset + left])
        first += len(rows[-1])
        left -= len(rows[-1])
    return np.concatenate(rows)


def learning_rate(step: int, schedule: Schedule) -> float:
    """Return a step's learning rate: linear warm-up, then a cosine down to FLOOR of the peak."""
    if step < schedule.warmup_steps:
        return schedule.learning_rate * (step + 1) / schedule.warmup_steps
    done = (step - schedule.warmup_steps) / max(1, schedule.steps - schedule.warmup_steps)
    return schedule.learning_rate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))


def to_tensor(blocks: npt.NDArray[Any], device: torch.device) -> torch.Tensor:
    """Return blocks as a tensor of int64 on the device."""
    return torch.from_numpy(blocks.astype(np.int64)).to(device, non_blocking=True)


def loss_sum(model: Any, ids: torch.Tensor, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the next-token losses of some blocks, in nats, and how many tokens it covers."""
    targets = ids[:, 1:].masked_fill(ids[:, 1:] == pad, IGNORE)
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, reduction="sum"
    )
    return loss, (targets != IGNORE).sum()


@torch.no_grad()
def measure(model: torch.nn.Module, held_out: npt.NDArray[Any], pad: int, schedule: Schedule) -> float:
    """Return the mean loss per held-out token, in nats."""
    device = next(model.parameters()).device
    blocks = held_out[: max(1, HELD_OUT_TOKENS // held_out.shape[1])]
    total = count = 0.0
    for start in range(0, len(blocks), schedule.pass_blocks):
        with torch.autocast(device.type, torch.bfloat16, enabled=schedule.bf16):
            loss, tokens = loss_sum(model, to_tensor(blocks[start : start + schedule.pass_blocks], device), pad)
        total, count = total + float(loss), count + float(tokens)
    return total / count


def _step(
    model: Any, optimizer: torch.optim.Optimizer, batch: torch.Tensor, pad: int, schedule: Schedule
) -> torch.Tensor:
    """Make one optimiser step and return the mean loss of its batch."""
    count = (batch[:, 1:] != pad).sum()
    total = torch.zeros((), device=batch.device)
    for ids in torch.split(batch, schedule.pass_blocks):
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=schedule.bf16):
            loss = loss_sum(model, ids, pad)[0] / count
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    torch.nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def _optimizer(model: torch.nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """AdamW; matrices decay, norms do not."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": schedule.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.95), fused=True)


def save_checkpoint(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Write the one checkpoint of a run, atomically."""
    temporary = folder / ".checkpoint.pt"
    with temporary.open("wb") as file:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "state": vars(state)}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "checkpoint.pt")


def load_checkpoint(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> State | None:
    """Restore model and optimiser from the checkpoint and return its state, or None where there is none."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return None
    device = next(model.parameters()).device
    saved = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return State(**saved["state"])


class Metrics:
    """`metrics.jsonl`: one line a log or measurement. Lines after the checkpoint that a run goes on from are cut."""

    def __init__(self, path: Path, step: int) -> None:
        lines = [line for line in read_jsonl(path) if line["step"] <= step] if path.exists() and step else []
        write_text("".join(json.dumps(line) + "\n" for line in lines), path)
        self.path = path

    def write(self, **values: float | None) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
