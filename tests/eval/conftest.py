"""Made-up benchmarks in the real ones' file formats, and a tiny model with random weights."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from curate.files.shards import write_json


def humaneval_row(number: int) -> dict[str, object]:
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def f{number}():\n    """Return {number}."""\n',
        "entry_point": f"f{number}",
        "canonical_solution": f"    return {number}\n",
        "test": f"def check(candidate):\n    assert candidate() == {number}\n",
    }


def mbpp_row(number: int) -> dict[str, object]:
    return {
        "task_id": number,
        "text": f"Write a function to return {number}.",
        "code": f"def g{number}():\r\n  return {number}",
        "test_list": [f"assert g{number}() == {number}", f"assert g{number}() != {number + 1}"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the self-check remembers, it remembers for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 164 and 974 made-up tasks, which CURATE_BENCHMARKS names."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    humaneval = "".join(json.dumps(humaneval_row(number)) + "\n" for number in range(164))
    mbpp = "".join(json.dumps(mbpp_row(number)) + "\n" for number in range(1, 975))
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(humaneval.encode()))
    (folder / "mbpp.jsonl").write_text(mbpp)
    monkeypatch.setenv("CURATE_BENCHMARKS", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage directory as `train.lm` leaves it: a Llama of random weights over bytes in `model/`."""
    stage = tmp_path_factory.mktemp("stages") / "base-0a1b2c3d"
    alphabet = ["<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={symbol: place for place, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(alphabet),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=0,
        bos_token_id=None,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(stage / "model")
    fast.save_pretrained(stage / "model")
    facts = {"name": "tiny", "parameters": 21_376, "tokens_seen": 9000, "unique_tokens": 800, "dataset_tokens": 900}
    write_json(facts, stage / "model" / "curate.json")
    return stage
