"""Bits per byte: what a model of known probabilities must cost, with any batching, window and padding."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from curate.errors import UserError
from curate.eval.judging import bits

VOCABULARY = 256


class Bytes:
    """A tokenizer of bytes, so that every length in a test can be counted by hand."""

    bos_token_id = None
    eos_token_id = 0

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": list(text.encode())}


class Uniform:
    """A model that gives every byte the same probability: 8 bits a byte."""

    config = SimpleNamespace(vocab_size=VOCABULARY, max_position_embeddings=16)
    device = "cpu"

    def __call__(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, VOCABULARY))


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config).eval()


def total(model: Any, tokenizer: Any, pairs: list[tuple[str, str]]) -> float:
    return bits.per_byte(bits.measure(model, tokenizer, pairs))


PAIRS = [("def f(x):\n", "    return x\n"), ("# é\n", "y = 'ß'\n"), ("a", "b"), ("", "no prompt")]


def one_by_one(model: Any, pairs: list[tuple[str, str]]) -> float:
    """The definition: each byte's probability given all before it, one forward pass a byte."""
    nats = 0.0
    for prompt, solution in pairs:
        known = list(prompt.encode()) or [0]
        for byte in solution.encode():
            with torch.inference_mode():
                logits = model(torch.tensor([known])).logits[0, -1].double()
            nats -= float(torch.log_softmax(logits, 0)[byte])
            known.append(byte)
    return nats / math.log(2) / sum(len(solution.encode()) for _, solution in pairs)


def test_a_model_that_knows_nothing_needs_eight_bits_a_byte() -> None:
    long = ("prompt " * 9, "solution " * 30)
    assert total(Uniform(), Bytes(), [*PAIRS, long]) == pytest.approx(8.0, abs=1e-6)


def test_it_is_the_chain_of_conditional_probabilities(llama: LlamaForCausalLM) -> None:
    assert total(llama, Bytes(), PAIRS) == pytest.approx(one_by_one(llama, PAIRS), abs=1e-4)


def test_batching_changes_nothing(llama: LlamaForCausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    together = total(llama, Bytes(), PAIRS)
    monkeypatch.setattr(bits, "LOGITS_BYTES", 1)
    assert total(llama, Bytes(), PAIRS) == pytest.approx(together, abs=1e-5)


def test_a_solution_longer_than_the_context_is_read_in_windows_that_score_each_token_once() -> None:
    prompt, solution = "p" * 10, bytes(range(65, 115)).decode()
    windows = list(bits._windows(Bytes(), prompt, solution, context=16, pair=0))
    assert "".join(bytes(window.tokens[-window.scored :]).decode() for window in windows) == solution
    assert all(window.scored < len(window.tokens) <= 16 for window in windows)


def test_the_end_of_a_long_prompt_counts(llama: LlamaForCausalLM) -> None:
    near = total(llama, Bytes(), [("x" * 200 + "abc", "def")])
    assert near == pytest.approx(total(llama, Bytes(), [("y" + "x" * 199 + "abc", "def")]), abs=1e-6)
    assert near != pytest.approx(total(llama, Bytes(), [("x" * 200 + "abd", "def")]), abs=1e-4)


def test_tasks_without_a_solution_are_refused() -> None:
    with pytest.raises(UserError, match="needs reference solutions"):
        total(Uniform(), Bytes(), [("prompt", "")])


def test_each_solution_costs_what_it_costs_alone(llama: LlamaForCausalLM) -> None:
    together = bits.measure(llama, Bytes(), PAIRS)
    for pair, cost in zip(PAIRS, together, strict=True):
        [alone] = bits.measure(llama, Bytes(), [pair])
        assert cost.bits == pytest.approx(alone.bits, abs=1e-3)
        assert cost.bytes == alone.bytes == len(pair[1].encode())
