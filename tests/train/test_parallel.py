"""Several processes train as one does: the same curve, and what ends one of them ends all and costs steps only."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.progress import Progress
from curate.stage import Context
from curate.train.lm import TrainLM
from curate.train.parallel import fit_on

SETTINGS: dict[str, Any] = {
    "family": "qwen3",
    "hidden": 32,
    "layers": 2,
    "heads": 2,
    "feed_forward": 64,
    "vocab_size": 300,
    "block_length": 32,
    "batch_tokens": 224,
    "steps": 12,
    "optimizer": "muon",
    "checkpoint_every": 4,
    "log_every": 1,
    "measure_every": 6,
    "learning_rate": 5e-3,
}
PAIR = ["cpu", "cpu"]
"""They share seven rows: three and four."""


def context_in(folder: Path) -> Context:
    folder.mkdir()
    rows = [{"id": str(n), "text": f"def f{n}(x):\n    return x + {n}\n" * 3, "source": "s"} for n in range(80)]
    write_shard(documents(rows), folder / "in" / "kept" / "0.parquet")
    (folder / "out").mkdir()
    return Context("model", 17, folder / "out", {"corpus": folder / "in"})


def curve(context: Context, name: str = "loss") -> list[float]:
    lines = [json.loads(line) for line in (context.directory / "metrics.jsonl").read_text().splitlines()]
    return [line[name] for line in lines if name in line]


def stock(context: Context) -> dict[str, torch.Size]:
    """The weights of the model that transformers opens, by name."""
    weights = AutoModelForCausalLM.from_pretrained(context.directory / "model").state_dict()
    return {name: weight.shape for name, weight in weights.items()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Context:
    context = context_in(tmp_path_factory.mktemp("alone") / "a")
    fit_on(["cpu"], TrainLM(**SETTINGS, pass_tokens=128), context, Progress())
    return context


class Killer(Progress):
    """Kills one of the processes, the one that speaks or the other, once some steps are made."""

    def __init__(self, which: int) -> None:
        self.which, self.killed = which, False

    def update(self, done: float, total: float, note: str = "") -> None:
        if done >= 6 and note.startswith("loss") and not self.killed:
            self.killed = True
            os.kill(sorted(workers())[self.which], signal.SIGKILL)


def workers() -> list[int]:
    """The processes that this one has started for a training and that still live."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            owner = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if owner == os.getpid() and b"curate.train.parallel" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("sharded", "which"), [(False, 1), (True, 0)])
def test_two_processes_have_the_curve_of_one_with_twice_the_passes_and_survive_a_kill(
    alone: Context, tmp_path: Path, sharded: bool, which: int
) -> None:
    context, job = context_in(tmp_path / "two"), TrainLM(**SETTINGS, pass_tokens=32, sharded=sharded)
    with pytest.raises(RuntimeError, match="was killed by signal 9; run again"):
        fit_on(PAIR, job, context, Killer(which))
    assert not workers()
    assert not (context.directory / "model").exists()
    saved, whole = torch.load(context.directory / "checkpoint.pt", weights_only=True), stock(alone)
    assert saved["state"]["step"] >= 4
    assert {name: weight.shape for name, weight in saved["model"].items()} == whole
    assert sum(state["momentum_buffer"].numel() for state in saved["optimizer"][1]["state"].values()) == sum(
        shape.numel() for name, shape in whole.items() if name.endswith("_proj.weight")
    )
    fit_on(PAIR, job, context, Progress())
    assert curve(context) == pytest.approx(curve(alone), rel=1e-3)
    assert curve(context, "held_out_loss") == pytest.approx(curve(alone, "held_out_loss"), rel=1e-3)
    ours, expected = (load_file(c.directory / "model" / "model.safetensors") for c in (context, alone))
    assert ours.keys() == expected.keys()
    for name, weight in expected.items():
        assert (ours[name] - weight).norm() < 0.05 * weight.norm()  # Muon orthogonalises in bf16


def test_a_mistake_in_one_process_is_one_line_here_and_ends_all(tmp_path: Path) -> None:
    context = context_in(tmp_path / "few")
    with pytest.raises(UserError, match="too few for 2 GPUs; raise batch_tokens"):
        fit_on(PAIR, TrainLM(**{**SETTINGS, "batch_tokens": 32}), context, Progress())
    assert not workers()
