"""Weights shared out over the processes of a host: PyTorch's FSDP (Zhao et al. 2023, arXiv:2304.11277) for our loop.

In: a stock model, whole and the same in every process. Out: the same model, of which every process holds its rows of
each weight, of the gradient and of the optimisers' states. A layer is made whole where it computes, forward and
backward, and its gradients are summed to where their rows are held. So a process needs its share of 12 to 16 bytes a
parameter, and 2 for the layers at work. Checkpoints and saved models are whole, as of a training that is not sharded.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from curate.train.steps.model import Body
from curate.train.steps.muon import local
from curate.train.steps.place import Place


class ShardedWeights:
    """What `Weights` is, with every process holding its rows of each.

    With `bf16` layers are gathered and compute in bf16; gradients are summed, over processes and passes, in f32.
    """

    def __init__(self, model: Any, bf16: bool, place: Place) -> None:
        mesh = init_device_mesh(place.device.type, (place.world,))
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16 if bf16 else None, reduce_dtype=torch.float32)
        self.model, self.body = model, Body(model)
        for layer in self.body.model.layers:
            fully_shard(layer, mesh=mesh, mp_policy=policy)
        fully_shard(self.body, mesh=mesh, mp_policy=policy, reshard_after_forward=False)  # the loss needs the head
        for part in self.body.modules():
            if isinstance(part, FSDPModule):
                part.set_gradient_divide_factor(1.0)  # a sum, as the loss is scaled by the whole batch
                part.set_force_sum_reduction_for_comms(True)

    @property
    def head(self) -> torch.Tensor:
        """The head's matrix (vocabulary, hidden), whole from a forward pass to its backward pass."""
        found: torch.Tensor = self.body.lm_head.weight
        return found

    def begin(self) -> None:
        """Clear the gradients."""
        for parameter in self.model.parameters():
            parameter.grad = None

    def refresh(self) -> None:
        """Forget what was gathered."""
        assert isinstance(self.body, FSDPModule)
        self.body.reshard()

    def collect(self) -> None:
        """Do nothing: the backward pass has summed the gradients."""

    @torch.no_grad()
    def reduce(self, place: Place, clip: float) -> None:
        """Shorten the gradient, which is summed already, to `clip`."""
        held = [local(parameter.grad) for parameter in self.model.parameters() if parameter.grad is not None]
        norms = torch._foreach_norm([part for part in held if part.numel()])
        square = place.sum(torch.stack(norms).square().sum() if norms else torch.zeros((), device=place.device))
        torch._foreach_mul_(held, (clip / square.sqrt()).clamp(max=1.0))


@torch.no_grad()
def gathered(value: Any, place: Place) -> Any:
    """Return nested dicts and lists with sharded tensors whole, on the CPU of the first process; None in the others.

    Every process must call it. An object that comes twice is gathered once.
    """
    return _gathered(value, place, {})


def _gathered(value: Any, place: Place, known: dict[int, torch.Tensor | None]) -> Any:
    if isinstance(value, Mapping):
        return {name: _gathered(inner, place, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_gathered(inner, place, known) for inner in value]
    if not isinstance(value, DTensor):
        return value.detach() if isinstance(value, torch.Tensor) else value
    if id(value) not in known:
        whole = value.full_tensor()
        known[id(value)] = whole.cpu() if place.first else None
    return known[id(value)]


def shared_out(whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a copy of a whole tensor on `like`'s device, sharded as that is; without communication."""
    if not isinstance(like, DTensor):
        return whole.to(like.device)
    mesh = like.device_mesh
    rows = -(-whole.shape[0] // mesh.size())
    first = mesh.get_local_rank() * rows
    held = whole[first : first + rows].to(like.device, copy=True)
    found: torch.Tensor = DTensor.from_local(
        held, mesh, like.placements, run_check=False, shape=whole.shape, stride=whole.stride()
    )
    return found
