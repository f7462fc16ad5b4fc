"""The training loop: plain PyTorch, on one device or on several of a host.

In: a stock model, rows of tokens, a Schedule. Out: the trained model, a line in `metrics.jsonl` now and then, a
checkpoint. There is no dropout, and each step's rows follow from the seed and the step's number, so no random state
has to be kept: on the CPU, with the same number of threads, a resumed run ends with the same bits as one that was
never stopped. The device is waited for only where a line is logged: how many tokens a batch has is known on the host.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from curate.errors import UserError
from curate.machine.energy import joules_so_far
from curate.train.corpus.rows import Rows
from curate.train.steps.attention import choose_attention
from curate.train.steps.checkpoint import MetricsFile, State, load_checkpoint, save_checkpoint
from curate.train.steps.feed import Feed
from curate.train.steps.loss import linear_cross_entropy, loss_sum, shifted, softmax_gradient, softmax_gradient_in_place
from curate.train.steps.model import Weights
from curate.train.steps.optimizer import Optimizers
from curate.train.steps.place import Place
from curate.train.steps.schedule import Schedule, learning_rate
from curate.train.steps.sharding import ShardedWeights

HELD_OUT_TOKENS = {"cpu": 16_384, "cuda": 1_048_576}
"""Held-out loss is measured on the first so many tokens: a second's work, for the tiny preset on two cores."""


Documents = Callable[[list[int]], list[str]]
"""Turns documents' places in the corpus into their ids."""


def train(
    model: Any,
    rows: Rows,
    held_out: Rows,
    schedule: Schedule,
    folder: Path,
    report: Callable[[int, str], None],
    place: Place,
    identify: Documents,
) -> State:
    """Train the model in place, going on from the checkpoint in `folder` if there is one; return the final state.

    Raises UserError when the loss is no longer a number: with the step, its documents, and the last good checkpoint.
    """
    if place.device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    learner = Learner(model, schedule, place)
    state = load_checkpoint(folder, model, learner.optimizers, place) or State()
    metrics = MetricsFile(folder / "metrics.jsonl", state.step, write=place.first)
    if state.step == 0:
        state.first_held_out_loss = state.held_out_loss = learner.measure(held_out)
        metrics.write(step=0, tokens=0, held_out_loss=state.held_out_loss)
    clock = Clock(state, place)
    losses: list[torch.Tensor] = []
    with Feed(rows, schedule, state.step, place) as feed:
        for step in range(state.step, schedule.steps):
            ids, predicted = feed.next()
            losses.append(learner.step(ids, predicted, learning_rate(step, schedule)))
            state.step = step + 1
            state.tokens_seen += rows.filled(step * schedule.batch_rows, (step + 1) * schedule.batch_rows)
            last = state.step == schedule.steps
            logging, measuring, saving = (
                last or state.step % every == 0
                for every in (schedule.log_every, schedule.measure_every, schedule.checkpoint_every)
            )
            if logging or measuring or saving:
                values = place.total(torch.stack(losses)).tolist()
                _finite(values, step + 1, rows, schedule, folder, identify)
                losses.clear()
                clock.stop()
            if logging:
                rate = learning_rate(step, schedule)
                metrics.write(
                    step=state.step,
                    tokens=state.tokens_seen,
                    loss=values[-1],
                    learning_rate=rate,
                    seconds=state.seconds,
                )
                report(state.step, f"loss {values[-1]:.3f}, {clock.rate():,.0f} tokens/s")
            if measuring:
                state.held_out_loss = learner.measure(held_out)
                metrics.write(step=state.step, tokens=state.tokens_seen, held_out_loss=state.held_out_loss)
            if saving:
                save_checkpoint(folder, model, learner.optimizers, state, place)
            if logging or measuring or saving:
                clock.go()
    clock.close()
    return state


