"""The optimisers: Muon for the matrices inside the layers, AdamW for the rest; or AdamW for all.

Muon (muon.py) wants matrices that map states to states; embeddings, head and norms stay with AdamW. Both share one rate
and one decay. Parameters may be whole or sharded.
"""

from typing import Any

import torch

from curate.train.steps.muon import BatchedMuon
from curate.train.steps.presets import OptimizerName
from curate.train.steps.sharding import shared_out

BETAS = (0.9, 0.95)


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
        """Restore the states; of sharded parameters, what this process holds."""
        for optimizer, saved in zip(self.members, states, strict=True):
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            found = {
                number: {
                    name: shared_out(value, parameters[number]) if value.dim() else value
                    for name, value in state.items()
                }
                for number, state in saved["state"].items()
            }
            optimizer.load_state_dict({**saved, "state": found})


def split_parameters(
    model: torch.nn.Module,
) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    """Return the matrices inside the layers, the tables (embedding and head), and the vectors."""
    named: list[tuple[str, torch.Tensor]] = list(model.named_parameters())
    inner = [parameter for name, parameter in named if parameter.dim() == 2 and ".layers." in name]
    tables = [parameter for name, parameter in named if parameter.dim() == 2 and ".layers." not in name]
    return inner, tables, [parameter for _, parameter in named if parameter.dim() != 2]
