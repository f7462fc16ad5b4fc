"""README's lines, typed in order in a fresh clone, do what it says: the whole path on real input, every stage of the
quickstart recipe, only smaller. What the run of `make demo` left behind is looked at closely."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from curate.files.cache import folder
from curate.files.shards import read_schema, read_shard
from tests.clone import SMALLER, copy_of_the_project, type_the_lines
from tests.conftest import BENCHMARKS, ROOT, Run
from tests.terminal import plain

Typed = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """A clone in which every line of README was typed in a terminal of 80 columns, and what each line drew."""
    place = tmp_path_factory.mktemp("readme")
    clone = copy_of_the_project(place)
    if BENCHMARKS.is_dir():
        (place / "shared").symlink_to(ROOT.parent / "shared")
    elif (folder() / "benchmarks").is_dir():
        shutil.copytree(folder() / "benchmarks", place / "cache/curate/benchmarks")
    else:
        pytest.skip("MBPP is not on this machine: without it the lines that decontaminate against it are refused")
    return clone, type_the_lines(clone, place / "cache")


@pytest.fixture(scope="module")
def clone(typed: Typed) -> Path:
    """The clone."""
    return typed[0]


@pytest.fixture(scope="module")
def quickstart(typed: Typed) -> Path:
    """The run of `make demo`."""
    return typed[0] / "runs/quickstart"


@pytest.fixture(scope="module")
def again(clone: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run `curate ARGUMENTS...` in the clone."""

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "curate", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)

    return run


def test_every_line_of_readme_works_and_fits_a_terminal_of_80_columns(typed: Typed) -> None:
    clone, drawn = typed
    for made in ("quickstart", "mine"):
        assert (clone / f"runs/{made}/report.html").is_file()
    for made in ("small.yaml", "scores/scores.json", "results.jsonl"):
        assert (clone / made).is_file()
    for line, screen in drawn.items():
        assert "Traceback" not in screen, line
        if line.startswith("curate "):
            wide = [row for row in plain(screen).splitlines() if cell_len(row) > 80]
            assert not [row for row in wide if "  curate show" not in row], (
                line
            )  # a command is left whole, to be copied
    (opened,) = [screen for line, screen in drawn.items() if "datasets.load_dataset" in line]
    assert "Dataset(" in opened, "the finished corpus opens where README says that it lies"


def test_the_wheel_carries_all_that_a_run_reads(clone: Path, tmp_path: Path) -> None:
    [wheel] = (clone / "dist").glob("curate_textbooks-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        top = name.split("/")[0]
        if (ROOT / name).is_symlink():
            continue  # a folder of the repository, whose files are listed by themselves
        if top in ("curate", "filters", "synth", "train", "eval") or name.startswith("recipes/"):
            inside = name if top == "curate" else f"curate/{name}"
            assert (tmp_path / "site" / inside).is_file(), name
    command = [sys.executable, "-m", "curate", "init", "phi1"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}, check=False)
    assert done.returncode == 0
    assert (tmp_path / "phi1.yaml").read_text() == (ROOT / "recipes/phi1.yaml").read_text()


def test_the_demo_draws_a_bar_and_leaves_a_line_for_each_stage(typed: Typed, stages: dict[str, dict[str, Any]]) -> None:
    (screen,) = [screen for line, screen in typed[1].items() if line.startswith("make demo")]
    seen = plain(screen)
    assert "phi-1" in seen and "50.6" in seen
    drawn = [line for line in seen.splitlines() if re.match(r"\w+ +[━─]", line)]
    assert max(map(len, drawn)) <= 80
    for name, stage in stages.items():
        assert any(line.startswith(f"{name} ") for line in drawn), f"no bar bears the name of {name}"
        counts = rf" +{stage['rows_in']:,} in +{stage['rows_kept']:,} kept +{stage['rows_dropped']:,} dropped"
        assert re.search(rf"^{name}{counts if stage['rows_in'] else ''} .*\d s$", seen, re.MULTILINE), name


@pytest.fixture(scope="module")
def stages(quickstart: Path, curate: Run) -> dict[str, dict[str, Any]]:
    """The run's stages as `curate status --json` tells of them, by name."""
    value = json.loads(curate("status", quickstart, "--json").stdout)
    assert value["state"] == "done"
    return {stage["name"]: stage for stage in value["stages"]}


