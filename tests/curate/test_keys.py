"""What enters a stage's key, and what may change between two runs without anything being made, or paid for, again."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from curate.llm import ModelSpec
from curate.recipe import keys, parse

FILES = {"folder": str(Path(__file__).parent)}
"""A few: the keys of all installed files are slower to tell."""


def key_of(use: dict[str, Any], **model: Any) -> str:
    """Return the key of a stage that asks a model."""
    spec = {"backend": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", **model}
    stages = {"seeds": {"use": "synth.seeds", "count": 5}, "it": {"from": "seeds", **use}}
    recipe = parse({"name": "r", "models": {"m": spec}, "sources": {"code": FILES}, "stages": stages})
    return keys(recipe)["it"]


ASKING = [
    {"use": "synth.exercise", "model": "m"},
    {"use": "filter.annotate", "model": "m"},
    {"use": "filter.quality", "learn_from": "seeds", "classifier": "forest", "embedder": "m"},
]


@pytest.mark.parametrize("use", ASKING, ids=lambda use: str(use["use"]))
def test_how_fast_and_at_what_price_a_model_answers_is_no_part_of_a_key(use: dict[str, Any]) -> None:
    before = key_of(use)
    settings = {
        "batch_size": 64, "max_context": 8192, "usd_per_mtok": [0.5, 1.5], "api_key_env": "OTHER_KEY", "gpus": "auto",
        "engines_per_gpu": 2, "gpu_memory": 0.5, "ahead": 4, "timeout_s": 60,
    }  # fmt: skip
    assert key_of(use, **settings) == before
    assert {key_of(use, **{name: value}) for name, value in settings.items()} == {before}


@pytest.mark.parametrize("use", ASKING, ids=lambda use: str(use["use"]))
def test_which_model_answers_is_part_of_a_key(use: dict[str, Any]) -> None:
    others = [{"model": "n"}, {"base_url": "http://127.0.0.1:10/v1"}, {"backend": "vllm"}]
    assert len({key_of(use), *(key_of(use, **other) for other in others)}) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"gpu_memory": 0}, {"gpu_memory": 1.1}, {"ahead": 0.5}, {"ahead": float("nan")}, {"gpus": 0},
        {"usd_per_mtok": [-1, 0]}, {"usd_per_mtok": [0, float("inf")]}, {"usd_per_mtok": [1]}, {"batch_size": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelSpec.model_validate({"backend": "vllm", "model": "m", **wrong})
