"""Classifiers that learn from labelled documents which ones to keep: one interface, and those that stand behind it.

In: texts (an Arrow text column) with a boolean each. Out: for any texts, the probability of the positive class, in
[0, 1], by the classifier's own lights: calibration and cuts are for the caller. A classifier makes its own features of
the text, is a pure function of labels and seed, and is saved as one file that holds no code (no pickles).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.llm import ModelSpec

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
POSITIVE, NEGATIVE = "__label__keep", "__label__drop"


@dataclass(frozen=True)
class Settings:
    """What a classifier may be told. Each uses what concerns it."""

    seed: int
    dim: int = 16
    epochs: int = 5
    ngrams: int = 2
    embedder: ModelSpec | None = None
    """The language model whose hidden states a forest reads; None for embeddings of hashed tokens."""


class Classifier(Protocol):
    """A trained classifier."""

    def predict(self, texts: pa.ChunkedArray) -> Scores:
        """Return the probability of the positive class for each text."""
        ...

    def save(self, path: Path) -> None:
        """Write the classifier to one file."""
        ...


@dataclass(frozen=True)
class FastText:
    """Bag of tokens and token n-grams (Joulin et al. 2016) on the code token stream of filters/classifiers/tokens.py.

    DCLM (Li et al. 2024) found it the best of the filters it tried, and it is the cheapest. One thread, because with
    more the threads race and no two models are alike.
    """

    model: Any

    @classmethod
    def train(cls, texts: pa.ChunkedArray, labels: Labels, settings: Settings, scratch: Path) -> "FastText":
        """Learn from labelled texts; `scratch` is a file name for the training file, which is removed again."""
        import fasttext

        scratch.parent.mkdir(parents=True, exist_ok=True)
        try:
            with scratch.open("w", encoding="utf-8") as file:
                for stream, label in zip(_streams(texts), labels, strict=True):
                    file.write(f"{POSITIVE if label else NEGATIVE} {stream}\n")
            model = fasttext.train_supervised(
                str(scratch),
                dim=settings.dim,
                epoch=settings.epochs,
                wordNgrams=settings.ngrams,
                seed=settings.seed % 2**31,
                lr=0.5,
                minCount=3,
                bucket=2**18,
                thread=1,
                verbose=0,
            )
        finally:
            with suppress(FileNotFoundError):
                scratch.unlink()
        return cls(model)

    @classmethod
    def load(cls, path: Path, settings: Settings) -> "FastText":  # noqa: ARG003 - the contract's shape
        """Read what `save` wrote."""
        import fasttext

        return cls(fasttext.load_model(str(path)))

    def predict(self, texts: pa.ChunkedArray) -> Scores:
        """Return the probability of the positive class. fastText adds 1e-5 to what it reports: hence the clip."""
        scores = np.empty(len(texts))
        for index, stream in enumerate(_streams(texts)):
            (label, *_), (probability, *_) = self.model.predict(stream, k=1)
            scores[index] = probability if label == POSITIVE else 1 - probability
        return np.clip(scores, 0.0, 1.0)

    def save(self, path: Path) -> None:
        """Write fastText's own binary format."""
        self.model.save_model(str(path))


CLASSIFIERS = {
    "fasttext": "curate.filters.classifiers.classifier:FastText",
    "forest": "curate.filters.classifiers.forest:Forest",
    "linear": "curate.filters.classifiers.linear:Linear",
}


class Kind(Protocol):
    """A kind of classifier: how one is learnt, and how one is read from its file."""

    def train(self, texts: pa.ChunkedArray, labels: Labels, settings: Settings, scratch: Path) -> Classifier:
        """Learn from labelled texts; `scratch` may be used for a file meanwhile."""
        ...

    def load(self, path: Path, settings: Settings) -> Classifier:
        """Read what `save` wrote."""
        ...


def kind(name: str) -> Kind:
    """Return a kind of classifier by its name, loading what it needs."""
    module, _, member = CLASSIFIERS[name].partition(":")
    found: Kind = getattr(import_module(module), member)
    return found


def _streams(texts: pa.ChunkedArray) -> Iterator[str]:
    """Yield each text's code tokens. Their compiled loops are loaded here: a plan needs none of them."""
    from curate.filters.classifiers.tokens import token_streams

    return token_streams(texts)
