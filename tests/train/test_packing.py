"""Packing: every token of every document stands in exactly one block."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UserError
from curate.shards import documents, write_shard
from train.packing import Packed, pack
from train.tokenizer import encode, train_tokenizer

TOKENIZER = train_tokenizer(["def f(x):\n    return x\n"], 260)


def write(folder: Path, texts: list[str], shards: int) -> list[Path]:
    paths = []
    for number in range(shards):
        rows = [{"id": f"d{n}", "text": texts[n], "source": "s"} for n in range(number, len(texts), shards)]
        paths.append(folder / f"{number}.parquet")
        write_shard(documents(rows), paths[-1])
    return paths


def packed_at(folder: Path, paths: list[Path], block: int = 16, **changes: Any) -> tuple[Packed, Any, Any]:
    options = {"block_length": block, "held_out": 0.2, "seed": 3, "report": lambda done, total: None} | changes
    packed = pack(paths, TOKENIZER, folder, **options)
    return packed, np.load(folder / "train.npy"), np.load(folder / "held_out.npy")


def split_documents(blocks: Any) -> list[list[int]]:
    """Undo packing: the documents of a stream of blocks, end tokens removed."""
    stream = blocks.reshape(-1).tolist()
    while stream and stream[-1] == TOKENIZER.pad_token_id:
        stream.pop()
    found: list[list[int]] = [[]]
    for token in stream:
        if token == TOKENIZER.eos_token_id:
            found.append([])
        else:
            found[-1].append(token)
    assert found.pop() == []
    return found


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(min_size=1, max_size=60), min_size=12, max_size=40),
    shards=st.integers(1, 4),
    block=st.integers(2, 12),
)
def test_every_token_of_every_document_stands_in_exactly_one_split(texts: list[str], shards: int, block: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        packed, train, held_out = packed_at(folder / "t", write(folder, texts, shards), block)
    found = split_documents(train) + split_documents(held_out)
    assert sorted(found) == sorted(encode(TOKENIZER, texts))
    assert packed.train_tokens + packed.held_out_tokens == sum(map(len, found)) + len(texts)
    assert packed.train_documents + packed.held_out_documents == len(texts)
    assert train.shape[1] == held_out.shape[1] == block
    assert train.size - packed.train_tokens < block


def test_the_blocks_do_not_depend_on_how_the_documents_lie_in_shards(tmp_path: Path) -> None:
    texts = [f"x = {n}\n" * 5 for n in range(60)]
    one = packed_at(tmp_path / "one", write(tmp_path / "a", texts, 1))
    four = packed_at(tmp_path / "four", write(tmp_path / "b", texts, 4))
    assert one[0] == four[0]
    assert (one[1] == four[1]).all()
    assert (one[2] == four[2]).all()


def test_another_seed_gives_another_order_and_another_split(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"x = {n}\n" * 5 for n in range(60)], 1)
    _, train, held_out = packed_at(tmp_path / "one", paths)
    _, other_train, other_held_out = packed_at(tmp_path / "two", paths, seed=4)
    assert train.tolist() != other_train.tolist()
    assert sorted(split_documents(held_out)) != sorted(split_documents(other_held_out))


def test_about_the_asked_share_is_held_out_and_never_less_than_a_block(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"number = {n}\n" for n in range(500)], 2)
    assert 70 < packed_at(tmp_path / "fifth", paths)[0].held_out_documents < 130
    little = packed_at(tmp_path / "little", paths, held_out=1e-9)[0]
    assert 16 <= little.held_out_tokens < 60


def test_a_stopped_packing_goes_on_and_gives_the_same_blocks(tmp_path: Path) -> None:
    paths = write(tmp_path, [f"x = {n}\n" * 5 for n in range(60)], 3)
    _, whole, _ = packed_at(tmp_path / "whole", paths)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packed_at(tmp_path / "again", paths, report=stop)
    assert len(list((tmp_path / "again" / "shards").glob("*.index.npy"))) == 2
    _, again, _ = packed_at(tmp_path / "again", paths)
    assert (again == whole).all()


def test_too_little_for_a_block_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too few for one block of 4096"):
        packed_at(tmp_path / "small", write(tmp_path / "a", ["x = 1"] * 3, 1), 4096)
    with pytest.raises(UserError, match="no documents"):
        packed_at(tmp_path / "none", write(tmp_path / "b", [], 1))
