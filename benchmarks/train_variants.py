"""Variants of the training loop that benchmarks/train.py tries: what might be faster, and is not in the loop."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

import curate.train.steps.loss as losses
from curate.train.steps.loop import Learner
from curate.train.steps.loss import shifted


@contextmanager
def variant(settings: dict[str, Any]) -> Iterator[None]:
    """Let the loop be a variant of itself.

    `chunk` is the tokens of a chunk of the loss; `loss: whole` compiles all logits into the graph; `joined` makes one
    product of those that read the same states; `inductor` are settings of the compiler.
    """
    made = Learner.__init__

    def joined(self: Learner, *given: Any) -> None:
        made(self, *given)
        join_projections(self.body.model.layers)

    with ExitStack() as stack:
        if "chunk" in settings:
            stack.enter_context(mock.patch.object(losses, "CHUNK_TOKENS", settings["chunk"]))
        if settings.get("loss") == "whole":
            stack.enter_context(mock.patch.object(Learner, "step", whole_loss_step))
        if settings.get("joined"):
            stack.enter_context(mock.patch.object(Learner, "__init__", joined))
        if "inductor" in settings:
            from torch._inductor import config

            stack.enter_context(config.patch(settings["inductor"]))
        yield


class JoinedLinear(torch.nn.Linear):
    """One of several layers that are asked in turn about the same states: the first makes one product for all."""

    parts: tuple[torch.nn.Linear, ...]
    shelf: list[torch.Tensor]

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the product of the states with this layer's weight."""
        if not self.shelf:
            whole = torch.nn.functional.linear(states, torch.cat([part.weight for part in self.parts]))
            self.shelf.extend(whole.split([part.out_features for part in self.parts], dim=-1))
        return self.shelf.pop(0)


def join_projections(layers: Any) -> None:
    """Join queries, keys and values, and the two halves of the gated layer, of every layer."""
    for layer in layers:
        attention, gated = layer.self_attn, layer.mlp
        for parts in ((attention.q_proj, attention.k_proj, attention.v_proj), (gated.gate_proj, gated.up_proj)):
            shelf: list[torch.Tensor] = []
            for part in parts:
                part.__class__, part.parts, part.shelf = JoinedLinear, parts, shelf


def whole_loss_step(self: Learner, ids: torch.Tensor, predicted: int, rate: float) -> torch.Tensor:
    """A step with the loss compiled into the model's graph, all logits of a pass at once."""
    if not hasattr(self, "whole_loss"):
        body = self.body

        def forward(part: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
            logits = body.lm_head(body(part)).float()
            kind = torch.nn.functional.cross_entropy
            return kind(logits.flatten(0, 1), targets.flatten(), ignore_index=losses.IGNORE, reduction="sum") * scale

        self.whole_loss = torch.compile(forward, dynamic=False)  # type: ignore[attr-defined]
    self.weights.begin()
    scale = torch.full((), 1.0 / predicted, device=ids.device)
    total = torch.zeros((), device=ids.device)
    for part in torch.split(ids, self.schedule.pass_rows):
        loss = self.whole_loss(part, shifted(part, self.pad), scale)  # type: ignore[attr-defined]
        loss.backward()
        self.weights.collect()
        total += loss.detach()
    self.weights.reduce(self.place, self.schedule.clip)
    self.optimizers.step(rate)
    return total
