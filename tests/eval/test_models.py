"""The models of results/: kept from a run, judged again to the same rows, and shown by README and its picture."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks import models
from benchmarks.models_kept import cost, related_tasks, split
from benchmarks.models_shown import models as shown
from benchmarks.models_shown import picture, table
from curate.api import run
from curate.errors import UserError
from curate.files.shards import write_shard
from curate.table.leaderboard import table_text
from tests.conftest import ROOT

RESULTS = ROOT / "results"
SHAPE = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "block_length": 64, "batch_tokens": 256, "gpus": 0}


def exercise(number: int) -> dict[str, object]:
    head = f'def f{number}(x):\n    """Return x plus {number}."""\n'
    body = f"    return x + {number}"
    tests = f"assert f{number}(1) == {number + 1}\nassert f{number}(2) == {number + 2}"
    text = {"text": f"{head}{body}\n", "description": f"Return x plus {number}.", "solution": body, "tests": tests}
    return {"id": f"e{number}", "function_name": f"f{number}", "topic": f"t{number}", **text}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run: a tokenizer, two trainings that take it, and their scores on held-out exercises, greedy and drawn."""
    place = tmp_path_factory.mktemp("scored")
    rows = [exercise(number) for number in range(120)]
    (place / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    training = {"use": "train.lm", "from": "held", "tokenizer": "words", "steps": 2, "usd_per_gpu_hour": 2.0, **SHAPE}
    score = {"use": "eval.code", "tasks": [], "held_out": "held", "max_tokens": 4}
    stages = {
        "held": {"use": "select.holdout", "count": 6},
        "words": {"use": "train.tokenizer", "from": "held", "vocab_size": 300},
        "one": training,
        "two": training,
        "one_score": {**score, "from": "one"},
        "two_score": {**score, "from": "two"},
        "one_draws": {**score, "from": "one", "samples": 2, "temperature": 0.2, "bits": False},
    }
    keep = ["function_name", "topic", "description", "solution", "tests"]
    sources = {"docs": {"path": str(place / "docs.jsonl"), "text": "text", "id": "id", "keep": keep}}
    run({"name": "small", "sources": sources, "stages": stages}, runs=place / "runs")
    return place / "runs" / "small"


def test_a_run_is_kept_and_judged_again_to_the_same_rows(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    assert models.main(["add", str(scored), "--results", str(kept), "--commit", "abc"]) == 0
    one = kept / "small-one"
    facts = json.loads((one / "model.json").read_text())
    assert (facts["commit"], facts["seed"], facts["gpu_seconds"]) == ("abc", 0, 0)
    assert facts["tokens_seen"] == json.loads((one / "curate.json").read_text())["tokens_seen"] > 0
    assert (kept / f"recipe-{facts['recipe']}.yaml").read_text() == (scored / "recipe.yaml").read_text()
    answers = gzip.decompress((one / "exercises@completion.samples.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(answers) == 6 and "def f" not in "".join(json.loads(answer)["raw"] for answer in answers)
    assert (one / "exercises@doc-2x0.2.samples.jsonl.gz").exists()
    capsys.readouterr()
    assert models.main(["again", "--results", str(kept)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 6 and all(line.endswith("the same") for line in said)
    text = table_text([one, kept / "small-two"], arms=["small-one", "small-two"])
    assert "| exercises@completion | 6 | 0.0 | 0.0 (+0.0; +0.0 to +0.0) |" in text
    assert "| bits per byte, exercises@completion | 6 | " in text


def test_a_changed_answer_is_noticed(scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models.main(["add", str(scored), "--results", str(tmp_path / "kept"), "--only", "two=other"])
    path = tmp_path / "kept" / "other" / "exercises@completion.samples.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    rows[5]["raw"] = f"    return x + {rows[5]['task_id'][1:]}\n"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    assert models.main(["again", "other", "--results", str(tmp_path / "kept")]) == 1
    said = f"the score differs: 1 of 6 samples ({rows[5]['task_id']}) passes or fails otherwise"
    assert said in capsys.readouterr().out


def test_scores_are_split_by_whether_training_documents_come_near_a_task(tmp_path: Path) -> None:
    dropped = [{"id": "a", "text": "", "source": "s", "task": f"t/{number}"} for number in (1, 3, 3)]
    write_shard(pa.Table.from_pylist(dropped), tmp_path / "related" / "dropped" / "0.parquet")
    near = related_tasks(tmp_path / "related")
    assert near == ["t/1", "t/3"]
    verdicts = [{"task_id": f"t/{n}", "index": 0, "verdict": "pass" if n in (1, 2) else "wrong"} for n in range(6)]
    (tmp_path / "x.results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in verdicts))
    found = split(tmp_path, [{"results": "x.results.jsonl"}], near)["x"]
    assert (found["related"]["tasks"], found["related"]["pass_at_1"]) == (2, 0.5)
    assert (found["others"]["tasks"], found["others"]["pass_at_1"]) == (4, 0.25)
    assert found["others"]["low"] < 0.25 < found["others"]["high"]


def test_a_training_costs_its_gpu_seconds_at_the_price_that_was_stated() -> None:
    metrics = {"devices": 2, "peak_gb": 50.0, "train_seconds": 180.0, "parameters": 5, "unique_tokens": 7,
               "tokens_seen": 9, "tflops": 2.0, "tokens_per_s": 1e6, "joules": 3.6e6, "kwh": 1.0,
               "held_out_loss": 2.0}  # fmt: skip
    found = cost(metrics, 3.0)
    assert (found["gpu_seconds"], found["usd"], found["usd_per_gpu_hour"]) == (360, pytest.approx(0.3), 3.0)
    assert found["flops"] == pytest.approx(9 * 2e6)
    assert cost(metrics | {"usd": 0.5}, 3.0)["usd_per_gpu_hour"] == pytest.approx(5), "the training's own price counts"
    assert cost(metrics | {"peak_gb": None}, None)["gpu_seconds"] == 0


def test_a_model_without_scores_is_one_line(scored: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no scores of words; score it"):
        models.main(["add", str(scored), "--results", str(tmp_path / "kept"), "--only", "words"])
    with pytest.raises(UserError, match=r"lost holds no scores\.json"):
        models.main(["again", "lost", "--results", str(tmp_path / "kept")])


def test_readme_shows_what_the_command_prints() -> None:
    assert table(RESULTS) in (ROOT / "README.md").read_text()


def test_the_pictures_are_those_that_the_command_draws(tmp_path: Path) -> None:
    found = shown(RESULTS)
    drawn = picture(found, "training compute, FLOP", lambda each: each.flops)
    assert (RESULTS / "compute.svg").read_text() == drawn
    for each in found:
        if each.flops and "humaneval" in each.scores:
            assert each.name in drawn.partition("</desc>")[0], "told in words, also where there is no room for the name"


def test_what_others_published_is_marked_and_names_its_source() -> None:
    for each in shown(RESULTS):
        measured = [score for score in each.scores.values() if score.low is not None]
        assert bool(measured) == ("here" in each.origin)
        assert measured or (each.origin.startswith("published: ") and len(each.origin) > 20)
