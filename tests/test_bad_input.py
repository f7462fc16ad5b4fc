"""Bad input gets one clear line that names the value and the next step, exit code 1, and loses nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import DATA_RECIPE, ROOT, Run, shard_digests

CODE = '''def area(width: float, height: float) -> float:
    """Return the area of a rectangle."""
    return width * height
'''


def one_line(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """Assert that a command failed as a user's mistake should: one line, exit code 1, the words in it."""
    assert done.returncode == 1, (done.returncode, done.stderr)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in errors[0]


BROKEN_RECIPES = {
    "an unknown top-level key": ({"stagse": {}}, ["stagse", "stages"]),
    "an unknown stage": ({"stages": {"a": {"use": "dedup.minhsh"}}}, ["dedup.minhsh", "dedup.minhash"]),
    "an unknown parameter": ({"stages": {"a": {"use": "dedup.minhash", "treshold": 0.7}}}, ["treshold", "threshold"]),
    "a value out of range": ({"stages": {"a": {"use": "dedup.minhash", "threshold": 7}}}, ["threshold", "7"]),
    "a reference to nothing": ({"stages": {"a": {"use": "dedup.exact", "from": "cod"}}}, ["cod", "'code'"]),
    "a circle": (
        {"stages": {"a": {"use": "dedup.exact", "from": "b"}, "b": {"use": "dedup.exact", "from": "a"}}},
        ["circle", "a", "b"],
    ),
    "a model that is not listed": (
        {"stages": {"s": {"use": "synth.seeds", "count": 1}, "t": {"use": "synth.textbook", "model": "teecher"}}},
        ["teecher"],
    ),
    "scores fed to a filter": (
        {
            "stages": {
                "m": {"use": "train.lm", "preset": "tiny"},
                "a": {"use": "dedup.exact", "from": "m"},
            }
        },
        ["reads documents", "a model"],
    ),
    "an unknown source key": ({"sources": {"code": {"path": "x.parquet", "txt": "content"}}}, ["txt", "text"]),
    "no name": ({"name": None}, ["name"]),
}


@pytest.mark.parametrize("mistake", BROKEN_RECIPES)
def test_a_recipe_with_a_mistake_is_refused_before_anything_runs(
    mistake: str, tmp_path: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    changes, words = BROKEN_RECIPES[mistake]
    one_line(curate("run", write_recipe(**changes), "--runs", tmp_path / "runs"), *words)
    assert not (tmp_path / "runs").exists()


def test_a_doubled_key_is_refused_with_its_line(tmp_path: Path, curate: Run) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: twice\nseed: 1\nseed: 2\n")
    one_line(curate("plan", recipe), "seed", "twice", "line 3")


def test_a_recipe_that_is_not_there_or_not_yaml_is_named(tmp_path: Path, curate: Run) -> None:
    one_line(curate("run", tmp_path / "no.yaml"), "no.yaml")
    (tmp_path / "bad.yaml").write_text("name: [")
    one_line(curate("run", tmp_path / "bad.yaml"), "bad.yaml", "YAML")


def test_an_unknown_option_is_named(curate: Run) -> None:
    one_line(curate("run", "recipes/quickstart.yaml", "--wrokers", 2), "--wrokers")


def files_recipe(tmp_path: Path, source: dict[str, object], stages: dict[str, object] | None = None) -> Path:
    recipe = tmp_path / "recipe.yaml"
    value = {**DATA_RECIPE, "sources": {"code": source}, "stages": stages or {"exact": {"use": "dedup.exact"}}}
    recipe.write_text(yaml.safe_dump(value, sort_keys=False))
    return recipe


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, curate: Run) -> None:
    pq.write_table(pa.table({"content": [CODE]}), tmp_path / "data.parquet")
    recipe = files_recipe(tmp_path, {"path": str(tmp_path / "data.parquet"), "text": "contents"})
    one_line(curate("run", recipe, "--runs", tmp_path), "contents", "content")


def test_a_truncated_parquet_file_is_named(tmp_path: Path, curate: Run) -> None:
    whole = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": [CODE] * 100}), whole)
    whole.write_bytes(whole.read_bytes()[:-20])
    one_line(curate("run", files_recipe(tmp_path, {"path": str(whole)}), "--runs", tmp_path), "data.parquet")


@pytest.mark.parametrize("source", [{"path": "none/*.parquet"}, {"folder": "empty"}])
def test_an_empty_source_is_an_error_and_not_an_empty_run(source: dict[str, str], tmp_path: Path, curate: Run) -> None:
    (tmp_path / "empty").mkdir()
    place = {key: str(tmp_path / value) for key, value in source.items()}
    one_line(curate("run", files_recipe(tmp_path, dict(place)), "--runs", tmp_path), *place.values())


