"""The model, its loss and its optimisers: each beside the stock part that it stands for."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM, Qwen3ForCausalLM

from curate.train.corpus.tokenizer import train_tokenizer
from curate.train.steps.loss import (
    IGNORE,
    linear_cross_entropy,
    loss_sum,
    shifted,
    softmax_gradient,
    softmax_gradient_in_place,
)
from curate.train.steps.model import Body, Weights, computed_parameters, flops_per_token, new_model
from curate.train.steps.muon import BatchedMuon
from curate.train.steps.optimizer import Optimizers, split_parameters
from curate.train.steps.presets import PRESETS, Preset

TOKENIZER = train_tokenizer(["def f(x):\n    return x\n"], 260)
SHAPE = Preset("qwen3", 64, 2, 2, 96, 260, 32, 256, 1e-3, 0.1, tied=True, steps=None)


def small(**changes: Any) -> Any:
    return new_model(Preset(**{**vars(SHAPE), **changes}), TOKENIZER, 5)


def awake(model: Any) -> Any:
    """The model with weights in its output projections, so that its layers do something."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1) if parameter.dim() == 2 else None
    return model


@pytest.fixture(params=["qwen3", "llama"])
def model(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield awake(small(family=request.param))


IDS = torch.randint(0, 256, (3, 32), generator=torch.Generator().manual_seed(2))


def test_the_body_computes_what_the_stock_model_does(model: Any) -> None:
    expected = model(input_ids=IDS, use_cache=False).logits
    found = Body(model)(IDS) @ model.lm_head.weight.T
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("tokens", "kernel"), [(1, softmax_gradient_in_place), (40, softmax_gradient), (8192, None)])
def test_the_chunked_loss_and_its_gradients_are_those_of_cross_entropy(
    model: Any, tokens: int, kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.train.steps.loss.CHUNK_TOKENS", tokens)
    ids = IDS.clone()
    ids[0, 20:] = TOKENIZER.pad_token_id
    targets = shifted(ids, TOKENIZER.pad_token_id)
    assert (targets != IGNORE).sum() == 2 * 31 + 19
    logits = model(input_ids=ids, use_cache=False).logits
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
    gradients = torch.autograd.grad(expected, list(model.parameters()))
    kernels = {"kernel": kernel} if kernel else {}
    found = linear_cross_entropy(Body(model)(ids), model.lm_head.weight, targets, torch.tensor(1 / 81), **kernels)
    torch.testing.assert_close(found, expected)
    for ours, stock in zip(torch.autograd.grad(found, list(model.parameters())), gradients, strict=True):
        torch.testing.assert_close(ours, stock, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(loss_sum(Body(model)(ids), model.lm_head.weight, targets) / 81, expected)


def test_batched_muon_moves_the_weights_as_torch_muon_does() -> None:
    ours, stock = awake(small()), awake(small())
    moved = split_parameters(ours)[0]
    optimizers = (
        BatchedMuon(moved, 0.02, 0.3),
        torch.optim.Muon(split_parameters(stock)[0], lr=0.02, weight_decay=0.3, adjust_lr_fn="match_rms_adamw"),
    )
    assert len({tuple(parameter.shape) for parameter in moved}) == 3
    before = [parameter.detach().clone() for parameter in moved]
    for step in range(3):
        for model, optimizer in zip((ours, stock), optimizers, strict=True):
            torch.manual_seed(step)
            for parameter in split_parameters(model)[0]:
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
    for found, expected, start in zip(moved, split_parameters(stock)[0], before, strict=True):
        step_size = (expected - start).abs().mean()
        assert (found - expected).abs().mean() < 0.01 * step_size  # bf16 holds 8 bits
    states = [optimizer.state_dict()["state"] for optimizer in optimizers]
    assert states[0].keys() == states[1].keys()
    for number, state in states[1].items():
        torch.testing.assert_close(states[0][number]["momentum_buffer"], state["momentum_buffer"])


def test_muon_takes_the_matrices_of_the_layers_and_adamw_the_rest() -> None:
    model = small(tied=False)
    optimizers = Optimizers(model, "muon", 1e-3, 0.1)
    by_adamw, by_muon = (
        {id(parameter) for group in member.param_groups for parameter in group["params"]}
        for member in optimizers.members
    )
    named = dict(model.named_parameters())
    assert by_muon == {id(p) for name, p in named.items() if name.endswith("_proj.weight")}
    assert by_adamw == {id(p) for p in named.values()} - by_muon


@pytest.mark.parametrize("bf16", [False, True])
def test_gradients_of_several_passes_add_up_in_one_f32_buffer(bf16: bool) -> None:
    model = awake(small())
    weights = Weights(model, bf16)
    scale = torch.tensor(1 / 93)

    def passes(*parts: torch.Tensor) -> torch.Tensor:
        weights.begin()
        for part in parts:
            targets = shifted(part, TOKENIZER.pad_token_id)
            linear_cross_entropy(Body(weights.working)(part), weights.head, targets, scale).backward()
            weights.collect()
        return weights.gradient.clone()

    whole, pieces = passes(IDS), passes(*IDS.split(1))
    assert whole.dtype == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert whole.norm() > 0
    assert (whole - pieces).norm() < (0.02 if bf16 else 1e-5) * whole.norm()
    assert torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).equal(pieces)


def test_the_rotary_frequencies_stay_exact_in_bf16() -> None:
    weights = Weights(small(), True)
    assert weights.working.lm_head.weight.dtype == torch.bfloat16
    assert weights.working.lm_head.weight is weights.working.model.embed_tokens.weight
    assert weights.working.model.rotary_emb.inv_freq.dtype == torch.float32


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("hidden", [64, 640, 2048])
def test_a_fresh_model_prefers_no_token_at_any_width(hidden: int, tied: bool) -> None:
    model = small(hidden=hidden, layers=1, tied=tied)
    loss = loss_sum(Body(model)(IDS), model.lm_head.weight, shifted(IDS, TOKENIZER.pad_token_id)) / 93
    assert loss.item() == pytest.approx(math.log(260), abs=0.15)


def test_the_seed_decides_the_weights_of_a_fresh_model() -> None:
    one, same, other = new_model(SHAPE, TOKENIZER, 5), new_model(SHAPE, TOKENIZER, 5), new_model(SHAPE, TOKENIZER, 6)
    assert all(a.equal(b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not one.lm_head.weight.equal(other.lm_head.weight)
    assert not one.model.layers[0].mlp.down_proj.weight.any()


def test_a_saved_model_is_a_stock_qwen3_that_other_programs_open(tmp_path: Path) -> None:
    model = awake(small())
    model.save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert (config.architectures, config.model_type, config.head_dim) == (["Qwen3ForCausalLM"], "qwen3", 32)
    assert config.tie_word_embeddings
    opened = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(opened) is Qwen3ForCausalLM
    torch.testing.assert_close(opened(input_ids=IDS).logits, model(input_ids=IDS).logits)


@pytest.mark.parametrize(
    ("name", "millions"), [("60m", 61), ("124m", 122), ("151m", 151), ("350m", 342), ("1.3b", 1300)]
)
def test_a_preset_has_the_size_in_its_name(name: str, millions: float) -> None:
    shape = PRESETS[name]
    with torch.device("meta"):
        model = Qwen3ForCausalLM(_config(shape))
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6) == millions
    assert shape.hidden // shape.heads == 128
    assert not shape.feed_forward % 128


def test_the_smallest_preset_has_some_three_million_parameters_as_the_quickstart_says() -> None:
    with torch.device("meta"):
        model = LlamaForCausalLM(_config(PRESETS["tiny"]))
    assert 2.5e6 < model.num_parameters() < 3.5e6


def _config(shape: Preset) -> Any:
    from curate.train.steps.presets import config_of

    return config_of(shape, shape.vocab_size, 0, 1)


def test_flops_count_the_head_and_not_the_embedding() -> None:
    tied, untied = small(), small(tied=False)
    assert computed_parameters(tied) == computed_parameters(untied)
    assert flops_per_token(tied, 32) == 6 * computed_parameters(tied) + 12 * 2 * 64 * 32
