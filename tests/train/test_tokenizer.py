"""The tokenizer: any text comes back unchanged, and training it twice gives the same one."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import curate.stage
from curate.errors import UserError
from curate.shards import documents, write_shard
from train.tokenizer import END, PAD, encode, load_tokenizer, sample_texts, train_tokenizer

CODE = [inspect.getsource(module) for module in (json, json.decoder, json.encoder, inspect, curate.stage)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(CODE, 600)


@given(st.text())
def test_any_text_comes_back_unchanged(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(encode(tokenizer, [text])[0]) == text


def test_code_with_its_indentation_comes_back_unchanged_in_fewer_tokens(tokenizer: Any) -> None:
    encoded = encode(tokenizer, CODE)
    assert tokenizer.batch_decode(encoded) == CODE
    assert sum(map(len, encoded)) < 0.5 * sum(map(len, CODE))


def test_a_text_that_spells_the_end_token_cannot_end_itself(tokenizer: Any) -> None:
    text = f"before {END}{PAD} after"
    encoded = encode(tokenizer, [text])[0]
    assert not {tokenizer.eos_token_id, tokenizer.pad_token_id} & set(encoded)
    assert tokenizer.decode(encoded) == text


def test_training_twice_gives_the_same_tokenizer(tokenizer: Any) -> None:
    assert train_tokenizer(CODE, 600).backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_a_saved_tokenizer_encodes_the_same(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    texts = [*CODE, f"{END} x", "\t\r\n  "]
    assert encode(loaded, texts) == encode(tokenizer, texts)
    assert (loaded.eos_token_id, loaded.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert loaded(END)["input_ids"] == encode(tokenizer, [END])[0]


def test_a_vocabulary_that_cannot_hold_every_byte_is_refused() -> None:
    with pytest.raises(UserError, match="vocab_size: 200 is too small"):
        train_tokenizer(CODE, 200)


def test_a_sample_of_texts_is_chosen_by_id_and_seed(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": f"text {n}", "source": "s"} for n in range(400)]
    write_shard(documents(rows), tmp_path / "all.parquet")
    write_shard(documents(rows[:200]), tmp_path / "a.parquet")
    write_shard(documents(rows[200:]), tmp_path / "b.parquet")
    whole = list(sample_texts([tmp_path / "all.parquet"], 0.3, 1))
    assert 80 < len(whole) < 160
    assert whole == list(sample_texts([tmp_path / "a.parquet", tmp_path / "b.parquet"], 0.3, 1))
    assert whole != list(sample_texts([tmp_path / "all.parquet"], 0.3, 2))
    assert len(list(sample_texts([tmp_path / "all.parquet"], 1.0, 1))) == 400
