"""The whole path on real input: the quickstart recipe, every stage of it, only smaller."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, Run
from tests.terminal import in_terminal, plain

SMALLER = {
    "sources.code.limit": 1500,
    "sources.code.shard_rows": 400,
    "stages.seeds.count": 10,
    "stages.exercises.count": 4,
    "stages.exercises.solutions": 3,
    "stages.textbook.count": 2,
    "stages.model.steps": 20,
    "stages.score.limit": 12,
}
CHANGES = [word for key, value in SMALLER.items() for word in ("--set", f"{key}={value}")]
CHANGES.append("--allow-empty")  # of two sections by the smallest teacher often none is any good


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The finished run, and what a person saw of it: it runs as `make demo` does, in a terminal of 80 columns."""
    place = tmp_path_factory.mktemp("runs")
    code, screen = in_terminal(["run", ROOT / "recipes/quickstart.yaml", "--runs", place, *CHANGES], 80, timeout_s=540)
    assert code == 0, screen[-5000:]
    return place / "quickstart", screen


@pytest.fixture(scope="module")
def quickstart(demo: tuple[Path, str]) -> Path:
    """The finished run."""
    return demo[0]


def test_the_demo_draws_a_bar_and_leaves_a_line_for_each_stage(
    demo: tuple[Path, str], stages: dict[str, dict[str, Any]]
) -> None:
    seen = plain(demo[1])
    assert "Traceback" not in seen
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
        row for path in quickstart.glob(f"stages/{stage}-*/{half}/*.parquet") for row in pq.read_table(path).to_pylist()
    ]


def test_exercises_are_accepted_only_after_their_code_ran(stages: dict[str, dict[str, Any]], quickstart: Path) -> None:
    from curate.sandbox import Trial, judge

    assert stages["exercises"]["rows_in"] == SMALLER["stages.exercises.count"]
    rows = rows_of(quickstart, "mined")[:40]
    assert len(rows) == 40, "real code holds more functions that run by themselves"
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
    assert model.num_parameters() >= 3_000_000
    assert tokenizer.decode(tokenizer("def f(x):\n    return x\n").input_ids).endswith("def f(x):\n    return x\n")


def test_scores_come_with_protocol_interval_and_bits_per_byte(quickstart: Path) -> None:
    (path,) = quickstart.glob("stages/score-*/scores.json")
    scores = {row["benchmark"]: row for row in json.loads(path.read_text())}
    assert set(scores) == {"humaneval", "mbpp"}
    for row in scores.values():
        assert row["n_tasks"] == SMALLER["stages.score.limit"]
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


def test_a_second_run_makes_no_call_and_no_change(quickstart: Path, curate: Run) -> None:
    again = curate("run", ROOT / "recipes/quickstart.yaml", "--runs", quickstart.parent, *CHANGES)
    assert again.returncode == 0
    assert again.stderr.count("cached") == 18


def test_the_call_log_answers_when_a_synthesis_stage_is_run_again(quickstart: Path, curate: Run) -> None:
    (directory,) = quickstart.glob("stages/textbook-*")
    before = [path.read_bytes() for path in sorted(directory.glob("kept/*.parquet"))]
    for receipt in directory.glob("done/*.json"):
        receipt.unlink()
    (directory / "stage.json").unlink()
    command = ("run", ROOT / "recipes/quickstart.yaml", "--runs", quickstart.parent, "--until", "textbook", *CHANGES)
    assert curate(*command).returncode == 0
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
    from curate.columns import columns_of
    from curate.recipe import load

    recipe = load(quickstart / "recipe.yaml")
    inputs = {node.name: node.inputs for node in recipe.nodes}
    joined: set[str] = set()  # below several inputs a stage promises what all of them have
    for name, columns in columns_of(recipe).items():
        joined |= {name} if len(inputs[name]) > 1 or joined.intersection(inputs[name]) else set()
        for shard in quickstart.glob(f"stages/{name}-*/kept/*.parquet"):
            schema = pq.read_schema(shard)
            there = dict(zip(schema.names, schema.types, strict=True))
            assert columns is None or dict(columns).items() <= there.items(), name
            assert columns is None or name in joined or len(there) == len(columns), name
