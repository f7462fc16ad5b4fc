"""`tracker:` mirrors figures of a run to trackio or wandb, and never stands in its way."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from curate.errors import UserError
from curate.recipe import keys, load, parse
from curate.records import tracker
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent
from tests.curate.export.test_corpus import make_run

SMALL = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocab_size": 300, "block_length": 32}
TRAINING = {"use": "train.lm", "steps": 20, "log_every": 5, "batch_tokens": 64, "gpus": 0, **SMALL}


class Heard(Silent):
    """Remembers the news."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def news(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose run is done up to its training."""
    place = tmp_path_factory.mktemp("tracked")
    make_run(place, count=200)
    value = yaml.safe_load((place / "goods.yaml").read_text())
    value["stages"]["model"] = TRAINING
    (place / "goods.yaml").write_text(yaml.safe_dump(value))
    return place / "goods.yaml"


def run_with(recipe: Path, kind: str, runs: Path) -> tuple[Path, list[str]]:
    heard = Heard()
    execute(open_run(load(recipe, {"tracker": kind}), runs), heard, workers=1)
    return runs / "goods", heard.lines


def test_trackio_holds_the_losses_of_a_training_and_the_counts_of_stages(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    run, lines = run_with(recipe, "trackio", tmp_path)
    assert lines == [], (run / "tracker.log").read_text()
    with sqlite3.connect(tmp_path / "trackio/goods.db") as database:
        rows = [json.loads(row[0]) for row in database.execute("SELECT metrics FROM metrics ORDER BY id")]
    [metrics] = run.glob("stages/model-*/metrics.jsonl")
    losses = [
        (line["step"], line["loss"]) for line in map(json.loads, metrics.read_text().splitlines()) if "loss" in line
    ]
    assert [(row["model/step"], row["model/loss"]) for row in rows if "model/loss" in row] == losses and len(
        losses
    ) >= 4
    [counts] = [row for row in rows if "exact/rows_in" in row]
    assert (counts["exact/rows_in"], counts["exact/rows_kept"], counts["exact/dropped/exact duplicate"]) == (
        200,
        150,
        50,
    )


def test_wandb_offline_keeps_the_same_on_disk(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name, value in {"MODE": "offline", "DIR": str(tmp_path), "SILENT": "true", "CACHE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    run, lines = run_with(recipe, "wandb", tmp_path)
    assert lines == [], (run / "tracker.log").read_text()
    [written] = tmp_path.glob("wandb/offline-run-*/*.wandb")
    content = written.read_bytes()
    assert b"model/loss" in content and b"exact/rows_kept" in content


def test_a_tracker_that_fails_or_hangs_is_one_warning_and_the_run_is_done(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "check_installed", lambda kind: None)
    monkeypatch.setattr("curate.run.opened.check_installed", lambda kind: None)
    monkeypatch.setattr(tracker, "PATIENCE_S", 1.0)
    for behaviour, words in (("raise OSError('no disk')", "failed"), ("import time; time.sleep(600)", "did not end")):
        place = tmp_path / words.split()[0]
        (place / "lib").mkdir(parents=True)
        (place / "lib/trackio.py").write_text(f"def init(**_): {behaviour}\n")
        monkeypatch.setenv("PYTHONPATH", str(place / "lib"))
        run, lines = run_with(recipe, "trackio", place)
        assert json.loads((run / "run.json").read_text())["state"] == "done"
        assert len(lines) == 1 and words in lines[0] and "does not depend on it" in lines[0]


def test_a_missing_package_is_named_with_the_command_that_installs_it_before_any_work(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"tracker: wandb is not installed; .*pip install wandb"):
        open_run(load(recipe, {"tracker": "wandb"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["wanbd", "mlflow", 3, ["trackio"]])
def test_an_unknown_tracker_is_refused(kind: Any, recipe: Path) -> None:
    with pytest.raises(UserError, match="must be trackio or wandb"):
        load(recipe, {"tracker": kind})


def test_a_tracker_is_part_of_no_key(recipe: Path) -> None:
    value = yaml.safe_load(recipe.read_text())
    assert keys(parse(value)) == keys(parse({**value, "tracker": "trackio"}))
