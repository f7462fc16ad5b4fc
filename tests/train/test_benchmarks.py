"""What the training benchmark adds to the loop: its variants compute the same, its last lines say what was measured."""

from typing import Any

import torch
from transformers import Qwen3ForCausalLM

from benchmarks.train import sums
from benchmarks.train_variants import JoinedLinear, join_projections
from curate.train.steps.model import Body
from curate.train.steps.presets import Preset, config_of

SHAPE = Preset("qwen3", 64, 2, 2, 96, 260, 32, 256, 1e-3, 0.1, tied=True, steps=None)


def test_joined_projections_compute_what_the_stock_layers_do() -> None:
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(config_of(SHAPE, 260, 0, 1))
    ids = torch.randint(2, 260, (2, 32))
    weights = list(model.model.parameters())
    expected = Body(model)(ids)
    gradients = torch.autograd.grad(expected.square().sum(), weights)
    join_projections(model.model.layers)
    assert sum(isinstance(part, JoinedLinear) for part in model.modules()) == 2 * 5
    found = Body(model)(ids)
    torch.testing.assert_close(found, expected)
    for ours, stock in zip(torch.autograd.grad(found.square().sum(), weights), gradients, strict=True):
        torch.testing.assert_close(ours, stock, rtol=1e-4, atol=1e-5)


def run(part: str, name: str, **figures: Any) -> dict[str, Any]:
    return {"part": part, "preset": "60m", "name": name, **figures}


def test_the_last_lines_compare_what_was_measured_and_leave_out_what_failed() -> None:
    results = [
        run("speed", "ours", tokens_per_s=260.0),
        run("speed", "Trainer", tokens_per_s=100.0),
        run("speed", "Trainer, compiled", error="stopped after 9 s"),
        run("sharding", "whole", tokens_per_s=100.0, peak_gb=50.0),
        run("sharding", "sharded", tokens_per_s=98.0, peak_gb=40.0),
        run("optimizers", "adamw at 0.0005", optimizer="adamw", steps=90, held_out_loss=3.0),
        run("optimizers", "adamw at 0.001", optimizer="adamw", steps=90, held_out_loss=3.2),
        run("optimizers", "muon, 1 of the tokens", optimizer="muon", steps=90, held_out_loss=2.5),
        run("optimizers", "muon, 0.5 of the tokens", optimizer="muon", steps=45, held_out_loss=2.9),
        run("optimizers", "muon, 0.33 of the tokens", optimizer="muon", steps=30, held_out_loss=3.1),
    ]
    assert sums(results) == [
        "60m: ours is 2.60 times Trainer",
        "60m: sharded has 0.980 of the tokens/s of whole, and 0.800 of its memory",
        "60m: adamw at 0.0005 ends at a held-out loss of 3.000 after 90 steps; muon at 2.900 after 45 "
        "(2.00 times fewer)",
    ]
