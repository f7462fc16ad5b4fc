"""Bits per byte of the reference solutions: the score that a small model can move long before it solves a task.

In: a causal language model with its tokenizer, and (prompt, solution) pairs. Out: the bits that the model needs to
write the solutions, each after its prompt, and their UTF-8 bytes. Bytes and not tokens, so that tokenizers compare; of
each pair, so that two models compare task by task (curate/table/arms.py).

Prompt and solution are tokenized apart, as in generation, where the prompt's tokens are given. A solution longer than
half the context is read in windows with the text before it as far as it fits, so nothing is left out; of a long prompt
the end counts. Not covered: models behind an HTTP endpoint, which return no probabilities of a given text.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from curate.errors import UserError

LOGITS_BYTES = 256 << 20
"""The most that one batch's logits may take; at a vocabulary of 150,000 this is some 450 positions."""
CONTEXT = 2048
"""Window for models that state no context length."""


@dataclass(frozen=True)
class Window:
    """One forward pass's row: all of `tokens` is read, the last `scored` of them are predicted."""

    tokens: tuple[int, ...]
    scored: int
    pair: int
    """Which pair it belongs to."""


@dataclass(frozen=True)
class Cost:
    """What a model needs to write one solution, and how long it is."""

    bits: float
    bytes: int


def load(folder: Path) -> tuple[Any, Any]:
    """Return the model and tokenizer of a `transformers` folder; on a GPU, where there is one, in bfloat16."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def measure(model: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> list[Cost]:
    """Return what each solution costs after its prompt."""
    context = getattr(model.config, "max_position_embeddings", None) or CONTEXT
    windows = [window for number, pair in enumerate(pairs) for window in _windows(tokenizer, *pair, context, number)]
    nats = [0.0] * len(pairs)
    for batch in _batches(windows, model.config.vocab_size):
        for window, cost in zip(batch, _nats(model, batch), strict=True):
            nats[window.pair] += cost
    return [Cost(each / math.log(2), len(text.encode())) for each, (_, text) in zip(nats, pairs, strict=True)]


def per_byte(costs: Sequence[Cost]) -> float:
    """Return the bits per byte of solutions together. Raises UserError where all are empty."""
    size = sum(cost.bytes for cost in costs)
    if size == 0:
        raise UserError("bits per byte needs reference solutions; these tasks have none")
    return math.fsum(cost.bits for cost in costs) / size


def _windows(tokenizer: Any, prompt: str, solution: str, context: int, pair: int) -> Iterator[Window]:
    """Yield windows that together predict each token of the solution once."""
    before = tokenizer(prompt)["input_ids"] or [_start(tokenizer)]
    tokens = before + tokenizer(solution, add_special_tokens=False)["input_ids"]
    step = context // 2
    for start in range(len(before), len(tokens), step):
        stop = min(start + step, len(tokens))
        yield Window(tuple(tokens[max(0, stop - context) : stop]), stop - start, pair)


def _start(tokenizer: Any) -> int:
    """Return the token that stands before a text with no prompt."""
    token = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if token is None:
        raise UserError("an empty prompt needs a tokenizer with a bos or eos token")
    return int(token)


def _batches(windows: Sequence[Window], vocabulary: int) -> Iterator[list[Window]]:
    """Yield windows of like length, as many together as LOGITS_BYTES allows (at least one)."""
    batch: list[Window] = []
    for window in sorted(windows, key=lambda window: len(window.tokens)):
        if batch and (len(batch) + 1) * len(window.tokens) * vocabulary * 4 > LOGITS_BYTES:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.inference_mode()
def _nats(model: Any, batch: Sequence[Window]) -> list[float]:
    """Return each row's negative log-likelihood of its scored tokens; rows are padded on the right and masked."""
    longest = max(len(window.tokens) for window in batch)
    tokens = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(tokens)
    targets = torch.full_like(tokens, -100)
    for row, window in enumerate(batch):
        size = len(window.tokens)
        tokens[row, :size] = torch.tensor(window.tokens)
        mask[row, :size] = 1
        targets[row, size - window.scored : size] = tokens[row, size - window.scored : size]
    device = model.device
    logits = model(input_ids=tokens.to(device), attention_mask=mask.to(device), use_cache=False).logits
    predicted = logits[:, :-1].reshape(-1, logits.shape[-1])
    each = cross_entropy(predicted.float(), targets[:, 1:].reshape(-1).to(device), reduction="none")
    return [float(total) for total in each.reshape(len(batch), -1).double().sum(dim=1)]
