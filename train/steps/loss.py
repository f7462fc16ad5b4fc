"""The loss: next-token cross-entropy straight from the last states, without ever holding all logits.

Logits of 65,536 tokens over a vocabulary of 16k are 4.3 GB in f32, written and read several times. Here they are
made in chunks in the model's own precision, and the gradients of states and head are computed in the forward pass
while a chunk is at hand (as in Liger kernels, Hsu et al. 2024, arXiv:2410.10989): three matrix products, as many as
without chunks. Sums are in f32.
"""

from collections.abc import Callable
from typing import Any

import torch

IGNORE = -100
CHUNK_TOKENS = 8192

Kernel = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def shifted(ids: torch.Tensor, pad: int) -> torch.Tensor:
    """Return the target of every position: the next token, IGNORE where that is padding or beyond the row."""
    targets = torch.full(ids.shape, IGNORE, dtype=torch.long, device=ids.device)
    targets[:, :-1] = ids[:, 1:]
    return targets.masked_fill_(targets == pad, IGNORE)


def softmax_gradient(
    logits: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the scaled loss of some logits (tokens, vocabulary), summed, and its gradient in their precision.

    Nothing is written twice: for a compiler, whose work on this is one pass over the logits.
    """
    wide = logits.float()
    counted = (targets != IGNORE).float() * scale
    places = targets.clamp_min(0)[:, None]
    normaliser = torch.logsumexp(wide, dim=1, keepdim=True)
    loss = ((normaliser - wide.gather(1, places))[:, 0] * counted).sum()
    hit = torch.arange(logits.shape[1], device=logits.device)[None] == places
    gradient = (torch.exp(wide - normaliser) - hit.float()) * counted[:, None]
    return loss, gradient.to(logits.dtype)


def softmax_gradient_in_place(
    logits: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `softmax_gradient` does, in the fewest passes without a compiler."""
    counted = (targets != IGNORE).float() * scale
    places = targets.clamp_min(0)[:, None]
    gradient = torch.log_softmax(logits, dim=1, dtype=torch.float32)
    loss = -(gradient.gather(1, places)[:, 0] * counted).sum()
    gradient.exp_().scatter_add_(1, places, torch.full_like(places, -1.0, dtype=torch.float32))
    return loss, gradient.mul_(counted[:, None]).to(logits.dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor, kernel: Kernel
    ) -> torch.Tensor:
        loss = torch.zeros((), device=states.device)
        states_gradient = torch.empty_like(states)
        head_gradient = torch.zeros(head.shape, device=head.device)
        for start in range(0, len(states), CHUNK_TOKENS):
            chunk = states[start : start + CHUNK_TOKENS]
            part, gradient = kernel(chunk @ head.T, targets[start : start + CHUNK_TOKENS], scale)
            loss += part
            torch.mm(gradient, head, out=states_gradient[start : start + CHUNK_TOKENS])
            head_gradient += gradient.T @ chunk
        ctx.save_for_backward(states_gradient, head_gradient.to(head.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states_gradient, head_gradient = ctx.saved_tensors
        return states_gradient * outer[0], head_gradient * outer[0], None, None, None


def linear_cross_entropy(
    states: torch.Tensor,
    head: torch.Tensor,
    targets: torch.Tensor,
    scale: torch.Tensor,
    kernel: Kernel = softmax_gradient_in_place,
) -> torch.Tensor:
    """Return `scale` times the summed loss of states (rows, length, hidden) under a head (vocabulary, hidden), in nats.

    `targets` is (rows, length) with IGNORE where nothing is to be predicted; `scale` a number on the device, so that
    it can change without a compilation; `kernel` is `softmax_gradient_in_place`, or `softmax_gradient` compiled.
    """
    return _LinearCrossEntropy.apply(states.flatten(0, 1), head, targets.flatten(), scale, kernel)  # type: ignore[no-any-return,no-untyped-call]


@torch.no_grad()
def loss_sum(states: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the summed loss of states in nats, for measuring: no gradients are made."""
    total = torch.zeros((), device=states.device)
    for part, wanted in zip(
        torch.split(states.flatten(0, 1), CHUNK_TOKENS), torch.split(targets.flatten(), CHUNK_TOKENS), strict=True
    ):
        logits = (part @ head.T).float()
        total += torch.nn.functional.cross_entropy(logits, wanted, ignore_index=IGNORE, reduction="sum")
    return total
