"""What would stop a run later is refused before its first stage, by `plan` and by `run`, in one line and soon."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import UserError
from curate.files.shards import read_schema
from curate.llm import door
from curate.machine import network
from curate.recipe import Recipe, load, parse
from curate.run.columns import check_columns, columns_of
from curate.run.opened import open_run
from curate.stages import STAGES
from tests.conftest import ROOT, Run

NOBODY = "http://192.0.2.1"
"""An address of documentation (RFC 5737): what is sent there is lost, or refused at once where there is no route."""


@pytest.fixture
def parquet(tmp_path: Path) -> str:
    """A corpus with a licence, a number, and a list of words."""
    columns = {"content": ["x = 1\n"] * 3, "license": ["MIT"] * 3, "stars": [1, 2, 3], "topics": [["a"], ["b"], []]}
    pq.write_table(pa.table(columns), tmp_path / "code.parquet")
    return str(tmp_path / "code.parquet")


def recipe(stages: dict[str, Any], **source: Any) -> Recipe:
    code = {"text": "content", **source} if "path" in source else {"installed": True, **source}
    models = {name: source.pop(name) for name in ("grader",) if name in source}
    return parse({"name": "planned", "sources": {"code": code}, "models": models, "stages": stages})


def refusal(planned: Recipe, tmp_path: Path) -> str:
    """Return what `plan` says of a recipe; it must say it in one line, for two seconds of work, and write nothing."""
    started, worked = time.monotonic(), time.process_time()
    with pytest.raises(UserError) as error:
        open_run(planned, tmp_path / "runs")
    assert time.process_time() - worked < 2
    assert time.monotonic() - started < 8  # of a busy machine; nothing waits for the network so long
    assert not (tmp_path / "runs").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


MISSING_COLUMNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "within": ({"a": {"use": "dedup.minhash", "within": "repo"}}, ["a: within: repo", "'repo'", "stars", "keep:"]),
    "across": ({"a": {"use": "dedup.exact", "across": "licence"}}, ["a: across: licence", "did you mean 'license'"]),
    "keep_best": ({"a": {"use": "dedup.exact", "keep_best": ["license", "star"]}}, ["keep_best: star", "'stars'"]),
    "grades": (
        {"h": {"use": "filter.heuristics"}, "q": {"use": "filter.quality", "learn_from": "h"}},
        ["q: learn_from: h", "'grade'", "filter.heuristics", "filter.rubric"],
    ),
    "grades of the input": ({"q": {"use": "filter.quality"}}, ["q: no `learn_from`", "'grade'", "positives"]),
    "prefer": ({"d": {"use": "select.diverse", "prefer": "quality"}}, ["d: prefer: quality", "'quality'"]),
    "a licence's column": ({"l": {"use": "filter.license", "column": "spdx"}}, ["l: column: spdx", "'spdx'"]),
    "a maker's columns": (
        {"s": {"use": "synth.seeds"}, "a": {"use": "dedup.exact", "within": "license"}},
        ["a: within: license", "synth.seeds", "topic"],
    ),
    "a column of one input alone": (
        {"r": {"use": "filter.rubric"}, "a": {"use": "dedup.exact", "from": ["code", "r"], "keep_best": ["grade"]}},
        ["a: keep_best: grade", "'code'"],
    ),
    "a score to upsample by": (
        {"h": {"use": "filter.heuristics"}, "m": {"use": "train.lm", "upsample": {"h": {"by": "quality"}}}},
        ["m: upsample by: quality", "filter.heuristics", "signal_bytes"],
    ),
    "no column to hold out by": ({"h": {"use": "select.holdout"}}, ["h: by", "topic", "behaviour"]),
    "a column that a maker does not add": (
        {"a": {"use": "dedup.exact"}, "e": {"use": "synth.render"}, "h": {"use": "select.holdout", "by": ["tier"]}},
        ["h: by: tier", "synth.render", "rendering"],
    ),
    "text for numbers": ({"d": {"use": "select.diverse", "prefer": "license"}}, ["d: prefer: license", "not numbers"]),
    "lists for numbers": ({"d": {"use": "select.diverse", "prefer": "topics"}}, ["d: prefer: topics", "not numbers"]),
}


@pytest.mark.parametrize("mistake", MISSING_COLUMNS)
def test_a_column_that_no_stage_above_delivers_is_refused(mistake: str, parquet: str, tmp_path: Path) -> None:
    stages, words = MISSING_COLUMNS[mistake]
    said = refusal(recipe(stages, path=parquet, keep=["license", "stars", "topics"]), tmp_path)
    for word in words:
        assert word in said


def test_columns_that_stages_deliver_are_found_along_the_graph(parquet: str, tmp_path: Path) -> None:
    stages = {
        "rubric": {"use": "filter.rubric"},
        "exact": {"use": "dedup.exact", "keep_best": ["grade", "stars"], "within": "license"},
        "quality": {"use": "filter.quality", "learn_from": "rubric"},
        "diverse": {"use": "select.diverse", "prefer": "quality"},
        "last": {"use": "dedup.exact", "keep_best": ["quality", "rubric_logic"], "across": "cluster"},
    }
    assert open_run(recipe(stages, path=parquet, keep=["license", "stars"]), tmp_path)


@pytest.mark.parametrize("name", ["quickstart", "phi1-small", "phi1"])
def test_the_recipes_that_come_along_miss_no_column(name: str) -> None:
    planned = load(ROOT / "recipes" / f"{name}.yaml", {"sources": {"code": {"installed": True}}})
    check_columns(planned)
    assert all(columns is not None for columns in columns_of(planned).values())


def test_an_optout_list_needs_a_column_that_could_tell(parquet: str, tmp_path: Path) -> None:
    (tmp_path / "wishes.txt").write_text("author: jane@example.org\nrepo: owner/name\n")
    stages = {"o": {"use": "filter.optout", "lists": [str(tmp_path / "wishes.txt")]}}
    said = refusal(recipe(stages, path=parquet), tmp_path)
    assert "wishes.txt, line 2" in said and "'repo'" in said
    assert open_run(recipe(stages), tmp_path), "installed files know their package"


def test_a_limit_too_small_for_a_classifier_is_refused(tmp_path: Path) -> None:
    stages = {"r": {"use": "filter.rubric"}, "q": {"use": "filter.quality", "learn_from": "r"}}
    said = refusal(recipe(stages, limit=20), tmp_path)
    assert "q: " in said and "20" in said and "50" in said and "--limit" in said
    assert open_run(recipe(stages, limit=50), tmp_path)


def with_model(**spec: Any) -> Recipe:
    stages = {"labels": {"use": "filter.annotate", "model": "grader"}}
    sources = {"code": {"installed": True}}
    return parse({"name": "planned", "sources": sources, "models": {"grader": spec}, "stages": stages})


def test_an_endpoint_where_nobody_answers_is_refused(tmp_path: Path) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))  # taken, and not listening
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        said = refusal(with_model(backend="openai", model="any", base_url=url), tmp_path)
    assert "labels: " in said and url in said and "refused" in said
    for url in (f"{NOBODY}/v1", "http://no-such-host.invalid/v1"):
        assert url in refusal(with_model(backend="openai", model="any", base_url=url), tmp_path)
    assert "http" in refusal(with_model(backend="openai", model="any", base_url="localhost:8000"), tmp_path)


def test_an_endpoint_that_answers_is_not(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert open_run(with_model(backend="openai", model="any", base_url=url), tmp_path)


def test_where_a_proxy_is_named_it_is_the_proxy_that_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "localhost")
        assert network.unreachable("http://no-such-host.invalid/v1") is None
    assert network.unreachable("http://no-such-host.invalid/v1") is not None


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_a_hub_model_that_is_nowhere_is_refused(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "check_vllm", lambda: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    said = refusal(with_model(backend=backend, model="nobody/no-model"), tmp_path)
    assert "nobody/no-model" in said and "192.0.2.1" in said and "hf download" in said


def test_a_data_set_of_the_hub_is_refused_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    value = {"name": "planned", "sources": {"code": {"hub": "nobody/no-data", "text": "content"}}}
    assert "nobody/no-data" in refusal(parse(value), tmp_path)


def test_a_backend_without_its_package_or_gpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    planned = with_model(backend="vllm", model=str(tmp_path / "model"))
    monkeypatch.setattr(door, "find_spec", lambda name: None)
    assert "-m pip install 'vllm" in refusal(planned, tmp_path)
    monkeypatch.setattr(door, "find_spec", lambda name: object())
    monkeypatch.setattr(door, "version", lambda name: "0.25.1")
    monkeypatch.setattr(door, "GPU_DEVICES", (str(tmp_path / "no-device"),))
    assert "this machine shows none" in refusal(planned, tmp_path)
    monkeypatch.setattr(door, "GPU_DEVICES", (str(tmp_path),))
    assert open_run(planned, tmp_path)


def test_an_engine_without_its_package_or_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"name": "planned", "sources": {"code": {"installed": True}}}
    far = parse({**value, "engine": {"kind": "ray", "address": "192.0.2.1:6379"}})
    assert "192.0.2.1:6379" in refusal(far, tmp_path)
    monkeypatch.setattr("curate.run.ray_engine.find_spec", lambda name: None)
    assert "-m pip install 'ray" in refusal(parse({**value, "engine": {"kind": "ray"}}), tmp_path)


def test_plan_and_run_refuse_alike_and_write_nothing(
    tmp_path: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    path = write_recipe(stages={"a": {"use": "dedup.minhash", "within": "repo"}})
    for verb in ("plan", "run"):
        done = curate(verb, path, "--runs", tmp_path / "runs")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("error: a: within: repo: ")
    assert not (tmp_path / "runs").exists()


def test_without_a_network_the_answer_comes_soon(tmp_path: Path, curate: Run) -> None:
    """Two seconds on a quiet machine; on a busy one the clock says little, and the processor's seconds more."""
    spent, started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.monotonic()
    done = curate("plan", ROOT / "recipes/phi1.yaml", "--runs", tmp_path, env={"HF_ENDPOINT": NOBODY})
    assert done.returncode == 1
    assert "the hub cannot be reached (192.0.2.1" in done.stderr and done.stderr.count("\n") == 1
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent < 5
    assert time.monotonic() - started < 20


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, curate: Run) -> Iterator[tuple[Recipe, Path]]:
    """A finished run in which every stage that needs neither teacher nor training stands, on a few files."""
    import yaml

    place = tmp_path_factory.mktemp("everything")
    (place / "wishes.txt").write_text("author: nobody@nowhere.org\n")
    uses = [use for use in STAGES if use.split(".")[0] in ("dedup", "filter", "decontam", "select")]
    settings: dict[str, dict[str, Any]] = {
        "filter.license": {"unknown": "keep"},
        "filter.optout": {"lists": [str(place / "wishes.txt")]},
        "filter.quality": {"keep": 0.9},
        "select.diverse": {"keep": 0.9, "prefer": "quality"},
        "select.holdout": {"by": ["path"]},
        "select.target": {"keep": 0.9, "target": {"installed": True, "limit": 40}},
    }
    order = sorted(set(uses) - {"filter.annotate", "filter.optout"}, key=lambda use: (use.startswith("decontam"), use))
    order.remove("filter.rubric")
    named = ["filter.optout", "filter.rubric", *order]  # authors before secrets, grades before quality
    stages = {use.replace(".", "_"): {"use": use, **settings.get(use, {})} for use in named}
    stages["seeds"] = {"use": "synth.seeds", "count": 5}
    value = {"name": "all", "sources": {"code": {"installed": True, "limit": 100}}, "stages": stages}
    (place / "recipe.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    done = curate("run", place / "recipe.yaml", "--runs", place, "--workers", 1)
    assert done.returncode == 0, done.stderr
    yield parse(value), place


def test_what_stages_say_they_add_is_what_they_write(everything: tuple[Recipe, Path]) -> None:
    said, place = everything
    run = open_run(said, place)
    for name, columns in columns_of(said).items():
        assert columns is not None, f"{name} does not say what it adds"
        for shard in run.stage_directory(said.node(name)).glob("kept/*.parquet"):
            schema = read_schema(shard)
            assert dict(zip(schema.names, schema.types, strict=True)) == dict(columns), name


def test_what_is_done_needs_nothing_from_outside(
    everything: tuple[Recipe, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher that went away does not stop a run that no longer needs it."""

    def check(self: object, models: object) -> None:
        raise UserError("it went away")

    said, place = everything
    monkeypatch.setattr("curate.filters.signals.heuristics.Heuristics.check", check)
    assert open_run(said, place)
    with pytest.raises(UserError, match="filter_heuristics: it went away"):
        open_run(said, place / "elsewhere")


def test_every_stage_of_documents_says_what_it_adds() -> None:
    from curate.stage import Job, Stage
    from curate.stages import find

    silent = [use for use in STAGES if not issubclass(find(use), Job) and find(use).adds is Stage.adds]
    assert not silent


def test_an_evaluation_of_a_model_that_is_nowhere_is_refused_before_anything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate.eval.code import evaluate

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    with pytest.raises(UserError, match="nobody/no-model"):
        evaluate("nobody/no-model", ["humaneval"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
