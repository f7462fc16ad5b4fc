"""What `curate plan` says a recipe will take: from measured figures, each with where it is from, or not at all."""

import io
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from benchmarks.rates import RATES, gathered
from curate import run
from curate.api import Result
from curate.errors import UserError
from curate.estimate.forecast import forecast
from curate.estimate.shapes import flops_per_token, parameters
from curate.estimate.telling import plain
from curate.estimate.verb import plan_text
from curate.recipe import load
from curate.run.opened import open_run
from curate.train.steps import model as models
from curate.train.steps.presets import PRESETS, config_of
from tests.conftest import ROOT
from tests.terminal import in_terminal, several_in_terminal, widest
from tests.terminal import plain as without_colours

STAGES = {
    "exact": {"use": "dedup.exact"},
    "heuristics": {"use": "filter.heuristics"},
    "labels": {"use": "filter.rubric"},
    "quality": {"use": "filter.quality", "from": "heuristics", "learn_from": "labels", "keep": 0.4},
}


def test_the_shipped_rates_are_those_that_the_benchmarks_wrote() -> None:
    assert json.loads(RATES.read_text()) == gathered(), "run: python -m benchmarks.rates"


@pytest.mark.parametrize("name", ["tiny", "124m", "350m", "1.3b", "llama-350m"])
def test_shapes_are_counted_as_their_models_are(name: str) -> None:
    from transformers import AutoModelForCausalLM

    shape = PRESETS[name]
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(config_of(shape, shape.vocab_size, 0, 1))
    assert parameters(shape) == sum(weights.numel() for weights in built.parameters())
    assert flops_per_token(shape) == models.flops_per_token(built, shape.block_length)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe over real files."""
    folder = tmp_path_factory.mktemp("planning")
    for room in ("files", "llm", "text", "run", "report"):
        shutil.copytree(ROOT / "curate" / room, folder / "code" / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def recipe(folder: Path, stages: dict[str, Any] = STAGES, **sections: Any) -> Path:
    value = {"name": "planned", "seed": 3, "sources": {"code": {"folder": str(folder / "code")}}, "stages": stages}
    path = folder / "planned.yaml"
    path.write_text(yaml.safe_dump({**value, **sections}, sort_keys=False))
    return path


def estimate(path: Path, runs: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the forecast of each stage by name, and of all together as `total`."""
    found = plain(forecast(open_run(load(path), runs), runs, **options))
    return {one["stage"]: one for one in [*found["stages"], found["total"]]}


def test_a_run_that_was_made_foretells_another_one_of_its_stages(folder: Path, tmp_path: Path) -> None:
    path = recipe(folder)
    first = run(path, runs=tmp_path, workers=1)
    done = estimate(path, tmp_path)
    for name in ("code", *STAGES):
        kept = first[name].kept.to_arrow(["text"])
        assert (done[name]["state"], done[name]["documents_kept"], done[name]["seconds"]) == ("done", len(kept), 0)
        assert done[name]["text_bytes_kept"] == sum(len(text.encode()) for text in kept["text"].to_pylist())
    assert done["total"]["seconds"] == 0
    again = estimate(recipe(folder, {"heuristics": {"use": "filter.heuristics"}}, name="another", seed=4), tmp_path)
    seconds = first["heuristics"].counts["seconds"]
    share = len(first["heuristics"].kept) / len(first["exact"].kept)
    found = again["heuristics"]
    assert found["documents_kept"] == pytest.approx(len(first["code"].kept) * share)
    workers = open_run(load(path), tmp_path).recipe.engine.workers or len(os.sched_getaffinity(0))
    size = again["code"]["text_bytes_kept"] / first["heuristics"].counts["bytes_in"]
    assert found["seconds"] == pytest.approx(seconds * size / workers)
    assert found["origins"] == [str(tmp_path / "planned"), "benchmarks/results/disk.json"]


def test_what_nobody_measured_is_not_known_and_bounds_say_so(folder: Path, tmp_path: Path) -> None:
    stages = {"exact": {"use": "dedup.exact"}, "lines": {"use": "dedup.lines"}, "signals": {"use": "filter.signals"}}
    found = estimate(recipe(folder, stages), tmp_path / "none")
    assert found["exact"]["seconds"] is None and "seconds" in found["exact"]["unknown"]
    assert found["exact"]["documents_at_most"] and found["exact"]["documents_kept"] == found["code"]["documents_kept"]
    assert found["signals"]["seconds"] > 0 and found["signals"]["at_most"]
    assert "seconds" in found["total"]["at_least"]
    text = plan_text(open_run(load(folder / "planned.yaml"), tmp_path / "none"), tmp_path / "none")
    assert "≤: what a stage above drops is not known" in text and "?: nothing was measured that tells" in text


