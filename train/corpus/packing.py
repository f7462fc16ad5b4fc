"""Tokenising a corpus: shards of Documents in, tokens and an index of documents out.

Every document is tokenised and closed with the end token. A share of the documents, chosen by their ids, is held out.
`tokenise` leaves in its folder:

    <n>.tokens.npy     one shard's tokens, document after document, unsigned integers
    <n>.index.npy      its documents: see INDEX; written last, so that it marks the shard as done

Killed anywhere and called again, it goes on with the shards that are missing. Which documents are seen when is
decided later (train/corpus/visits.py), and how they are laid into rows too (train/corpus/rows.py): no token is copied
for that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from curate.errors import UserError, did_you_mean
from curate.stage import derive_seed
from curate.train.corpus.infill import Infill
from curate.train.corpus.tokenizer import encode

BATCH_DOCUMENTS = 256
INDEX = np.dtype([("order", "<u8"), ("split", "<u8"), ("length", "<u4"), ("bytes", "<u4"), ("score", "<f8")])
"""What is known of a document: the seed of its places in the training order, its draw for the held-out split, tokens
with the end token, bytes of text, and its value in the column that weighs it (NaN without one)."""
PLACED = np.dtype([*INDEX.descr, ("input", "<u2"), ("shard", "<u4"), ("row", "<u4"), ("offset", "<u8")])
"""And where it stands: its input, its shard, its row there, and its first token in the shard's tokens."""


@dataclass(frozen=True)
class Corpus:
    """A tokenised corpus: the names of its inputs, its documents in an order of their own, and the shards' tokens."""

    inputs: tuple[str, ...]
    train: npt.NDArray[Any]
    held_out: npt.NDArray[Any]
    tokens: list[npt.NDArray[Any]]

    def unique(self, name: str) -> int:
        """Return the tokens to train on in one input."""
        return int(self.train["length"][self.train["input"] == self.inputs.index(name)].sum())


def tokenise(
    inputs: Mapping[str, Sequence[Path]],
    tokenizer: Any,
    folder: Path,
    *,
    held_out: float,
    seed: int,
    report: Callable[[int, int], None],
    score: Mapping[str, str] | None = None,
    infill: Infill | None = None,
) -> Corpus:
    """Tokenise the shards of every input; `held_out` is the share of documents to set aside, at least one.

    `report` gets (done, total); `score` names for some inputs the column that weighs their documents;
    `infill` rearranges some of those to train on.
    Raises UserError where there are fewer than two documents, or no such column.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = [(name, path) for name, paths in inputs.items() for path in paths]
    for number, (name, path) in enumerate(shards):
        report(number, len(shards))
        if not (folder / f"{number}.index.npy").exists():
            column = (score or {}).get(name)
            index, tokens = _tokenised(path, name, tokenizer, seed, column, infill, held_out)
            _save(folder / f"{number}.tokens.npy", tokens)
            _save(folder / f"{number}.index.npy", index)
    return load_corpus(folder, tuple(inputs), [name for name, _ in shards], held_out)


def load_corpus(folder: Path, inputs: tuple[str, ...], shards: Sequence[str], held_out: float) -> Corpus:
    """Open what `tokenise` left; `shards` names the input of every shard."""
    parts = [np.empty(0, PLACED)]
    tokens = []
    for number, name in enumerate(shards):
        index = np.load(folder / f"{number}.index.npy")
        placed = np.zeros(len(index), PLACED)
        for field in INDEX.names or ():
            placed[field] = index[field]
        placed["input"], placed["shard"] = inputs.index(name), number
        placed["row"] = np.arange(len(index))
        placed["offset"] = np.cumsum(index["length"], dtype=np.uint64) - index["length"]
        parts.append(placed)
        tokens.append(np.load(folder / f"{number}.tokens.npy", mmap_mode="r"))
    index = np.concatenate(parts)
    if len(index) < 2:
        raise UserError(
            f"the corpus has {len(index)} documents, and training needs one to learn from and one to hold out; "
            f"look at what the stages before dropped (`curate show --dropped`)"
        )
    index = index[np.argsort(index["order"], kind="stable")]
    chosen = index["split"] < held_out * 2**63
    if chosen.all() or not chosen.any():
        chosen = np.zeros(len(index), bool)
        chosen[np.argmin(index["split"])] = True
    return Corpus(inputs, index[~chosen], index[chosen], tokens)


def _tokenised(
    shard: Path, name: str, tokenizer: Any, seed: int, score: str | None, infill: Infill | None, held_out: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return one shard's index and its tokens."""
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    tokens: list[npt.NDArray[Any]] = []
    rows: list[tuple[int, int, int, int, float]] = []
    with pq.ParquetFile(shard) as file:
        if score is not None and score not in file.schema_arrow.names:
            raise UserError(
                f"upsample: the documents of {name!r} have no column {score!r}"
                f"{did_you_mean(score, file.schema_arrow.names)}"
            )
        for batch in file.iter_batches(BATCH_DOCUMENTS, columns=["id", "text", *([score] if score else [])]):
            columns = {column: batch.column(column).to_pylist() for column in batch.schema.names}
            ids, texts = columns["id"], columns["text"]
            scores = columns[score] if score else [None] * len(ids)
            for identity, text, encoded, value in zip(ids, texts, encode(tokenizer, texts), scores, strict=True):
                order, split = derive_seed(seed, "order", identity), derive_seed(seed, "held out", identity)
                if infill is not None and split >= held_out * 2**63:
                    encoded = infill.rearrange(encoded, derive_seed(seed, "infill", identity))  # noqa: PLW2901
                tokens.append(np.array([*encoded, tokenizer.eos_token_id], kind))
                rows.append((order, split, len(tokens[-1]), len(text.encode()), np.nan if value is None else value))
    return np.array(rows, INDEX), np.concatenate(tokens) if tokens else np.empty(0, kind)


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    temporary = path.with_name(f".{path.name}")
    np.save(temporary, values)
    temporary.replace(path)
