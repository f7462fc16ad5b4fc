"""Documents as short dense vectors, for classifiers and clusters that cannot read sparse ones.

Two embedders behind one interface. `Latent` is static: a truncated singular value decomposition of hashed token counts
(latent semantic analysis, Deerwester et al. 1990), learnt from the texts it is fitted to, and fast. `Encoder` averages
the last hidden states of any `transformers` model, as phi-1 took its features from a pretrained code model; on a CPU a
small one reads some kilobytes a second, so it wants a GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.classifiers.features import hashed_counts, unit_rows
from curate.llm import ModelSpec

Vectors = npt.NDArray[np.float32]
BITS = 16
DIMENSIONS = 64
CHUNK = 512
READ_CHARACTERS = 4000
MOST_TOKENS = READ_CHARACTERS // 3
"""How much of a document an encoder reads."""


class Embedder(Protocol):
    """What turns texts into vectors of one length each."""

    def embed(self, texts: pa.ChunkedArray) -> Vectors:
        """Return one row per text."""
        ...

    def tensors(self) -> Mapping[str, Any]:
        """Return what must be stored to embed again, by name."""
        ...


@dataclass(frozen=True)
class Latent:
    """A projection of hashed counts."""

    axes: Vectors
    """(2**BITS, dimensions)"""

    @classmethod
    def fit(cls, texts: pa.ChunkedArray, seed: int) -> "Latent":
        """Find the axes along which these texts differ most."""
        from sklearn.decomposition import TruncatedSVD

        rows = unit_rows(hashed_counts(texts, BITS))
        wanted = min(DIMENSIONS, min(rows.shape) - 1)
        found = TruncatedSVD(max(wanted, 1), n_iter=4, random_state=seed % 2**32).fit(rows)
        return cls(np.ascontiguousarray(found.components_.T, np.float32))

    def embed(self, texts: pa.ChunkedArray) -> Vectors:
        """Return the texts' places along the axes."""
        blocks = [np.zeros((0, self.axes.shape[1]), np.float32)]
        for start in range(0, len(texts), CHUNK):
            blocks.append(unit_rows(hashed_counts(texts.slice(start, CHUNK), BITS)) @ self.axes)
        return np.concatenate(blocks)

    def tensors(self) -> Mapping[str, Any]:
        """Return the axes."""
        return {"axes": self.axes}


class Encoder:
    """A language model as a reader: the mean of its last hidden states over a document's beginning."""

    def __init__(self, spec: ModelSpec) -> None:
        from curate.llm.backends.transformers_backend import load
        from curate.llm.places import locate

        model, self.tokenizer = load(locate(spec.model))
        self.body = getattr(model, "base_model", model)
        self.batch_size = spec.batch_size
        # Not `max_context`, which may change between two runs: the vectors may not.
        self.most = min(getattr(self.body.config, "max_position_embeddings", MOST_TOKENS), MOST_TOKENS)

    def embed(self, texts: pa.ChunkedArray) -> Vectors:
        """Return the mean hidden state of each text; an empty one is a row of zeros."""
        import torch

        rows = [
            self.tokenizer(text[:READ_CHARACTERS], add_special_tokens=False)["input_ids"][: self.most]
            for text in texts.to_pylist()
        ]
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        vectors = np.zeros((len(rows), self.body.config.hidden_size), np.float32)
        for start in range(0, len(order), self.batch_size):
            batch = [row for row in order[start : start + self.batch_size] if rows[row]]
            if not batch:
                continue
            width = max(len(rows[row]) for row in batch)
            ids = torch.tensor([rows[row] + [0] * (width - len(rows[row])) for row in batch])
            mask = torch.tensor([[1] * len(rows[row]) + [0] * (width - len(rows[row])) for row in batch])
            with torch.inference_mode():
                device = self.body.device
                states = self.body(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
                kept = mask.to(device)[..., None]
                vectors[batch] = ((states.float() * kept).sum(1) / kept.sum(1)).cpu().numpy()
        return vectors

    def tensors(self) -> Mapping[str, Any]:
        """Return nothing: the model lies where the recipe says."""
        return {}
