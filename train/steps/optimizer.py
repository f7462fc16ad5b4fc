"""The optimisers: Muon for the matrices inside the layers, AdamW for the rest; or AdamW for all.

Muon (Jordan et al. 2024) steps along the nearest orthogonal matrix to the momentum. With the learning rate matched to
the size of AdamW's steps (Liu et al. 2025, arXiv:2502.16982) both share one rate and one decay. It wants matrices that
map states to states; embeddings, head and norms stay with AdamW. `torch.optim.Muon` orthogonalises one matrix after
another; BatchedMuon is the same optimiser with all matrices of a shape in one batched product, and with several
processes each orthogonalises its share.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist

from curate.train.steps.presets import OptimizerName

BETAS = (0.9, 0.95)


class BatchedMuon(torch.optim.Muon):
    """`torch.optim.Muon` in batches, with the steps matched to AdamW's. Its state is that of `torch.optim.Muon`."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Make one step; `closure` is not used."""
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[torch.Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                shapes[min(parameter.shape), max(parameter.shape)].append(parameter)
            for (_, longer), members in shapes.items():
                updates = orthogonal(self._momenta(members, group), group)
                torch._foreach_mul_(members, 1 - group["lr"] * group["weight_decay"])
                rate = group["lr"] * 0.2 * math.sqrt(longer)
                for parameter, update in zip(members, updates, strict=True):
                    parameter.add_(_lying(update, parameter), alpha=-rate)

    def _momenta(self, members: list[torch.Tensor], group: dict[str, Any]) -> torch.Tensor:
        """Move the momenta by the gradients; return Nesterov's look ahead as (matrices, shorter, longer) in bf16."""
        gradients = [parameter.grad for parameter in members if parameter.grad is not None]
        for parameter in members:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        buffers = [self.state[parameter]["momentum_buffer"] for parameter in members]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, buffers, group["momentum"])
        return torch.stack([_lying(matrix.bfloat16(), matrix) for matrix in ahead])


def _lying(matrix: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return the matrix, transposed where `like` stands upright."""
    return matrix.T if like.shape[0] > like.shape[1] else matrix


def orthogonal(matrices: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Return the orthogonalised matrices (matrices, shorter, longer); with several processes each does its share."""
    world = dist.get_world_size() if dist.is_initialized() else 1
    if world == 1:
        return newton_schulz(matrices, group["ns_coefficients"], group["ns_steps"], group["eps"])
    share = -(-len(matrices) // world)
    padded = torch.nn.functional.pad(matrices, (0, 0, 0, 0, 0, share * world - len(matrices)))
    mine = padded[dist.get_rank() * share : (dist.get_rank() + 1) * share]
    mine = newton_schulz(mine, group["ns_coefficients"], group["ns_steps"], group["eps"]).contiguous()
    dist.all_gather_into_tensor(padded.view(torch.uint8), mine.view(torch.uint8))  # gloo has no bf16
    return padded[: len(matrices)]


def newton_schulz(
    matrices: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """Return an approximation of U V^T of each matrix U S V^T, by `torch.optim.Muon`'s quintic iteration."""
    a, b, c = coefficients
    found: torch.Tensor = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found


class Optimizers:
    """All optimisers of a model as one: a rate, a step, a state."""

    def __init__(self, model: torch.nn.Module, name: OptimizerName, rate: float, weight_decay: float) -> None:
        inner, tables, vectors = split_parameters(model)
        muon = name == "muon"
        groups = [
            {"params": tables, "weight_decay": 0.0 if muon else weight_decay},
            {"params": vectors, "weight_decay": 0.0},
            *([] if muon else [{"params": inner, "weight_decay": weight_decay}]),
        ]
        adamw = torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, betas=BETAS, fused=True)
        self.members: list[torch.optim.Optimizer] = [adamw, *([BatchedMuon(inner, rate, weight_decay)] if muon else [])]

    def step(self, rate: float) -> None:
        """Move the weights along their gradients at this learning rate."""
        for optimizer in self.members:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the states, to be saved."""
        return [optimizer.state_dict() for optimizer in self.members]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Restore the states."""
        for optimizer, state in zip(self.members, states, strict=True):
            optimizer.load_state_dict(state)


def split_parameters(
    model: torch.nn.Module,
) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    """Return the matrices inside the layers, the tables (embedding and head), and the vectors."""
    named: list[tuple[str, torch.Tensor]] = list(model.named_parameters())
    inner = [parameter for name, parameter in named if parameter.dim() == 2 and ".layers." in name]
    tables = [parameter for name, parameter in named if parameter.dim() == 2 and ".layers." not in name]
    return inner, tables, [parameter for _, parameter in named if parameter.dim() != 2]
