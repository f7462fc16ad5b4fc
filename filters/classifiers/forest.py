"""A random forest (Breiman 2001) on embeddings: phi-1's classifier (Gunasekar et al. 2023, section 2.1).

In: texts with booleans, and an embedder (filters/classifiers/embeddings.py). Out: probabilities, the mean over the
trees. The trees are kept as plain arrays, saved as safetensors beside what the embedder learnt (numbers, no code), and
read by a compiled loop: scikit-learn's own format is a pickle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.classifiers.classifier import Labels, Scores, Settings
from curate.filters.classifiers.embeddings import Embedder, Encoder, Latent, Vectors
from curate.text.compiled import compiled

TREES = 200
LEAF = 3
"""Labels in a leaf, at least: grades are noisy, and a leaf of one label repeats its noise."""
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Forest:
    """An embedder and the nodes of all trees, one tree after the other."""

    embedder: Embedder
    feature: Integers
    """Which embedding dimension a node asks about; negative in a leaf."""
    threshold: npt.NDArray[np.float64]
    left: Integers
    right: Integers
    share: npt.NDArray[np.float32]
    """The share of positives among the labels that reached a node."""
    roots: Integers

    @classmethod
    def train(cls, texts: pa.ChunkedArray, labels: Labels, settings: Settings, scratch: Path) -> "Forest":  # noqa: ARG003
        """Learn from labelled texts."""
        from sklearn.ensemble import RandomForestClassifier

        embedder = Encoder(settings.embedder) if settings.embedder else Latent.fit(texts, settings.seed)
        grown = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=settings.seed % 2**32)
        grown.fit(embedder.embed(texts), labels)
        trees = [estimator.tree_ for estimator in grown.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1].astype(np.int32)
        moved = list(zip(trees, roots, strict=True))
        return cls(
            embedder,
            feature=np.concatenate([tree.feature for tree in trees]).astype(np.int32),
            threshold=np.concatenate([tree.threshold for tree in trees]),
            left=np.concatenate([tree.children_left + root for tree, root in moved]).astype(np.int32),
            right=np.concatenate([tree.children_right + root for tree, root in moved]).astype(np.int32),
            share=np.concatenate([tree.value[:, 0, 1] for tree in trees]).astype(np.float32),
            roots=roots,
        )

    @classmethod
    def load(cls, path: Path, settings: Settings) -> "Forest":
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        stored = load_file(path)
        embedder = Encoder(settings.embedder) if settings.embedder else Latent(stored.pop("axes"))
        return cls(embedder, **stored)

    def predict(self, texts: pa.ChunkedArray) -> Scores:
        """Return the probability of the positive class."""
        vectors = self.embedder.embed(texts)
        shares: Scores = _mean_share(
            vectors, self.feature, self.threshold, self.left, self.right, self.share, self.roots
        )
        return shares

    def save(self, path: Path) -> None:
        """Write the trees and what the embedder learnt."""
        from safetensors.numpy import save_file

        names = ("feature", "threshold", "left", "right", "share", "roots")
        nodes: Mapping[str, Any] = {name: getattr(self, name) for name in names}
        save_file({**nodes, **self.embedder.tensors()}, path)


@compiled
def _mean_share(
    vectors: Vectors,
    feature: Integers,
    threshold: npt.NDArray[np.float64],
    left: Integers,
    right: Integers,
    share: npt.NDArray[np.float32],
    roots: Integers,
) -> Scores:
    """Send each row down every tree; return the mean share of positives in the leaves."""
    result = np.zeros(len(vectors))
    for row in range(len(vectors)):
        for root in roots:
            node = root
            while feature[node] >= 0:
                node = left[node] if vectors[row, feature[node]] <= threshold[node] else right[node]
            result[row] += share[node]
        result[row] /= len(roots)
    return result
