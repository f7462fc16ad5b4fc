"""Drawing tokens: the nucleus is what Holtzman et al. define, and the draw follows the probabilities."""

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.llm.decoding.sampling import draw


def nucleus(probabilities: list[float], top_p: float) -> set[int]:
    """The smallest set of likeliest tokens whose mass reaches `top_p`, and what ties with its last one."""
    chosen, mass = set(), 0.0
    for token in sorted(range(len(probabilities)), key=lambda t: -probabilities[t]):
        if mass >= top_p:
            break
        chosen.add(token)
        mass += probabilities[token]
    least = min(probabilities[token] for token in chosen)
    return {token for token, probability in enumerate(probabilities) if probability >= least}


@settings(max_examples=150, deadline=None)
@example([0.0, 0.5, 9.242613787069182e-30, -1.0], 0.5, 0.75)
@given(
    st.lists(st.floats(-6, 6, width=32), min_size=1, max_size=1500, unique=True),
    st.sampled_from([0.1, 0.5, 0.9, 0.99]),
    st.floats(0, 0.999),
)
def test_a_draw_stays_inside_the_nucleus(logits: list[float], top_p: float, uniform: float) -> None:
    row = torch.tensor([logits], dtype=torch.float32)
    token = draw(row, torch.tensor([0.8]), torch.tensor([top_p]), torch.tensor([uniform])).item()
    probabilities = torch.softmax(row[0] / 0.8, -1).tolist()
    assert token in nucleus(probabilities, top_p + 1e-5)


def test_draws_come_as_often_as_their_probabilities_say() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    count = 20_000
    uniform = (torch.arange(count) + 0.5) / count
    rows = probabilities.log().repeat(count, 1)
    tokens = draw(rows, torch.ones(count), torch.ones(count), uniform)
    shares = torch.bincount(tokens, minlength=4) / count
    assert torch.allclose(shares, probabilities, atol=2e-4)
    tokens = draw(rows, torch.ones(count), torch.full((count,), 0.8), uniform)
    shares = torch.bincount(tokens, minlength=4) / count
    assert torch.allclose(shares, torch.tensor([0.625, 0.375, 0, 0]), atol=2e-4)


def test_temperature_zero_is_greedy_whatever_else_is_set() -> None:
    logits = torch.randn(8, 50, generator=torch.Generator().manual_seed(1))
    tokens = draw(logits, torch.zeros(8), torch.full((8,), 0.3), torch.full((8,), 0.99))
    assert torch.equal(tokens, logits.argmax(-1))


def test_rows_of_one_batch_may_be_sampled_differently() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0]] * 3)
    tokens = draw(
        logits, torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1.0, 0.01, 1.0]), torch.tensor([0.9, 0.9, 0.999])
    )
    assert tokens.tolist() == [2, 2, 0]
