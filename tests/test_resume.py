"""Killing a run costs time and nothing else."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DATA_RECIPE, ROOT, Run, shard_digests

WAIT_S = 120


def killed_when(recipe: Path, runs: Path, reached: Callable[[], bool], workers: int) -> None:
    """Start a run and kill it with SIGKILL as soon as a condition on its directory holds."""
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--runs", str(runs), "--workers", str(workers)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + WAIT_S
    while not reached():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run never came to the place to kill it at"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


PLACES = {
    "while the source is read": ("stages/code-*/done/*.json", "minhash"),
    "while minhash sketches": ("stages/minhash-*/plan/sketches/*.parquet", "heuristics"),
    "while the classifier judges": ("stages/quality-*/kept/*.parquet", "clean"),
}
"""Where a run is killed, and how far it goes when it is run again."""


def until(stage: str, run: Path) -> dict[str, tuple[str, str]]:
    """Return the digests of an undisturbed run's shards up to a stage."""
    names = ["code", *DATA_RECIPE["stages"]]
    wanted = names[: names.index(stage) + 1]
    return {name: digest for name, digest in shard_digests(run).items() if name.partition("-")[0] in wanted}


@pytest.mark.parametrize(("place", "workers"), [*((place, 2) for place in PLACES), ("while minhash sketches", 1)])
def test_a_run_killed_anywhere_and_run_again_gives_the_undisturbed_bytes(
    place: str, workers: int, tmp_path: Path, write_recipe: Callable[..., Path], curate: Run, finished: Path
) -> None:
    recipe, run, (reached, last) = write_recipe(), tmp_path / "data", PLACES[place]
    killed_when(recipe, tmp_path, lambda: any(run.glob(reached)), workers)
    assert len(shard_digests(run)) < len(until(last, finished)), "the kill came too late to test anything"
    again = curate("run", recipe, "--runs", tmp_path, "--workers", workers, "--until", last)
    assert again.returncode == 0, again.stderr
    assert shard_digests(run) == until(last, finished)
    assert not list(run.rglob(".*.tmp")), "temporary files of the killed run are left"


def test_an_unchanged_recipe_runs_nothing_again(
    tmp_path: Path, finished: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    run = shutil.copytree(finished, tmp_path / "data")
    before = {path: path.stat().st_mtime_ns for path in run.glob("stages/**/*.parquet")}
    again = curate("run", write_recipe(), "--runs", tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("cached") == 7
    assert {path: path.stat().st_mtime_ns for path in run.glob("stages/**/*.parquet")} == before


def test_a_changed_parameter_runs_that_stage_and_what_follows_it(finished: Path, curate: Run) -> None:
    recipe = finished.parent / "recipe.yaml"
    changed = ("--set", "stages.quality.keep=0.25", "--runs", finished.parent)
    plan = curate("plan", recipe, *changed).stdout.partition("\n\n")[0].splitlines()[2:]
    again = {line.split()[0]: "cached" not in line for line in plan}
    expected = dict.fromkeys(["code", "exact", "minhash", "heuristics", "labels"], False)
    assert again == {**expected, "quality": True, "clean": True}


def test_two_runs_on_one_directory_at_once_are_refused(
    tmp_path: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    import fcntl

    recipe = write_recipe()
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = curate("run", recipe, "--runs", tmp_path)
    assert second.returncode == 1
    assert "in use by another" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_ctrl_c_ends_with_130_and_the_next_run_continues(
    tmp_path: Path, write_recipe: Callable[..., Path], curate: Run, finished: Path
) -> None:
    recipe, run = write_recipe(), tmp_path / "data"
    heeding = ["env", "--default-signal=INT"]  # a shell's background jobs ignore it, and so would their children
    command = [*heeding, sys.executable, "-m", "curate", "run", str(recipe), "--runs", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not any(run.glob("stages/exact-*/done/*.json")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "run the same command again" in said.splitlines()[-1]
    assert curate("run", recipe, "--runs", tmp_path, "--until", "heuristics").returncode == 0
    assert shard_digests(run) == until("heuristics", finished)