def test_no_row_is_lost_in_any_stage_or_shard(quickstart: Path, stages: dict[str, dict[str, Any]]) -> None:
    run = json.loads((quickstart / "run.json").read_text())
    assert len(run["stages"]) == len(stages) == 18
    for stage in run["stages"]:
        directory, said = quickstart / stage["directory"], stages[stage["name"]]
        assert said["rows_in"] == said["rows_kept"] + said["rows_dropped"]
        assert said["rows_dropped"] == sum(said["dropped_by_reason"].values())
        for receipt in (json.loads(path.read_text()) for path in directory.glob("done/*.json")):
            if receipt["shard"] == "job":
                continue
            halves = [directory / half / f"{receipt['shard']}.parquet" for half in ("kept", "dropped")]
            assert [pq.read_metadata(half).num_rows for half in halves] == [
                receipt["rows_kept"],
                receipt["rows_dropped"],
            ]


def test_each_filter_reads_exactly_what_the_stages_above_it_kept(
    stages: dict[str, dict[str, Any]], quickstart: Path
) -> None:
    run = json.loads((quickstart / "run.json").read_text())
    for stage in run["stages"]:
        if stage["inputs"] and stages[stage["name"]]["rows_in"] and not stage["use"].startswith("synth."):
            assert stages[stage["name"]]["rows_in"] == sum(stages[name]["rows_kept"] for name in stage["inputs"])


def test_documents_are_told_apart_by_id_through_the_whole_run(quickstart: Path) -> None:
    for directory in quickstart.glob("stages/*"):
        ids = [
            value
            for half in ("kept", "dropped")
            for path in directory.glob(f"{half}/*.parquet")
            for value in pq.read_table(path, columns=["id"]).column("id").to_pylist()
        ]
        assert len(ids) == len(set(ids)), f"doubled ids in {directory.name}"


def test_duplicates_name_a_survivor_that_was_kept(quickstart: Path) -> None:
    for name in ("exact", "minhash"):
        (directory,) = quickstart.glob(f"stages/{name}-*")
        kept = {i for p in directory.glob("kept/*.parquet") for i in pq.read_table(p).column("id").to_pylist()}
        dropped = [row for path in directory.glob("dropped/*.parquet") for row in pq.read_table(path).to_pylist()]
        assert dropped
        for row in dropped:
            assert row["survivor"] in kept
            assert row["similarity"] >= 0.8


def rows_of(quickstart: Path, stage: str, half: str = "kept") -> list[dict[str, Any]]:
    return [
        row for path in quickstart.glob(f"stages/{stage}-*/{half}/*.parquet") for row in read_shard(path).to_pylist()
    ]


def test_exercises_are_accepted_only_after_their_code_ran(stages: dict[str, dict[str, Any]], quickstart: Path) -> None:
    from curate.sandbox.programs import Trial, judge

    assert stages["exercises"]["rows_in"] == SMALLER["stages"]["exercises"]["count"]
    rows = rows_of(quickstart, "mined")[:40]
    assert len(rows) >= 15, "real code holds more functions that run by themselves"
    trials = []
    for row in [*rows, *rows_of(quickstart, "exercises")]:
        lines = row["tests"].replace(f"{row['function_name']}(", "candidate(").splitlines()
        test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
        trials.append(Trial(row["text"], row["function_name"], test))
    for trial, judgement in zip(trials, judge(trials), strict=True):
        assert judgement.verdict == "pass", (trial.source, judgement)


def test_each_exercise_that_is_left_is_shown_in_several_shapes_and_no_two_do_the_same(quickstart: Path) -> None:
    left = {row["id"]: row for row in rows_of(quickstart, "synthetic") if row.get("header")}
    shown = [row for row in rows_of(quickstart, "shown") if row["item_id"] in left]
    assert {row["item_id"] for row in shown} == set(left)
    assert len(shown) > 2 * len(left)
    assert {"humaneval", "mbpp", "case2code"} <= {row["rendering"] for row in shown}
    behaviours = [row["behaviour"] for row in rows_of(quickstart, "different") if row["behaviour"]]
    assert len(behaviours) == len(set(behaviours))
    assert len(behaviours) > len(left) / 2


