"""Packing: shards of Documents in, blocks of tokens out.

Every document is tokenised and closed with the end token; the documents are laid end to end in an order drawn from
the seed and their ids, and the stream is cut into blocks of equal length. No token is lost: the last block is filled
up with the padding token. A share of the documents, chosen by their ids, is held out and packed apart.

`pack` leaves in its folder:

    shards/<n>.tokens.npy, <n>.index.npy   one shard's tokens and its documents (removed once packed)
    train.npy, held_out.npy                (blocks, block_length) unsigned integers
    packed.json                            the counts, written last: see Packed

Killed anywhere and called again, it goes on with the shards that are missing. Not covered: masks that keep attention
within a document.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.shards import write_json
from curate.stage import derive_seed
from train.tokenizer import encode

BATCH_DOCUMENTS = 256
INDEX = np.dtype([("order", "<u8"), ("split", "<u8"), ("length", "<u8"), ("bytes", "<u8")])
"""What is known of a document: its place in the training order, its draw for the held-out split, tokens, bytes."""


@dataclass(frozen=True)
class Packed:
    """Counts of a packed corpus, padding left out, the end tokens counted."""

    train_tokens: int
    train_documents: int
    held_out_tokens: int
    held_out_documents: int
    held_out_bytes: int
    block_length: int


def pack(
    shards: Sequence[Path],
    tokenizer: Any,
    folder: Path,
    *,
    block_length: int,
    held_out: float,
    seed: int,
    report: Callable[[int, int], None],
) -> Packed:
    """Tokenise and pack all shards; `held_out` is the share of documents to set aside; `report` gets (done, total).

    Raises UserError where the corpus is too small for one training block and one held-out block.
    """
    summary = folder / "packed.json"
    if summary.exists():
        return Packed(**json.loads(summary.read_text()))
    pieces = folder / "shards"
    pieces.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(shards):
        report(number, len(shards))
        if not (pieces / f"{number}.index.npy").exists():
            _tokenise(shard, tokenizer, pieces, number, seed)
    index, tokens = _gather(pieces, len(shards))
    chosen = _held_out(index, held_out, block_length)
    packed = Packed(
        train_tokens=int(index["length"][~chosen].sum()),
        train_documents=int((~chosen).sum()),
        held_out_tokens=int(index["length"][chosen].sum()),
        held_out_documents=int(chosen.sum()),
        held_out_bytes=int(index["bytes"][chosen].sum()),
        block_length=block_length,
    )
    if min(packed.train_tokens, packed.held_out_tokens) < block_length:
        raise UserError(
            f"the corpus has {int(index['length'].sum()):,} tokens in {len(index):,} documents, too few for one block "
            f"of {block_length} to train on and one to hold out; give more documents or a smaller block_length"
        )
    pad = tokenizer.pad_token_id
    _write_blocks(folder / "train.npy", index, tokens, ~chosen, block_length, pad)
    _write_blocks(folder / "held_out.npy", index, tokens, chosen, block_length, pad)
    write_json(asdict(packed), summary)
    shutil.rmtree(pieces)
    return packed


def _tokenise(shard: Path, tokenizer: Any, folder: Path, number: int, seed: int) -> None:
    """Write one shard's tokens, then its index, which marks it as done."""
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    tokens: list[npt.NDArray[Any]] = []
    rows: list[tuple[int, int, int, int]] = []
    with pq.ParquetFile(shard) as file:
        for batch in file.iter_batches(BATCH_DOCUMENTS, columns=["id", "text"]):
            ids, texts = (column.to_pylist() for column in batch.columns)
            for identity, text, encoded in zip(ids, texts, encode(tokenizer, texts), strict=True):
                tokens.append(np.array([*encoded, tokenizer.eos_token_id], kind))
                order, split = derive_seed(seed, "order", identity), derive_seed(seed, "held out", identity)
                rows.append((order, split, len(tokens[-1]), len(text.encode())))
    _save(folder / f"{number}.tokens.npy", np.concatenate(tokens) if tokens else np.empty(0, kind))
    _save(folder / f"{number}.index.npy", np.array(rows, INDEX))


def _gather(folder: Path, count: int) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]]]:
    """Return all documents in training order, with the shard and offset of each, and the shards' tokens."""
    parts, tokens = [], []
    for number in range(count):
        index = np.load(folder / f"{number}.index.npy")
        place = np.zeros(len(index), np.dtype([*INDEX.descr, ("shard", "<u4"), ("offset", "<u8")]))
        for name in INDEX.names or ():
            place[name] = index[name]
        place["shard"] = number
        place["offset"] = np.cumsum(index["length"]) - index["length"]
        parts.append(place)
        tokens.append(np.load(folder / f"{number}.tokens.npy", mmap_mode="r"))
    if not sum(map(len, parts)):
        raise UserError("the corpus has no documents; look at what the stages before dropped (`curate show --dropped`)")
    index = np.concatenate(parts)
    return index[np.argsort(index["order"], kind="stable")], tokens


def _held_out(index: npt.NDArray[Any], share: float, block_length: int) -> npt.NDArray[np.bool_]:
    """Choose the documents with the lowest draws: the share asked for, and at least enough to fill one block."""
    by_draw = np.argsort(index["split"], kind="stable")
    wanted = int((index["split"] < share * 2**63).sum())
    full = int(np.searchsorted(np.cumsum(index["length"][by_draw]), block_length)) + 1
    chosen = np.zeros(len(index), bool)
    chosen[by_draw[: max(wanted, full)]] = True
    return chosen


def _write_blocks(
    path: Path,
    index: npt.NDArray[Any],
    tokens: list[npt.NDArray[Any]],
    chosen: npt.NDArray[np.bool_],
    block_length: int,
    pad: int,
) -> None:
    documents = index[chosen]
    total = int(documents["length"].sum())
    blocks = -(-total // block_length)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=tokens[0].dtype, shape=(blocks, block_length))
    stream = out.reshape(-1)
    position = 0
    for shard, offset, length in zip(
        *(documents[name].tolist() for name in ("shard", "offset", "length")), strict=True
    ):
        stream[position : position + length] = tokens[shard][offset : offset + length]
        position += length
    stream[position:] = pad
    out.flush()


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    temporary = path.with_name(f".{path.name}")
    np.save(temporary, values)
    temporary.replace(path)