def test_odd_documents_are_dropped_with_a_reason_and_the_rest_goes_on(tmp_path: Path, curate: Run) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "good.py").write_text(CODE)
    (code / "latin.py").write_bytes(b"name = '\xe9t\xe9'\n")
    (code / "empty.py").write_bytes(b"")
    (code / "huge.py").write_text("x = [\n" + "1234567890,\n" * 4_600_000 + "]\n")
    assert (code / "huge.py").stat().st_size > 50_000_000
    recipe = files_recipe(
        tmp_path, {"folder": str(code)}, DATA_RECIPE["stages"] and {"h": {"use": "filter.heuristics"}}
    )
    done = curate("run", recipe, "--runs", tmp_path)
    assert done.returncode == 0, done.stderr
    import json

    value = json.loads(curate("status", tmp_path / "data", "--json").stdout)
    for stage in value["stages"]:
        assert stage["rows_in"] == stage["rows_kept"] + stage["rows_dropped"]
    source, heuristics = value["stages"]
    assert source["rows_in"] == 4
    assert source["dropped_by_reason"] == {"not valid UTF-8": 1}
    assert heuristics["rows_in"] == 3
    assert heuristics["rows_kept"] <= 1


def test_a_corpus_with_no_valid_python_stops_with_a_clear_line(tmp_path: Path, curate: Run) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for number in range(60):
        (code / f"{number}.py").write_text(f"this is not ( python {number}\n" * 5)
    stages = {key: DATA_RECIPE["stages"][key] for key in ("exact", "heuristics", "labels", "quality")}
    recipe = files_recipe(tmp_path, {"folder": str(code)}, stages)
    one_line(curate("run", recipe, "--runs", tmp_path), "quality", "no documents")


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_a_model_that_does_not_exist_is_found_before_anything_runs(backend: str, tmp_path: Path, curate: Run) -> None:
    (tmp_path / "a.py").write_text(CODE)
    stages = {
        "seeds": {"use": "synth.seeds", "count": 1},
        "textbook": {"use": "synth.textbook", "model": "teacher"},
    }
    recipe = files_recipe(tmp_path, {"folder": str(tmp_path)}, stages)
    value = yaml.safe_load(recipe.read_text())
    value["models"] = {"teacher": {"backend": backend, "model": str(tmp_path / "no-such-model")}}
    recipe.write_text(yaml.safe_dump(value))
    one_line(curate("run", recipe, "--runs", tmp_path / "runs"), "no-such-model")


def mounted(tmp_path: Path, options: str, arguments: list[object]) -> "subprocess.CompletedProcess[str]":
    """Run curate in a mount namespace of its own, with a small file system at `tmp_path/disk`."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o "{options}" tmpfs "$1" && shift && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(disk)]
    command += [sys.executable, "-m", "curate", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


NAMESPACES = shutil.which("unshare") is not None and (
    subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True, check=False
    ).returncode
    == 0
)
needs_namespaces = pytest.mark.skipif(not NAMESPACES, reason="this system forbids mount namespaces to users")


@needs_namespaces
def test_a_full_disk_is_one_line(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    one_line(mounted(tmp_path, "size=2m", ["run", write_recipe(), "--runs", tmp_path / "disk"]), "space")


@needs_namespaces
def test_a_read_only_run_directory_is_one_line(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    one_line(mounted(tmp_path, "ro", ["run", write_recipe(), "--runs", tmp_path / "disk"]), "Read-only", "--runs")


def test_a_shard_that_was_damaged_after_it_was_written_is_named_and_made_again(
    tmp_path: Path, finished: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    shutil.copytree(finished, tmp_path / "data")
    shard = next(iter((tmp_path / "data").glob("stages/heuristics-*/kept/*.parquet")))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100])
    done = curate("run", write_recipe(), "--runs", tmp_path, "--until", "labels")
    assert done.returncode == 0, done.stderr
    assert "heuristics: damaged on disk and made again: 1 of 6 shards" in done.stderr
    assert shard.name in done.stderr
    assert shard.read_bytes() == whole
    assert shard_digests(finished) == shard_digests(tmp_path / "data")


@pytest.mark.parametrize("verb", [("status",), ("report",), ("show", "exact"), ("trace", "some-id"), ("table",)])
def test_a_run_that_is_not_there_is_named(verb: tuple[str, ...], tmp_path: Path, curate: Run) -> None:
    name, *rest = verb
    one_line(curate(name, tmp_path / "no-run", *rest), "no-run")


def test_running_without_write_permission_is_one_line(
    tmp_path: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    (tmp_path / "file").write_text("not a directory")
    one_line(curate("run", write_recipe(), "--runs", tmp_path / "file"), str(os.fspath(tmp_path / "file")))
