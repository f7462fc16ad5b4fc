"""Training: the loss falls on real code, a killed run ends with the same weights, and transformers loads the result."""

import json
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.progress import Progress
from curate.stage import Context
from curate.train.lm import TrainLM
from curate.train.steps.schedule import Schedule, learning_rate
from curate.train.vocabulary import TrainTokenizer

SMALL: dict[str, Any] = {
    "hidden": 64,
    "layers": 2,
    "heads": 2,
    "feed_forward": 128,
    "vocab_size": 512,
    "block_length": 64,
    "batch_tokens": 512,
    "steps": 48,
    "checkpoint_every": 5,
    "log_every": 2,
    "measure_every": 16,
    "learning_rate": 6e-3,
    "held_out": 0.1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage directory with files of the standard library."""
    folder = tmp_path_factory.mktemp("corpus")
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:60]
    rows = [{"id": path.name, "text": path.read_text(encoding="utf-8")[:8000], "source": "s"} for path in files]
    write_shard(documents(rows[:40]), folder / "kept" / "0.parquet")
    write_shard(documents(rows[40:]), folder / "kept" / "1.parquet")
    return folder


def context_in(folder: Path, corpus: Path, **references: Path) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    return Context("model", 17, folder, {"corpus": corpus}, references)


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, TrainLM(**SMALL).run(context_in(folder, corpus), Progress())


def test_held_out_loss_falls_on_real_code(trained: tuple[Path, dict[str, float]]) -> None:
    folder, metrics = trained
    assert metrics["first_held_out_loss"] == pytest.approx(np.log(512), abs=0.5)
    assert metrics["held_out_loss"] < metrics["first_held_out_loss"] - 0.8
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    measured = [line["held_out_loss"] for line in lines if "held_out_loss" in line]
    assert [line["step"] for line in lines if "held_out_loss" in line] == [0, 16, 32, 48]
    assert measured == sorted(measured, reverse=True)
    assert [line["step"] for line in lines if "loss" in line] == list(range(2, 49, 2))


def test_the_model_loads_in_transformers_and_continues_code(trained: tuple[Path, dict[str, float]]) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained[0] / "model")
    tokenizer = AutoTokenizer.from_pretrained(trained[0] / "model")
    inputs = tokenizer("def main():\n", return_tensors="pt")
    out = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert out.shape[1] > inputs["input_ids"].shape[1]
    assert tokenizer.decode(out[0]).startswith("def main():\n")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_the_record_says_what_the_model_saw(trained: tuple[Path, dict[str, float]]) -> None:
    folder, metrics = trained
    record = json.loads((folder / "model" / "curate.json").read_text())
    weights = load_file(folder / "model" / "model.safetensors")
    assert record["parameters"] == sum(weight.numel() for weight in weights.values())
    assert 0.98 * 48 * 512 < record["tokens_seen"] == metrics["tokens_seen"] <= 48 * 512
    assert record["unique_tokens"] == record["tokens_seen"] < record["dataset_tokens"]
    assert record["inputs"]["corpus"]["visits"] == metrics["corpus.visits"] == record["tokens_seen"]
    assert metrics["corpus.epochs"] == pytest.approx(record["tokens_seen"] / record["dataset_tokens"])
    assert record["held_out_loss"] == metrics["held_out_loss"]


def test_what_only_training_needed_is_removed(trained: tuple[Path, dict[str, float]]) -> None:
    assert sorted(path.name for path in trained[0].iterdir()) == ["metrics.jsonl", "model"]


def test_a_finished_job_is_not_trained_again(trained: tuple[Path, dict[str, float]], corpus: Path) -> None:
    before = (trained[0] / "model" / "model.safetensors").stat().st_mtime_ns
    assert TrainLM(**SMALL).run(context_in(trained[0], corpus), Progress()) == trained[1]
    assert (trained[0] / "model" / "model.safetensors").stat().st_mtime_ns == before


KILLED = """
import json, os, signal, sys
from pathlib import Path
from curate.progress import Progress
from curate.stage import Context
from train.lm import TrainLM

class Deadly(Progress):
    def update(self, done, total, note=""):
        if note.startswith("loss") and done == 32:
            os.kill(os.getpid(), signal.SIGKILL)

TrainLM(**json.loads(sys.argv[1])).run(
    Context("model", 17, Path(sys.argv[2]), {"corpus": Path(sys.argv[3])}), Deadly()
)
"""


def test_a_run_killed_in_the_middle_ends_with_the_same_weights(
    trained: tuple[Path, dict[str, float]], corpus: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, json.dumps(SMALL), str(tmp_path), str(corpus)]
    ended = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not (tmp_path / "model").exists()
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["step"] == 30
    metrics = TrainLM(**SMALL).run(context_in(tmp_path, corpus), Progress())
    expected = load_file(trained[0] / "model" / "model.safetensors")
    found = load_file(tmp_path / "model" / "model.safetensors")
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert metrics["held_out_loss"] == trained[1]["held_out_loss"]
    assert metrics["tokens_seen"] == trained[1]["tokens_seen"]
    names = ("step", "tokens", "loss", "learning_rate", "held_out_loss")
    logs = [
        [{name: json.loads(line).get(name) for name in names} for line in (folder / "metrics.jsonl").open()]
        for folder in (tmp_path, trained[0])
    ]
    assert logs[0] == logs[1]


def test_training_goes_on_from_another_model(
    trained: tuple[Path, dict[str, float]], corpus: Path, tmp_path: Path
) -> None:
    job = TrainLM(init="base", steps=4, block_length=64, batch_tokens=512)
    metrics = job.run(context_in(tmp_path, corpus, base=trained[0]), Progress())
    assert metrics["first_held_out_loss"] < trained[1]["first_held_out_loss"] - 0.8
    record = json.loads((tmp_path / "model" / "curate.json").read_text())
    assert record["tokens_seen"] == trained[1]["tokens_seen"] + metrics["tokens_seen"]
    assert (tmp_path / "model" / "tokenizer.json").read_text() == (trained[0] / "model" / "tokenizer.json").read_text()


def test_models_of_one_tokenizer_stage_have_its_tokens_whatever_they_saw(corpus: Path, tmp_path: Path) -> None:
    shared = Context("words", 17, tmp_path / "words", {"corpus": corpus})
    assert TrainTokenizer(vocab_size=600).run(shared, Progress()) == {"tokens": 600.0}
    files = {path.name: path.read_bytes() for path in (tmp_path / "words" / "model").iterdir()}
    assert TrainTokenizer(vocab_size=600).run(shared, Progress()) == {"tokens": 600.0}, "a second start reads it"
    settings = {name: value for name, value in SMALL.items() if name != "vocab_size"} | {"steps": 3}
    rows = [{"id": f"n{n}", "text": f"x{n} = {n}\n" * 90, "source": "s"} for n in range(30)]
    write_shard(documents(rows), tmp_path / "other" / "kept" / "0.parquet")
    for name, data in (("one", corpus), ("two", tmp_path / "other")):
        job = TrainLM(tokenizer="words", **settings)
        job.run(context_in(tmp_path / name, data, words=tmp_path / "words"), Progress())
        saved = tmp_path / name / "model"
        assert (saved / "tokenizer.json").read_bytes() == files["tokenizer.json"]
        assert json.loads((saved / "config.json").read_text())["vocab_size"] == 600


def test_bf16_arithmetic_leaves_f32_weights(corpus: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "precision": "bf16", "steps": 10, "pass_tokens": 256}
    metrics = TrainLM(**settings).run(context_in(tmp_path, corpus), Progress())
    assert metrics["held_out_loss"] < metrics["first_held_out_loss"]
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_a_corpus_smaller_than_a_batch_is_refused(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": f"x = {n}", "source": "s"} for n in range(9)]
    write_shard(documents(rows), tmp_path / "in" / "kept" / "0.parquet")
    with pytest.raises(UserError, match="fewer than one batch of 512; give more documents or lower batch_tokens"):
        TrainLM(**SMALL).run(context_in(tmp_path / "out", tmp_path / "in"), Progress())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"steps": 3, "epochs": 1}, "give one of steps, tokens and epochs"),
        ({"init": "base", "hidden": 64}, "hidden is fixed by the model that init names"),
        ({"init": "base", "tokenizer": "words"}, "tokenizer is fixed by the model that init names"),
        ({"tokenizer": "words", "vocab_size": 600}, "vocab_size is fixed by the stage that tokenizer names"),
        ({"hidden": 100, "heads": 3}, "multiple of twice the heads"),
        ({"preset": "huge"}, "tiny"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError, match=line):
        TrainLM(**settings)


def test_tokens_may_be_written_as_a_power_of_ten() -> None:
    assert TrainLM(tokens="7e9").tokens == 7e9


def schedule(**changes: Any) -> Schedule:
    values = {"steps": 100, "batch_rows": 8, "pass_rows": 4, "optimizer": "adamw", "learning_rate": 1.0}
    rest = {"weight_decay": 0.1, "clip": 1.0, "checkpoint_every": 10, "log_every": 10, "measure_every": 10}
    lengths = {"warmup_steps": 10, "decay_steps": 40, "bf16": False, "compile": False}
    return Schedule(**{**values, **rest, **lengths, **changes})  # type: ignore[arg-type]


def test_the_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    rates = [learning_rate(step, schedule()) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:61] == [1.0] * 52
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[80] == pytest.approx(0.5)
    assert rates[100] == 0.0
