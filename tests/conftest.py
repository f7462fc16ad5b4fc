"""Shared by all tests: one place to run the command line as a user does, and one small real recipe."""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import yaml

from tests.commands import Places, run_here

# The first example of a property pays for imports and compilation; time is not what these tests are about.
hypothesis.settings.register_profile("curate", deadline=None)
hypothesis.settings.load_profile("curate")

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT.parent / "shared" / "data" / "benchmarks"
if BENCHMARKS.is_dir():  # beside the checkout; elsewhere they come from a package or from the hub
    os.environ.setdefault("CURATE_BENCHMARKS", str(BENCHMARKS))
if "PYTEST_XDIST_WORKER" in os.environ:
    # Threads that wait for each other spin: two processes of two each on two cores take many times as long as of one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Hundreds of processes are started, each of which would else compile this project's modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
Run = Callable[..., "subprocess.CompletedProcess[str]"]

# The data stages over a slice of the interpreter's own library: every kind of filter, no LLM, no training.
DATA_RECIPE = {
    "name": "data",
    "seed": 17,
    "sources": {"code": {"installed": True, "limit": 150, "shard_rows": 25}},
    "stages": {
        "exact": {"use": "dedup.exact"},
        "minhash": {"use": "dedup.minhash"},
        "heuristics": {"use": "filter.heuristics"},
        "labels": {"use": "filter.rubric"},
        "quality": {"use": "filter.quality", "from": "heuristics", "learn_from": "labels"},
        "clean": {"use": "decontam.ngram", "against": ["humaneval"]},
    },
}


LONGEST = (
    "test_end_to_end",
    "test_parallel",
    "test_resume",
    "test_hostile",
    "test_preview",
    "test_engines",
    "test_ray",
    "test_memory",
    "test_installed",
    "test_lm",
    "test_crew",
    "test_two_nodes",
    "test_bad_input",
    "test_plan",
    "test_stream_killed",
    "test_coded",
    "test_tokenizer",
    "test_report",
    "test_boundary",
    "test_in_terminal",
    "test_transformers_backend",
    "test_programs",
    "test_terminal",
    "test_engine",
    "test_structure",
    "test_openai_backend",
    "test_truth",
    "test_finding",
    "test_standard",
    "test_exercise",
    "test_render",
    "test_push",
    "test_corpus",
    "test_values",
    "test_ordinary",
    "test_references",
    "test_stores",
    "test_own_stage",
    "test_lean",
    "test_adversarial",
    "test_textbook",
    "test_killed",
    "test_compiled",
    "test_estimate",
    "test_scoring",
    "test_door",
    "test_ending",
    "test_bad_answers",
    "test_protocols",
    "test_behavioural",
    "test_vllm_backend",
    "test_oracle",
    "test_minhash",
)
"""Files by the time that they take, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first: begun last, one would run alone while the other process has nothing."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session")
def curate() -> Iterator[Run]:
    """Run `curate ARGUMENTS...`, not in a terminal: here; with `env`, which is added to the environment, elsewhere, in
    the same process for the same environment."""
    places = Places()

    def run(*arguments: object, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        words = [str(each) for each in arguments]
        return run_here(words) if env is None else places.at(env).run(words)

    yield run
    places.close()


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Write a recipe as YAML; keyword arguments replace the top-level keys of the small data recipe."""

    def write(**changes: object) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**DATA_RECIPE, **changes}, sort_keys=False))
        return path

    return write


def shard_digests(run: Path) -> dict[str, tuple[str, str]]:
    """Return the sha256 of each kept and dropped shard of a run, by stage directory and shard name."""
    found = {}
    for path in sorted(run.glob("stages/*/done/*.json")):
        receipt = json.loads(path.read_text())
        found[f"{path.parent.parent.name}/{path.stem}"] = (receipt["kept_sha256"], receipt["dropped_sha256"])
    return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, curate: Run) -> Path:
    """A finished run of the small data recipe with one worker: what others are compared with. Only read it."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the test processes share it: the first makes it, the others wait
        if not (place / "made").exists():
            recipe = place / "recipe.yaml"
            recipe.write_text(yaml.safe_dump(DATA_RECIPE, sort_keys=False))
            done = curate("run", recipe, "--runs", place, "--workers", 1)
            assert done.returncode == 0, done.stderr
            (place / "made").touch()
    return place / "data"
