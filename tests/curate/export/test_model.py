"""`curate export` of a model: a folder that transformers loads, with a card that holds the scores of the run."""

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard

from curate.errors import UserError
from curate.export.verb import export
from curate.files.shards import write_json
from tests.conftest import Run
from tests.curate.conftest import write_example
from tests.curate.export.test_corpus import files_of, make_run
from tests.hub import open_hub

SMALL = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocab_size": 300, "block_length": 32}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = {"use": "train.lm", "steps": 2, "batch_tokens": 64, "gpus": 0, **SMALL}
    return make_run(tmp_path_factory.mktemp("runs"), model=model)


def test_a_trained_model_is_loaded_by_transformers_and_gives_the_same_numbers(run: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = export(run, ["model"], tmp_path / "out")
    [stage] = run.glob("stages/model-*")
    tokens = AutoTokenizer.from_pretrained(tmp_path / "out")("def f():\n    return 1", return_tensors="pt")["input_ids"]
    ours, theirs = (AutoModelForCausalLM.from_pretrained(place) for place in (stage / "model", tmp_path / "out"))
    assert torch.equal(ours(tokens).logits, theirs(tokens).logits)
    assert found["kind"] == "model" and {file["path"] for file in found["files"]} >= {
        "model.safetensors",
        "config.json",
    }
    card = ModelCard.load(tmp_path / "out/README.md")
    assert card.data.to_dict()["library_name"] == "transformers" and "The run has no score of this model." in card.text
    assert "vllm serve FOLDER_OR_NAME" in card.text and "| `exact` | 550 |" in card.text


def test_by_default_the_corpus_leaves_and_a_model_leaves_alone(run: Path, tmp_path: Path) -> None:
    assert export(run, [], tmp_path / "out")["kind"] == "dataset"
    with pytest.raises(UserError, match="a model is exported alone; name model without the others"):
        export(run, ["exact", "model"], tmp_path / "both")


def test_the_scores_of_the_run_stand_in_the_model_index_with_their_protocols_and_no_samples(tmp_path: Path) -> None:
    example = write_example(tmp_path / "small")
    model, score = example.place("model") / "model", example.place("score")
    write_json({"architectures": []}, model / "config.json")
    write_json({"parameters": 3100000, "tokens_seen": 1200000}, model / "curate.json")
    (score / "model").mkdir()
    (score / "model/completion.samples.jsonl").write_text('{"task_id": "HumanEval/0", "raw": "a sample"}\n')
    export(example.directory, ["model"], tmp_path / "out")
    [index] = ModelCard.load(tmp_path / "out/README.md").data.to_dict()["model-index"]
    assert index["name"] == "small-model"
    metrics = {each["dataset"]["type"]: each["metrics"][0] for each in index["results"]}
    assert metrics["openai/openai_humaneval"]["value"] == pytest.approx(4 / 164, abs=1e-6)
    assert metrics["google-research-datasets/mbpp"]["args"]["tasks"] == 500
    text = (tmp_path / "out/README.md").read_text()
    assert "| `HumanEval` | `completion` | 2.4 % | 0.7 to 6.0 | 164 | 1.520 |" in text
    assert not any(b"a sample" in content for content in files_of(tmp_path / "out").values())


def test_a_model_goes_to_the_hub_as_a_model(run: Path, tmp_path: Path, curate: Run) -> None:
    with open_hub() as hub:
        done = curate("export", run, "model", "--to", tmp_path / "out", "--push", "me/m", "--json", env=hub.environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["commit"].startswith(hub.url)
        assert files_of(tmp_path / "out").items() <= hub.repositories["model/me/m"].items()
