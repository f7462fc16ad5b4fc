import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from curate.filters.classifiers.agreement import (
    Calibration,
    agreement,
    expected_calibration_error,
    precision_recall_f1,
    rank_correlation,
    roc_area,
)


def coins(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels drawn from them."""
    random = np.random.default_rng(seed)
    probabilities = random.uniform(size=count)
    return probabilities, random.uniform(size=count) < probabilities


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    predicted, labels = np.array(pairs, bool).T
    assert precision_recall_f1(predicted, labels)[2] == pytest.approx(f1_score(labels, predicted, zero_division=0))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1))
def test_the_roc_area_is_that_of_scikit_learn(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([score for score, _ in pairs], float), np.array([label for _, label in pairs])
    expected = roc_auc_score(labels, scores) if len(set(labels)) == 2 else 0.5
    assert roc_area(scores, labels) == pytest.approx(expected)


def test_a_perfect_classifier_agrees_wholly_and_a_blind_one_not_at_all() -> None:
    grades = np.linspace(0, 5, 200)
    perfect = agreement(grades / 5, grades > 3, grades)
    assert perfect.rank_correlation == pytest.approx(1)
    assert perfect.f1 > 0.97
    blind = agreement(np.full(200, 0.5), grades > 3, grades)
    assert blind.rank_correlation == 0
    assert blind.f1 == 0


def test_true_probabilities_have_next_to_no_calibration_error_and_boasted_ones_do() -> None:
    probabilities, labels = coins(20_000, seed=1)
    assert expected_calibration_error(probabilities, labels) < 0.015
    assert expected_calibration_error((probabilities > 0.5).astype(float), labels) > 0.2


def test_calibration_mends_overconfidence_and_keeps_the_order() -> None:
    probabilities, labels = coins(4_000, seed=2)
    boasted = 1 / (1 + np.exp(-6 * np.log(probabilities / (1 - probabilities))))
    found = agreement(boasted, labels, labels.astype(float))
    assert found.calibration_error_raw > 0.15
    assert found.calibration_error < 0.04
    calibrated = Calibration.fit(boasted, labels)(boasted)
    assert (np.diff(calibrated[np.argsort(boasted, kind="stable")]) >= 0).all()


def test_calibration_of_scores_that_rank_backwards_never_turns_them_round() -> None:
    labels = np.arange(100) < 50
    scores = np.linspace(0.01, 0.99, 100)
    assert (np.diff(Calibration.fit(scores, labels)(scores)) > 0).all()


def test_scores_of_zero_and_one_stay_finite() -> None:
    scores = np.array([0.0, 1.0] * 10)
    assert np.isfinite(Calibration.fit(scores, scores > 0.5)(scores)).all()


def test_rank_correlation_of_a_constant_is_none() -> None:
    assert rank_correlation(np.ones(5), np.arange(5.0)) == 0
