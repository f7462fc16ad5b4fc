"""Drawing the next token of many rows at once: greedy, temperature, nucleus (Holtzman et al. 2020).

Each row brings its own random numbers, drawn from its own seed, so that what a row gets does not depend on which
rows stand beside it (up to rounding in the matrix products of a batch).
"""

import torch
from torch import Tensor

HEAD = 512
"""How many of the likeliest tokens are sorted first: enough for nearly all nuclei, 40 times cheaper than all 49,152."""


def draw(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """Return one token id a row.

    logits       (rows, vocabulary)
    temperature  (rows,), 0 is greedy
    top_p        (rows,), 1 keeps the whole vocabulary
    uniform      (rows,), numbers in [0, 1) that decide
    """
    tokens = logits.argmax(-1)
    sampled = (temperature > 0).nonzero().squeeze(-1)
    if len(sampled):
        probabilities = torch.softmax(logits[sampled].float() / temperature[sampled, None], -1)
        tokens[sampled] = _nucleus(probabilities, top_p[sampled, None], uniform[sampled, None])
    return tokens


def _nucleus(probabilities: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """Draw among the likeliest tokens whose mass before them is under `top_p`."""
    likely, index = probabilities.topk(min(HEAD, probabilities.shape[-1]), -1)
    mass = likely.cumsum(-1)
    if bool((mass[:, -1:] < top_p).any()):
        likely, index = probabilities.sort(-1, descending=True)
        mass = likely.cumsum(-1)
    mass = torch.where(mass - likely < top_p, likely, 0).cumsum(-1)
    place = torch.searchsorted(mass, uniform * mass[:, -1:], right=True).clamp(max=mass.shape[-1] - 1)
    return index.gather(-1, place).squeeze(-1)
