"""Where one process of a training stands: its device, its number, and what it sums with the others.

Data parallel: every process takes its share of each batch's rows. Where each holds the whole model, the gradients,
which lie in one buffer, are summed once a step: one all-reduce of a buffer is as fast as many that overlap with the
backward pass where the step is long, for 124M parameters and 65,536 tokens a device some 3 ms of 130. Sharded weights
(sharding.py) are gathered, and their gradients summed, layer by layer.
"""

from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Place:
    """One process of `world`, on its device."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, count: int) -> tuple[int, int]:
        """Return the first and the last (exclusive) of this process's share of so many rows."""
        return self.rank * count // self.world, (self.rank + 1) * count // self.world

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum a tensor over all processes, in place, and return it."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes on the host."""
        return self.sum(values).cpu()

    def peak_bytes(self) -> int:
        """Return the most memory that any process has taken on its device; 0 on the CPU."""
        if self.device.type != "cuda":
            return 0
        peak = torch.tensor(torch.cuda.max_memory_allocated(), device=self.device, dtype=torch.long)
        if self.world > 1:
            dist.all_reduce(peak, dist.ReduceOp.MAX)
        return int(peak)
