"""Muon for all matrices of a model at once, whole in each process or sharded over them.

Muon (Jordan et al. 2024) steps along the nearest orthogonal matrix to the momentum. `torch.optim.Muon` orthogonalises
one matrix after another and takes no sharded ones (torch 2.13). BatchedMuon is the same optimiser with all matrices of
a shape in one batched product. With several processes each orthogonalises its share: of whole matrices every process
holds all and hands its results round; of sharded ones, of which every process holds some rows, the processes change
rows for whole matrices, and back.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor


class BatchedMuon(torch.optim.Muon):
    """`torch.optim.Muon` in batches, with the steps matched to AdamW's. Its state is that of `torch.optim.Muon`.

    The learning rate is matched to the size of AdamW's steps (Liu et al. 2025, arXiv:2502.16982).
    """

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Make one step; `closure` is not used."""
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[torch.Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                upright = not isinstance(parameter, DTensor) and parameter.shape[0] > parameter.shape[1]
                shapes[tuple(parameter.shape[::-1] if upright else parameter.shape)].append(parameter)
            for members in shapes.values():
                ahead = self._momenta(members, group)
                sharded = isinstance(members[0], DTensor)
                updates = _of_rows(ahead, members[0].shape, group) if sharded else _of_whole(ahead, group)
                held = [local(parameter) for parameter in members]
                torch._foreach_mul_(held, 1 - group["lr"] * group["weight_decay"])
                rate = group["lr"] * 0.2 * math.sqrt(max(members[0].shape))
                for part, update in zip(held, updates, strict=True):
                    part.add_(update, alpha=-rate)

    def _momenta(self, members: list[torch.Tensor], group: dict[str, Any]) -> list[torch.Tensor]:
        """Move the momenta by the gradients; return Nesterov's look ahead in bf16, of what this process holds."""
        gradients = [local(parameter.grad) for parameter in members if parameter.grad is not None]
        for parameter in members:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        buffers = [local(self.state[parameter]["momentum_buffer"]) for parameter in members]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        return [matrix.bfloat16() for matrix in torch._foreach_lerp(gradients, buffers, group["momentum"])]


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return what this process holds of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _of_whole(matrices: list[torch.Tensor], group: dict[str, Any]) -> list[torch.Tensor]:
    """Return the orthogonalised matrices, all of one shape or its transpose; with several processes each does some."""
    lying = torch.stack([_lying(matrix, matrix.shape) for matrix in matrices])
    world = dist.get_world_size() if dist.is_initialized() else 1
    if world == 1:
        found = newton_schulz(lying, group)
    else:
        share = -(-len(lying) // world)
        found = torch.nn.functional.pad(lying, (0, 0, 0, 0, 0, share * world - len(lying)))
        mine = newton_schulz(found[dist.get_rank() * share : (dist.get_rank() + 1) * share], group).contiguous()
        dist.all_gather_into_tensor(found.view(torch.uint8), mine.view(torch.uint8))
    return [_lying(update, matrix.shape) for update, matrix in zip(found, matrices, strict=False)]


def _of_rows(parts: list[torch.Tensor], shape: torch.Size, group: dict[str, Any]) -> list[torch.Tensor]:
    """Return this process's rows of the orthogonalised matrices, all of one shape, given its rows of each.

    Rows lie as `torch.chunk` shares them out: as many in every process, fewer or none in the last. What is missing is
    filled with zeros, which orthogonalising leaves alone.
    """
    world = dist.get_world_size()
    rows, share = -(-shape[0] // world), -(-len(parts) // world)
    mine = parts[0].new_zeros(world * share, rows, shape[1])
    for place, part in zip(mine, parts, strict=False):
        place[: len(part)] = part
    whole = _swapped(mine, world).view(world, share, rows, shape[1]).transpose(0, 1).reshape(share, -1, shape[1])
    found = _lying(newton_schulz(_lying(whole, shape), group), shape)
    back = found.reshape(share, world, rows, shape[1]).transpose(0, 1).reshape(mine.shape)
    return [place[: len(part)] for place, part in zip(_swapped(back, world), parts, strict=False)]


def _swapped(tensor: torch.Tensor, world: int) -> torch.Tensor:
    """Return what the processes have for this one: block n of the n-th."""
    if world == 1:
        return tensor
    found = torch.empty_like(tensor)
    dist.all_to_all_single(found.view(torch.uint8), tensor.view(torch.uint8))
    return found


def _lying(matrix: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Return the matrix, or a stack of them, transposed if a matrix of this shape stands upright."""
    return matrix.mT if shape[0] > shape[1] else matrix


def newton_schulz(matrices: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Return an approximation of U V^T of each matrix U S V^T, by `torch.optim.Muon`'s quintic iteration."""
    a, b, c = group["ns_coefficients"]
    found: torch.Tensor = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found
