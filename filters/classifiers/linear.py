"""A linear classifier on hashed tokens and token pairs: logistic regression, the plainest of the three.

In: texts with booleans. Out: probabilities. 2**18 weights, nothing else; saved as safetensors (numbers, no code).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.classifiers.classifier import Labels, Scores, Settings
from curate.filters.classifiers.features import hashed_counts, unit_rows

CHUNK = 512
"""Documents whose features are held at once."""
STRENGTH = 10.0
"""Inverse of the L2 penalty, for rows of length 1."""


@dataclass(frozen=True)
class Linear:
    """Weights of the hashed features, and the intercept."""

    weights: npt.NDArray[np.float32]
    intercept: float

    @classmethod
    def train(cls, texts: pa.ChunkedArray, labels: Labels, settings: Settings, scratch: Path) -> "Linear":  # noqa: ARG003
        """Learn from labelled texts."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=STRENGTH, max_iter=500).fit(unit_rows(hashed_counts(texts)), labels)
        return cls(model.coef_[0].astype(np.float32), float(model.intercept_[0]))

    @classmethod
    def load(cls, path: Path, settings: Settings) -> "Linear":  # noqa: ARG003
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        stored = load_file(path)
        return cls(stored["weights"], float(stored["intercept"][0]))

    def predict(self, texts: pa.ChunkedArray) -> Scores:
        """Return the probability of the positive class."""
        sums = [self._sums(texts.slice(start, CHUNK)) for start in range(0, len(texts), CHUNK)]
        return np.asarray(1 / (1 + np.exp(-np.concatenate([np.zeros(0), *sums]))))

    def _sums(self, texts: pa.ChunkedArray) -> Any:
        return unit_rows(hashed_counts(texts)) @ self.weights.astype(np.float64) + self.intercept

    def save(self, path: Path) -> None:
        """Write the weights."""
        from safetensors.numpy import save_file

        save_file({"weights": self.weights, "intercept": np.array([self.intercept])}, path)