class Learner:
    """What makes a step: the weights, the compiled passes, the optimisers."""

    def __init__(self, model: Any, schedule: Schedule, place: Place) -> None:
        self.schedule, self.place = schedule, place
        config = model.config
        self.attention = choose_attention(
            schedule.attention,
            place.device,
            schedule.pass_rows,
            config.num_attention_heads,
            config.max_position_embeddings,
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        )
        self.pad = model.config.pad_token_id
        self.weights: Weights | ShardedWeights = (
            ShardedWeights(model, schedule.bf16, place) if schedule.sharded else Weights(model, schedule.bf16)
        )
        self.optimizers = Optimizers(model, schedule.optimizer, schedule.learning_rate, schedule.weight_decay)
        self.body = self.weights.body
        self.kernel = softmax_gradient_in_place
        self.forward: Callable[[torch.Tensor], torch.Tensor] = self.body
        if schedule.compile:
            self.kernel = torch.compile(softmax_gradient, dynamic=False)
            if schedule.whole and not schedule.sharded:
                self.forward = torch.compile(self.body, dynamic=False, mode=schedule.compile_mode)
            else:
                for part in (*self.body.model.layers, self.body.model.norm):  # not .compile(): hooks stay outside
                    part.forward = torch.compile(part.forward, dynamic=False, mode=schedule.compile_mode)

    def step(self, ids: torch.Tensor, predicted: int, rate: float) -> torch.Tensor:
        """Make one optimiser step from this process's rows and return its part of the batch's mean loss.

        `predicted` counts the tokens to predict in the whole batch.
        """
        self.weights.begin()
        scale = torch.full((), 1.0 / predicted, device=ids.device)
        total = torch.zeros((), device=ids.device)
        for part in torch.split(ids, self.schedule.pass_rows):
            loss = linear_cross_entropy(
                self.forward(part), self.weights.head, shifted(part, self.pad), scale, self.kernel
            )
            loss.backward()  # type: ignore[no-untyped-call]
            self.weights.collect()
            total += loss.detach()
        self.weights.reduce(self.place, self.schedule.clip)
        self.optimizers.step(rate)
        return total

    @torch.no_grad()
    def measure(self, held_out: Rows) -> float:
        """Return the mean loss per held-out token, in nats."""
        self.weights.refresh()
        device = self.place.device
        with torch.compiler.set_stance("force_eager"):  # compiling for other shapes takes longer than this
            found = self._measure(held_out, device)
        self.weights.refresh()  # what was gathered for measuring is let go
        return found

    def _measure(self, held_out: Rows, device: torch.device) -> float:
        count = min(len(held_out), max(1, HELD_OUT_TOKENS[device.type] // held_out.length))
        total = torch.zeros((), device=device)
        for start in range(0, count, self.schedule.pass_rows):
            ids = torch.from_numpy(held_out.read(start, min(count, start + self.schedule.pass_rows))).to(device)
            total += loss_sum(self.body(ids), self.weights.head, shifted(ids, self.pad))
        return float(total) / max(1, held_out.predicted(0, count))


def _finite(losses: list[float], step: int, rows: Rows, schedule: Schedule, folder: Path, identify: Documents) -> None:
    """Raise UserError if one of the last losses, the newest of them of `step`, is not a number."""
    bad = next((number for number, loss in enumerate(losses) if not math.isfinite(loss)), None)
    if bad is None:
        return
    bad_step = step - len(losses) + 1 + bad
    names = identify(rows.in_rows((bad_step - 1) * schedule.batch_rows, bad_step * schedule.batch_rows))
    good = folder / "checkpoint.pt"
    resumes = f"the last good checkpoint is {good}" if good.exists() else "there is no checkpoint yet"
    raise UserError(
        f"the loss of step {bad_step} is {losses[bad]}; its documents: {', '.join(names[:5])}"
        f"{f' and {len(names) - 5} more' if len(names) > 5 else ''}; {resumes}; lower learning_rate"
    )


class Clock:
    """Seconds and joules of training, measuring and saving apart; the rate once everything is compiled."""

    def __init__(self, state: State, place: Place) -> None:
        self.state, self.place = state, place
        self.settled = (0, 0.0)
        self.intervals = 0
        self.joules = joules_so_far()
        self.go()

    def go(self) -> None:
        """Start counting."""
        self.since, self.tokens = time.monotonic(), self.state.tokens_seen

    def stop(self) -> None:
        """Stop counting; the device has just been waited for. The first interval has the compilation in it."""
        seconds = time.monotonic() - self.since
        self.state.seconds += seconds
        self.intervals += 1
        if self.intervals > 1:
            self.state.steady_seconds += seconds
            self.state.steady_tokens += self.state.tokens_seen - self.tokens
        self.settled = (self.state.tokens_seen - self.tokens, seconds)

    def rate(self) -> float:
        """Return the tokens a second of the last interval."""
        return self.settled[0] / max(self.settled[1], 1e-9)

    def close(self) -> None:
        """Take the energy of this start, and the most memory."""
        after = joules_so_far()
        if after is not None and self.joules is not None:
            self.state.joules = (self.state.joules or 0.0) + after - self.joules
        self.state.peak_bytes = max(self.state.peak_bytes, self.place.peak_bytes())
