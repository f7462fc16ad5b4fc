"""How well a classifier agrees with labels it has not seen, and how its scores become probabilities.

In: scores, boolean labels and the grades behind them, one each per document. Out: plain figures for reports.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
BINS = 10


@dataclass(frozen=True)
class Agreement:
    """Figures on held-out labels."""

    precision: float
    recall: float
    f1: float
    """Of the positive class, at a probability of 0.5 after calibration."""
    rank_correlation: float
    """Spearman's, between score and grade."""
    calibration_error: float
    """Expected calibration error of the calibrated probability, each half judged by what the other half taught."""
    calibration_error_raw: float
    """The same before calibration."""


@dataclass(frozen=True)
class Calibration:
    """Platt scaling (Platt 1999): probability = sigmoid(slope * logit(score) + intercept). It never changes ranks."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, scores: Scores, labels: Labels) -> "Calibration":
        """Fit on labels of both classes. Where the score ranks worse than chance, its order stays, squeezed flat."""
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression().fit(log_odds(scores)[:, None], labels)
        return cls(max(float(fitted.coef_[0, 0]), 1e-6), float(fitted.intercept_[0]))

    def __call__(self, scores: Scores) -> Scores:
        """Return calibrated probabilities."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * log_odds(scores) + self.intercept))))

    def as_dict(self) -> dict[str, float]:
        """Return what `Calibration(**value)` reads."""
        return asdict(self)


def agreement(scores: Scores, labels: Labels, grades: Scores) -> Agreement:
    """Compare scores with labels and grades. Needs both classes among the labels."""
    precision, recall, f1 = precision_recall_f1(Calibration.fit(scores, labels)(scores) >= 0.5, labels)
    return Agreement(
        precision=precision,
        recall=recall,
        f1=f1,
        rank_correlation=rank_correlation(scores, grades),
        calibration_error=expected_calibration_error(_crossfitted(scores, labels), labels),
        calibration_error_raw=expected_calibration_error(scores, labels),
    )


def precision_recall_f1(predicted: Labels, labels: Labels) -> tuple[float, float, float]:
    """Return precision, recall and their harmonic mean; 0 where there is nothing to divide by."""
    hits = int((predicted & labels).sum())
    precision = hits / max(int(predicted.sum()), 1)
    recall = hits / max(int(labels.sum()), 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def rank_correlation(left: Scores, right: Scores) -> float:
    """Return Spearman's rank correlation, 0 where one side is constant."""
    from scipy.stats import spearmanr

    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return 0.0
    return float(spearmanr(left, right).statistic)


def roc_area(scores: Scores, labels: Labels) -> float:
    """Return how often a positive has the higher score than a negative, ties by half; 0.5 where a class is missing."""
    from scipy.stats import rankdata

    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return 0.5
    above = rankdata(scores)[labels].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def expected_calibration_error(probabilities: Scores, labels: Labels) -> float:
    """Return the mean gap between probability and share of positives over ten equal bins (Guo et al. 2017)."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs(float(np.sum(probabilities[bins == b]) - np.sum(labels[bins == b]))) for b in range(BINS)]
    return sum(gaps) / len(labels)


def _crossfitted(scores: Scores, labels: Labels) -> Scores:
    """Calibrate each half with what the other half teaches, so that no label judges what it taught."""
    order = np.argsort(labels, kind="stable")  # deals both classes evenly
    probabilities = scores.copy()
    for half in (order[::2], order[1::2]):
        other = np.setdiff1d(order, half)
        if len(np.unique(labels[other])) == 2:
            probabilities[half] = Calibration.fit(scores[other], labels[other])(scores[half])
    return probabilities


def log_odds(scores: Scores) -> Scores:
    """Return the log odds, bounded so that a score of 0 or 1 stays finite."""
    bounded = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(bounded / (1 - bounded)))
