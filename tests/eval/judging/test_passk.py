"""pass@k: unbiased, refused where it cannot be had, with an interval that covers."""

from itertools import combinations
from math import isclose
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.eval.judging.passk import estimate, pass_at_k, wilson


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_it_is_the_share_of_subsets_with_a_passing_sample(outcomes: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(outcomes)))
    subsets = list(combinations(outcomes, k))
    expected = sum(map(any, subsets)) / len(subsets)
    assert isclose(pass_at_k(len(outcomes), sum(outcomes), k), expected, abs_tol=1e-12)


@given(st.integers(1, 300), st.data())
def test_it_rises_with_k_and_with_passing_samples(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n - 1))
    k = data.draw(st.integers(1, n))
    assert 0 <= pass_at_k(n, c, k) <= pass_at_k(n, c + 1, k) <= 1
    assert pass_at_k(n, c, 1) <= pass_at_k(n, c, k)
    assert isclose(pass_at_k(n, c, 1), c / n)


def test_more_draws_than_samples_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"pass@10 needs 10 samples of every task; 2 of 3 tasks have fewer, one of them 4"
    ):
        estimate([(20, 3), (4, 1), (9, 9)], k=10)
    with pytest.raises(UserError, match=r"pass@10 cannot be estimated from 4 samples"):
        pass_at_k(4, 1, 10)
    with pytest.raises(UserError, match="no tasks"):
        estimate([])


def test_tasks_may_have_different_numbers_of_samples() -> None:
    found = estimate([(2, 1), (4, 1), (1, 1)], k=1)
    assert isclose(found.value, (0.5 + 0.25 + 1) / 3)
    assert found.tasks == 3


@given(st.integers(1, 500), st.data())
def test_one_sample_a_task_gives_wilsons_interval(tasks: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, tasks))
    found = estimate([(1, int(place < passed)) for place in range(tasks)])
    low, high = wilson(passed / tasks, tasks)
    assert isclose(found.low, low, abs_tol=1e-9) and isclose(found.high, high, abs_tol=1e-9)
    assert found.low <= found.value + 1e-12 and found.value <= found.high + 1e-12


def test_wilsons_interval_gives_the_textbook_figures() -> None:
    low, high = wilson(0.1, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)


def test_the_interval_covers_the_truth_about_19_times_in_20() -> None:
    random = Random(5)
    covered = 0
    for _ in range(400):
        chances = [random.choice((0.0, 0.05, 0.5, 0.9)) for _ in range(164)]
        truth = (0.0 + 0.05 + 0.5 + 0.9) / 4
        found = estimate([(5, sum(random.random() < chance for _ in range(5))) for chance in chances])
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98