def test_training_goes_by_the_tokens_and_the_preset_that_were_measured(folder: Path, tmp_path: Path) -> None:
    rates = json.loads(RATES.read_text())
    train = {"use": "train.lm", "from": "exact", "usd_per_gpu_hour": 3.0}
    stages = {
        "exact": {"use": "dedup.exact"},
        "by_tokens": {**train, "preset": "124m", "tokens": 1e9},
        "by_epochs": {**train, "preset": "350m", "epochs": 3, "held_out": 0.1},
        "larger": {**train, "preset": "1.3b", "tokens": 1e9},
        "tuned": {**train, "init": "larger", "tokens": 1e9},
        "small": {"use": "train.lm", "from": "exact", "preset": "tiny"},
    }
    found = estimate(recipe(folder, stages), tmp_path / "none")
    hours = 1e9 / rates["training"]["124m"]["tokens_per_s"]["value"] / 3600
    assert found["by_tokens"]["gpu_hours"] == pytest.approx(hours)
    assert found["by_tokens"]["usd"] == pytest.approx(3 * hours)
    width = rates["bytes_per_token"]["32768"]["value"]
    assert found["by_epochs"]["tokens"] == pytest.approx(found["code"]["text_bytes_kept"] * 3 * 0.9 / width)
    reach = rates["training"]["350m"]["tflops"]["value"] * 1e12
    assert found["larger"]["gpu_hours"] == pytest.approx(1e9 * flops_per_token(PRESETS["1.3b"]) / reach / 3600)
    assert any("1.3b not measured" in origin for origin in found["larger"]["origins"])
    assert found["tuned"]["gpu_hours"] == found["larger"]["gpu_hours"], "its shape is that of the model it begins with"
    assert found["small"]["tokens"] == 500 * 1024 and found["small"]["seconds"] is None
    assert found["small"]["gpu_hours"] is None and "gpu_hours" not in found["small"]["unknown"]


class Stack(BaseHTTPRequestHandler):
    """The part of the hub's API by which files of a data set are listed and read; and an endpoint that is there."""

    data = b""
    columns = ("hexsha", "content", "max_stars_repo_licenses")

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if "/resolve/" in path:
            first, _, last = (self.headers.get("Range") or "bytes=0-").partition("=")[2].partition("-")
            low, high = int(first), min(int(last or len(self.data)), len(self.data) - 1)
            self._reply(206, self.data[low : high + 1], f"bytes {low}-{high}/{len(self.data)}")
            return
        listed: Any = {"id": "bigcode/the-stack-dedup", "sha": "2" * 40, "siblings": [], "tags": [], "private": False}
        if path.endswith("/tree/main/data"):
            listed = [{"type": "directory", "path": "data/python", "oid": "3" * 40}]
        elif "/tree/" in path:
            name = "data/python/data-00000-of-00001.parquet"
            listed = [{"type": "file", "path": name, "size": len(self.data), "oid": "1" * 40}]
        self._reply(200, json.dumps(listed).encode())

    def _reply(self, status: int, body: bytes, place: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub on loopback with a data set of The Stack's columns."""
    rows = 4000
    columns: dict[str, Any] = {
        "hexsha": [f"{n:040x}" for n in range(rows)],
        "content": [f"x = {n}\n" * 90 for n in range(rows)],
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table({**columns, "max_stars_repo_licenses": [["MIT"]] * rows}), buffer)
    Stack.data = buffer.getvalue()
    with ThreadingHTTPServer(("127.0.0.1", 0), Stack) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        for name, value in {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        yield url
        server.shutdown()
        thread.join()


def test_the_paper_s_recipe_plans_against_the_schema_of_its_source(stack: str, tmp_path: Path) -> None:
    environment = {"models.teacher.base_url": f"{stack}/v1"}
    command = ["plan", ROOT / "recipes" / "phi1.yaml", "--runs", tmp_path / "none", "--usd-per-gpu-hour", 2.5]
    for name, value in environment.items():
        command += ["--set", f"{name}={value}"]
    wrong = [*command, "--set", "sources.code.keep=[licence]"]
    (code, screen), (_, told), (refused, why) = several_in_terminal([command, [*command, "--json"], wrong])
    shown = without_colours(screen)
    assert code == 0 and widest(screen) <= 80, shown
    for title in ("kept", "text", "time", "tokens", "GPU h", "$", "disk"):
        assert f" {title} " in shown.partition("estimate")[2].splitlines()[0] + " "
    found = {one["stage"]: one for one in json.loads(told)["estimate"]["stages"]}
    assert found["code"]["documents_kept"] == 4000 and found["code"]["text_bytes_kept"] > 1e5
    answers = 2_000_000 * json.loads(RATES.read_text())["synthesis"]["synth.exercise"]["output_tokens"]
    assert found["exercises"]["tokens"] == answers and found["exercises"]["usd"] == pytest.approx(answers * 1.5e-6)
    assert found["base"]["usd"] == pytest.approx(2.5 * found["base"]["gpu_hours"])
    assert found["base"]["disk_bytes"] == 4 * parameters(PRESETS["1.3b"])
    for name, one in found.items():
        figures = [one[figure] for figure in ("seconds", "gpu_hours") if one[figure]]
        assert one["origins"] or not figures, f"{name} has a figure from nowhere"
    assert refused == 1 and "has no column 'licence'" in without_colours(why)


def test_what_was_planned_there_can_be_read(stack: str, tmp_path: Path) -> None:
    recipe = ROOT / "recipes" / "phi1.yaml"
    command = ["run", recipe, "--runs", tmp_path, "--until", "code", "--set", f"models.teacher.base_url={stack}/v1"]
    code, screen = in_terminal(command)
    assert code == 0, screen
    rows = Result.of(tmp_path / "phi1")["code"]
    kept = rows.kept.to_arrow()
    assert (len(kept), len(rows.dropped)) == (4000, 0)
    assert kept.slice(7, 1).to_pylist()[0]["max_stars_repo_licenses"] == ["MIT"]
    assert kept.column("id")[7].as_py() == f"{7:040x}" and kept.column("text")[7].as_py() == "x = 7\n" * 90


def test_a_place_on_a_hub_that_does_not_answer_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"hf://.*the hub cannot be reached \(127\.0\.0\.1:9: Connection refused"):
        open_run(load(ROOT / "recipes" / "phi1.yaml"), tmp_path)
