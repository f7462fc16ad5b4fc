"""What a user, a disk or a number can do wrong in training: each is one line that says what to do."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import Qwen3ForCausalLM

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.progress import Progress
from curate.recipe import parse
from curate.stage import Context
from curate.train.lm import TrainLM
from curate.train.plan import is_sharded
from curate.train.session import too_little_memory
from curate.train.steps.loop import Learner
from curate.train.steps.place import Place
from curate.train.steps.presets import PRESETS, config_of

SETTINGS: dict[str, Any] = {
    "hidden": 16,
    "layers": 1,
    "heads": 2,
    "feed_forward": 32,
    "vocab_size": 300,
    "block_length": 32,
    "batch_tokens": 128,
    "steps": 6,
    "checkpoint_every": 2,
    "log_every": 4,
    "measure_every": 100,
}


def context_in(folder: Path, **references: Path) -> Context:
    rows = [{"id": f"doc-{n}", "text": f"def f{n}(x):\n    return x + {n}\n", "source": "s"} for n in range(60)]
    write_shard(documents(rows), folder / "in" / "kept" / "0.parquet")
    (folder / "out").mkdir()
    return Context("model", 17, folder / "out", {"corpus": folder / "in"}, references)


def spoil(monkeypatch: pytest.MonkeyPatch, call: int, value: float) -> None:
    """Let the loss of one step be another number."""
    step, calls = Learner.step, []

    def spoilt(self: Learner, *given: Any) -> torch.Tensor:
        calls.append(None)
        loss = step(self, *given)
        return loss * value if len(calls) == call else loss

    monkeypatch.setattr(Learner, "step", spoilt)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_with_the_step_its_documents_and_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    context = context_in(tmp_path)
    spoil(monkeypatch, 3, value)
    with pytest.raises(UserError) as raised:
        TrainLM(**SETTINGS).run(context, Progress())
    line = str(raised.value)
    assert f"the loss of step 3 is {value}; its documents: doc-" in line
    assert f"the last good checkpoint is {context.directory / 'checkpoint.pt'}; lower learning_rate" in line
    assert "\n" not in line
    saved = torch.load(context.directory / "checkpoint.pt", weights_only=True)
    assert saved["state"]["step"] == 2
    assert all(bool(torch.isfinite(weight).all()) for weight in saved["model"].values())


def test_a_disk_that_fills_up_leaves_the_checkpoint_before_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_in(tmp_path)
    save, calls = torch.save, []

    def full(saved: Any, file: Any) -> None:
        calls.append(None)
        if len(calls) == 2:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(saved, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"checkpoint of step 4 \(No space left on device\); free space"):
        TrainLM(**SETTINGS).run(context, Progress())
    assert torch.load(context.directory / "checkpoint.pt", weights_only=True)["state"]["step"] == 2
    assert not list(context.directory.glob(".checkpoint*"))
    monkeypatch.undo()
    assert TrainLM(**SETTINGS).run(context, Progress())["steps"] == 6


@pytest.mark.parametrize(("tokens", "advice"), [(128, "set pass_tokens to 64 "), (32, "lower block_length")])
def test_too_little_memory_names_the_setting_to_lower(
    tokens: int, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(self: Learner, *given: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(Learner, "step", exhausted)
    with pytest.raises(UserError, match=f"passes of {tokens} tokens; {advice}.* or choose a smaller preset"):
        TrainLM(**SETTINGS, pass_tokens=tokens).run(context_in(tmp_path), Progress())


def test_too_little_memory_on_several_gpus_names_sharded_until_it_is() -> None:
    made = SimpleNamespace(rows=SimpleNamespace(length=32), schedule=SimpleNamespace(pass_rows=4, sharded=False))
    pair = Place(torch.device("cpu"), 0, 2)
    assert "set pass_tokens to 64 (the batch stays what it is), set sharded to true, or" in too_little_memory(
        made, pair
    )
    made.schedule.sharded = True
    assert "sharded" not in too_little_memory(made, pair)


@pytest.mark.parametrize(
    ("settings", "world", "gigabytes", "expected"),
    [
        ({"preset": "1.3b"}, 2, 80, True),
        ({"preset": "1.3b"}, 2, 141, False),
        ({"preset": "1.3b"}, 1, 80, False),
        ({"preset": "124m"}, 8, 24, False),
        ({"preset": "124m", "sharded": True}, 1, 141, True),
        ({"preset": "1.3b", "sharded": False}, 8, 24, False),
    ],
)
def test_weights_are_sharded_where_they_would_fill_a_fifth_of_each_of_several_gpus(
    settings: dict[str, Any], world: int, gigabytes: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = SimpleNamespace(total_memory=gigabytes * 1e9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    shape = PRESETS[settings["preset"]]
    with torch.device("meta"):
        model = Qwen3ForCausalLM(config_of(shape, shape.vocab_size, 0, 1))
    assert is_sharded(TrainLM(**settings), model, Place(torch.device("cuda:0"), 0, world)) is expected


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(tmp_path: Path) -> None:
    base = context_in(tmp_path)
    TrainLM(**{**SETTINGS, "steps": 1}).run(base, Progress())
    wider = tmp_path / "wider"
    wider.mkdir()
    other = context_in(wider)
    TrainLM(**{**SETTINGS, "steps": 1, "vocab_size": 280}).run(other, Progress())
    for path in (base.directory / "model").glob("tokenizer*"):
        (other.directory / "model" / path.name).write_bytes(path.read_bytes())
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    with pytest.raises(UserError, match=r"the tokenizer does not fit the model: 300 tokens.*vocabulary of 280"):
        TrainLM(init="base", steps=1, block_length=32, batch_tokens=128).run(
            context_in(tuned, base=other.directory), Progress()
        )


@pytest.mark.skipif(torch.cuda.device_count() >= 64, reason="there are as many")
def test_more_gpus_than_there_are_are_refused_before_any_work() -> None:
    with pytest.raises(UserError, match=r"gpus: 64 asked for, \d+ found on this machine"):
        TrainLM(gpus=64).check({})


def recipe(**settings: Any) -> Any:
    return parse(
        {
            "name": "r",
            "sources": {"code": {"installed": True}, "exercises": {"installed": True}},
            "stages": {"model": {"use": "train.lm", "from": ["code", "exercises"], **settings}},
        }
    )


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"mix": {"code": 0.5, "exercise": 0.5}},
            "mix: 'exercise' is no input of this stage; did you mean 'exercises'?",
        ),
        ({"mix": {"code": 0.5}}, "mix: says nothing of the input 'exercises'; give it a weight"),
        ({"mix": {"code": 1, "exercises": 1}, "decay_mix": {"cod": 1, "exercises": 1}}, "decay_mix: 'cod' is no input"),
        (
            {"upsample": {"codes": {"by": "quality"}}},
            "upsample: 'codes' is no input of this stage; did you mean 'code'?",
        ),
        ({"mix": {"code": 0.5, "exercises": {"epochs": 2}}}, "a share of every input or epochs of every input"),
        ({"mix": {"code": 0, "exercises": 0}}, "all weights are 0"),
        ({"mix": {"code": {"epochs": 1}, "exercises": {"epochs": 2}}, "tokens": 1e6}, "not tokens and a mix in epochs"),
        ({"decay_mix": {"code": 1, "exercises": 1}}, "decay_mix takes shares, beside a mix of shares"),
    ],
)
def test_a_mix_that_cannot_be_is_refused_while_the_recipe_is_read(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as raised:
        recipe(**settings)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mix_that_can_be_is_taken() -> None:
    mix = {"code": 0.6, "exercises": 0.4}
    job = recipe(mix=mix, decay_mix={"code": 1, "exercises": 3}, upsample={"code": {"by": "quality"}}).nodes[-1].stage
    assert job.mix == mix
    assert recipe(mix={"code": {"epochs": 4}, "exercises": {"epochs": 14}}).nodes[-1].stage.mix["code"].epochs == 4


def test_an_input_that_is_given_a_share_and_is_empty_is_named(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    write_shard(
        documents([{"id": "x", "text": "x", "source": "s"}]).slice(0, 0), tmp_path / "no" / "kept" / "0.parquet"
    )
    inputs = {**context.inputs, "empty": tmp_path / "no"}
    with pytest.raises(UserError, match="mix: 'empty' has nothing to train on"):
        TrainLM(**SETTINGS, mix={"corpus": 1, "empty": 1}).run(
            Context("model", 17, context.directory, inputs), Progress()
        )


def test_unknown_optimisers_are_refused() -> None:
    with pytest.raises(ValidationError, match="muon"):
        TrainLM(optimizer="sgd")
