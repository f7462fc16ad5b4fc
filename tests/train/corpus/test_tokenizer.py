"""The tokenizer: any text comes back unchanged, and a prompt that ends a line goes on as in training."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import curate.stage
from curate.benchmarks import catalogue as benchmarks
from curate.errors import UserError
from curate.eval.asking.protocols import PROTOCOLS
from curate.files.shards import documents, write_shard
from curate.train.corpus.tokenizer import END, PAD, encode, load_tokenizer, sample_texts, train_tokenizer

PLAIN = {name: protocol for name, protocol in PROTOCOLS.items() if not protocol.chat}
LINES = st.text(st.sampled_from("ab_1 \t\n\r\x0c\x85\u2028é\u0301'\"(.#中🙂")) | st.text()
"""Texts of what a tokenizer trips over, and any texts."""
CODE = [inspect.getsource(module) for module in (json, json.decoder, json.encoder, inspect, curate.stage)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(CODE, 600)


@given(LINES)
def test_any_text_comes_back_unchanged(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(encode(tokenizer, [text])[0]) == text


@given(before=LINES, end=st.sampled_from("\r\n"), after=LINES)
@example(before="def f():", end="\n", after="    return 1\n")
@example(before="a", end="\r", after="\nb")
@example(before="  x  ", end="\n", after="\n\n  y")
def test_a_text_cut_behind_any_line_end_has_the_tokens_of_the_whole(
    tokenizer: Any, before: str, end: str, after: str
) -> None:
    one, two, both = encode(tokenizer, [before + end, after, before + end + after])
    assert one + two == both


@given(before=LINES, blanks=st.text(st.sampled_from(" \t"), min_size=1, max_size=12), after=LINES)
def test_a_text_cut_behind_an_indentation_goes_on_as_in_the_whole(
    tokenizer: Any, before: str, blanks: str, after: str
) -> None:
    cut = f"{before}\n{blanks}"
    word = after.lstrip() or "x"
    one, both = encode(tokenizer, [cut, cut + word])
    assert both[: len(one)] == one


def test_a_word_behind_an_indentation_is_the_same_as_at_the_margin(tokenizer: Any) -> None:
    margin, inside, deep = encode(tokenizer, ["return", "\n    return", "\n        return"])
    assert inside[-len(margin) :] == deep[-len(margin) :] == margin
    assert len(inside) == len(deep) == len(margin) + 2


def test_numbers_are_cut_into_pairs_of_digits(tokenizer: Any) -> None:
    pieces = [tokenizer.decode([token]) for token in encode(tokenizer, ["x = 20250"])[0]]
    assert "".join(pieces[-5:]).endswith("20250")
    assert all(sum(character.isdigit() for character in piece) <= 2 for piece in pieces)
    assert not any(piece != piece.strip() and any(map(str.isdigit, piece)) for piece in pieces)


@pytest.mark.parametrize("name", PLAIN)
def test_the_tokens_of_every_benchmark_prompt_begin_those_of_prompt_and_solution(tokenizer: Any, name: str) -> None:
    protocol = PLAIN[name]
    try:
        tasks = benchmarks.load(protocol.data)
    except UserError as problem:
        pytest.skip(str(problem))
    prompts = protocol.prompts(tasks)
    texts = [str(prompts[task.task_id]) for task in protocol.scored(tasks)]
    wholes = [text + (task.solution or "") for text, task in zip(texts, protocol.scored(tasks), strict=True)]
    encoded = zip(encode(tokenizer, texts), encode(tokenizer, wholes), strict=True)
    assert [whole[: len(prompt)] == prompt for prompt, whole in encoded] == [True] * len(texts)


def test_the_seams_cost_less_than_a_tenth_more_tokens(tokenizer: Any) -> None:
    default = Tokenizer(models.BPE())
    default.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    default.train_from_iterator(CODE, trainer)
    without = sum(len(encoding.ids) for encoding in default.encode_batch(CODE))
    assert sum(map(len, encode(tokenizer, CODE))) < 1.1 * without


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