def test_the_model_learnt_and_opens_in_transformers(quickstart: Path, stages: dict[str, dict[str, Any]]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (directory,) = quickstart.glob("stages/model-*")
    losses = [
        row["held_out_loss"]
        for row in map(json.loads, (directory / "metrics.jsonl").read_text().splitlines())
        if row.get("held_out_loss") is not None
    ]
    assert losses[-1] < losses[0] - 0.5
    model = AutoModelForCausalLM.from_pretrained(directory / "model")
    tokenizer = AutoTokenizer.from_pretrained(directory / "model")
    assert model.num_parameters() < 1_000_000, "smaller than README's, as its clone says"
    assert tokenizer.decode(tokenizer("def f(x):\n    return x\n").input_ids).endswith("def f(x):\n    return x\n")


def test_scores_come_with_protocol_interval_and_bits_per_byte(quickstart: Path) -> None:
    (path,) = quickstart.glob("stages/score-*/scores.json")
    scores = {row["benchmark"]: row for row in json.loads(path.read_text())}
    assert set(scores) == {"humaneval", "mbpp"}
    for row in scores.values():
        assert row["n_tasks"] == SMALLER["stages"]["score"]["limit"]
        assert sum(row["verdicts"].values()) == row["n_tasks"]
        assert row["low"] <= row["pass_at_1"] <= row["high"]
        assert 0 < row["bits_per_byte"] < 8
        assert "@" in row["protocol"]


def test_the_table_sets_the_model_beside_the_four_baselines(quickstart: Path, curate: Run) -> None:
    rows = json.loads(curate("table", quickstart, "--json").stdout)
    text = curate("table", quickstart).stdout
    for words in (
        ["phi-1", "50.6", "55.5"],
        ["WizardCoder", "57.3", "51.8"],
        ["GPT-3.5", "47"],
        ["StarCoder", "33.6", "52.7"],
    ):
        (line,) = [line for line in text.splitlines() if all(word in line for word in words)][:1]
        assert "published" in line
    assert "measured" in text
    assert rows


def test_the_life_of_each_kind_of_document_can_be_traced(quickstart: Path, curate: Run) -> None:
    def some(stage: str, half: str) -> str:
        paths = sorted(quickstart.glob(f"stages/{stage}-*/{half}/*.parquet"))
        return next(i for path in paths for i in pq.read_table(path).column("id").to_pylist())

    for stage, half in [("clean", "kept"), ("minhash", "dropped"), ("quality", "dropped"), ("textbook", "dropped")]:
        done = curate("trace", quickstart, some(stage, half), "--json")
        assert done.returncode == 0, done.stderr
        steps = json.loads(done.stdout)
        assert stage in json.dumps(steps)


def test_a_second_run_makes_no_call_and_no_change(typed: Typed) -> None:
    (screen,) = [screen for line, screen in typed[1].items() if line.startswith("curate run recipes/quickstart.yaml")]
    assert plain(screen).count("cached") == 18


def test_the_call_log_answers_when_a_synthesis_stage_is_run_again(
    quickstart: Path, again: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    (directory,) = quickstart.glob("stages/textbook-*")
    before = [path.read_bytes() for path in sorted(directory.glob("kept/*.parquet"))]
    for receipt in directory.glob("done/*.json"):
        receipt.unlink()
    (directory / "stage.json").unlink()
    command = ("run", "recipes/quickstart.yaml", "--until", "textbook", "--allow-empty")
    assert again(*command).returncode == 0
    (stats,) = [json.loads(path.read_text()) for path in directory.glob("stats.json")]
    assert stats["metrics"]["calls_made"] == 0
    assert stats["metrics"]["calls_replayed"] > 0
    assert [path.read_bytes() for path in sorted(directory.glob("kept/*.parquet"))] == before


def test_the_report_is_one_file_that_needs_no_network(quickstart: Path) -> None:
    page = (quickstart / "report.html").read_text()
    assert "<script src" not in page and "<link" not in page
    for name in ("minhash", "quality", "exercises", "phi-1"):
        assert name in page
    assert "phi-1" in (quickstart / "report.md").read_text()


def test_each_stage_writes_the_columns_that_it_said_it_would(quickstart: Path) -> None:
    from curate.recipe import load
    from curate.run.columns import columns_of

    recipe = load(quickstart / "recipe.yaml")
    inputs = {node.name: node.inputs for node in recipe.nodes}
    joined: set[str] = set()  # below several inputs a stage promises what all of them have
    for name, columns in columns_of(recipe).items():
        joined |= {name} if len(inputs[name]) > 1 or joined.intersection(inputs[name]) else set()
        for shard in quickstart.glob(f"stages/{name}-*/kept/*.parquet"):
            schema = read_schema(shard)
            there = dict(zip(schema.names, schema.types, strict=True))
            assert columns is None or dict(columns).items() <= there.items(), name
            assert columns is None or name in joined or len(there) == len(columns), name
