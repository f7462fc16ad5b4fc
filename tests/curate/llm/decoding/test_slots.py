"""Decoding in slots, as on a GPU: the answers are those of the other way, which is held against `transformers`' own."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from curate.llm import Completion, ModelSpec, Request
from curate.llm.backends.transformers_backend import TransformersBackend, completes, stop_rule
from curate.llm.decoding import slots
from curate.llm.decoding.slot_table import why_unsuited
from curate.llm.decoding.slots import Slots
from tests.curate.llm.backends.test_transformers_backend import PROMPTS

WAIT_S = 0.01


@pytest.fixture(scope="module")
def plain(tiny: ModelSpec) -> TransformersBackend:
    return TransformersBackend(tiny, slots=False)


@pytest.fixture
def slotted(plain: TransformersBackend, tiny: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> TransformersBackend:
    """Four slots, of which a step may look at any number, and at any 16 tokens."""
    monkeypatch.setattr(slots, "FEWEST", 1)
    monkeypatch.setattr(slots, "LENGTH", 16)
    return TransformersBackend(tiny, slots=True)


def answers(backend: TransformersBackend, requests: list[Request], at_once: int = 99) -> dict[str, Completion]:
    """Ask, so many requests at a time, while others are answered."""
    found: dict[str, Completion] = {}
    parts: Iterator[list[Request]] = (requests[i : i + at_once] for i in range(0, len(requests), at_once))
    while len(found) < len(requests):
        backend.submit(next(parts, []))
        found |= {answer.id: answer for answer in backend.take(WAIT_S)}
    return found


def mixed() -> list[Request]:
    """Requests of all lengths, greedy and sampled, some with stop strings; prompts come several times."""
    found = [
        Request(f"{index}/{seed}", prompt=prompt, max_tokens=3 + 9 * seed, temperature=seed / 2, top_p=0.95, seed=seed)
        for index, prompt in enumerate([*PROMPTS[:4], PROMPTS[2] * 2])
        for seed in (0, 2, 3)
    ]
    return [replace(each, stop=("e", "\n\n") if each.id.endswith("3") else ()) for each in found]


@pytest.mark.parametrize("at_once", [3, 99])
def test_slots_give_what_batches_give_whoever_comes_when(
    plain: TransformersBackend, slotted: TransformersBackend, at_once: int
) -> None:
    expected = answers(plain, mixed())
    assert answers(slotted, mixed(), at_once) == expected
    assert {answer.finish_reason for answer in expected.values()} == {"stop", "length"}


def test_a_longer_prompt_than_any_before_gets_its_room(
    slotted: TransformersBackend, plain: TransformersBackend
) -> None:
    short, long = Request("s", prompt="x", max_tokens=5), Request("l", prompt="x " * 90, max_tokens=20)
    assert answers(slotted, [short, long], at_once=1) == answers(plain, [short, long])


def test_what_is_dropped_does_not_come_and_hinders_nothing(
    slotted: TransformersBackend, plain: TransformersBackend
) -> None:
    slotted.submit([Request(str(seed), prompt="x " * 20, max_tokens=60, temperature=1, seed=seed) for seed in range(9)])
    slotted.take(0)
    assert slotted.drop() == []
    assert slotted.take(0) == []
    again = [Request("again", prompt="x", max_tokens=90)]
    assert answers(slotted, again) == answers(plain, again)


def test_choices_and_requests_without_room_are_answered_beside_slots(slotted: TransformersBackend) -> None:
    asked = [
        Request("choice", prompt="x", choices=("0", "9")),
        Request("long", prompt="x " * 400),
        Request("text", prompt="x", max_tokens=2),
    ]
    found = answers(slotted, asked)
    assert found["choice"].probabilities is not None
    assert found["long"].finish_reason == "error"
    assert found["text"].completion_tokens == 2


def test_slots_look_at_no_more_than_lives(plain: TransformersBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "FEWEST", 1)
    monkeypatch.setattr(slots, "LENGTH", 16)
    looked: list[tuple[int, int]] = []
    decoding: Slots[Request] = Slots(plain.model, frozenset(), 8)
    ready, _ = plain._prepare([Request(str(n), prompt="x", max_tokens=4 * n) for n in range(1, 9)])
    decoding.submit(ready)
    decoding.step()
    table = decoding.table
    assert table is not None
    step = table.step
    monkeypatch.setattr(table, "step", lambda *seen: (looked.append(seen), step(*seen))[1])
    while decoding.busy:
        decoding.step()
    assert looked[0] == (8, 16)
    assert looked[-1] == (1, 32 if len(ready[0][1].prompt) == 1 else 48)
    assert [rows for rows, _ in looked] == sorted((rows for rows, _ in looked), reverse=True)


def test_a_model_whose_attention_is_not_full_is_told_why_it_is_decoded_otherwise() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, sliding_window=8,
    )  # fmt: skip
    assert "not full" in why_unsuited(MistralForCausalLM(config).eval())


def test_a_model_that_is_wrong_in_slots_is_found_out(
    plain: TransformersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_unsuited(plain.model) == ""
    monkeypatch.setattr(slots.Table, "fill", lambda table, index, prompts: table.tokens.fill_(1) * torch.tensor(0))
    assert "other logits" in why_unsuited(plain.model)


def test_a_stop_string_is_looked_for_only_where_a_token_can_complete_it(plain: TransformersBackend) -> None:
    tokenizer = plain.tokenizer
    text = "class Point:\n    x = 1\n\nfor word in text.split():\n    print(word)\n"
    ids = tokenizer(text)["input_ids"]
    for stop in [("\n\nfor",), ("\nfor", "print("), ("t:",), (" ",), ("é", "x = ")]:
        rule = stop_rule(tokenizer, stop)
        decoded = ["".join(tokenizer.decode(ids[: end + 1])) for end in range(len(ids))]
        first = next((end for end, so_far in enumerate(decoded) if any(word in so_far for word in stop)), None)
        assert next((end for end in range(len(ids)) if rule(ids[: end + 1])), None) == first
    assert sum(completes(tokenizer, ("\ndef",), token) for token in range(400)) < 20
