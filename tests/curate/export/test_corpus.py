"""`curate export` of documents: one folder, whole or not at all, that other tools read."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard

from curate.errors import UserError
from curate.export.files import MANIFEST
from curate.export.verb import export
from curate.files.shards import list_shards, read_shard
from curate.recipe import parse
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent
from tests.conftest import ROOT, Run
from tests.terminal import in_terminal, plain, widest

NASTY = "MIT | <img src=x onerror=alert(1)> [a](javascript:b) `c``d`\n---\nlicense: mit\n# owned \x1b[31m"


def make_run(place: Path, name: str = "goods", count: int = 600, **stages: Any) -> Path:
    """A real run: documents with licences of all kinds, some twice, through a deduplication and a licence filter."""
    licences = ["MIT", "Apache-2.0", None, NASTY]
    rows = [
        {"content": f"def f_{m}():\n    return {m}\n" * (1 + m % 7), "name": f"d{n:04}"}
        | {"license": licences[n % 4], "stars": n}
        for n in range(count)
        for m in [n % (count - 50)]
    ]
    place.mkdir(parents=True, exist_ok=True)
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(place / "rows.jsonl"), "text": "content", "id": "name", "keep": ["license", "stars"]}
    recipe = {
        "name": name,
        "seed": 7,
        "sources": {"code": {**source, "shard_rows": 100}},
        "stages": {"exact": {"use": "dedup.exact"}, **stages},
    }
    (place / f"{name}.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    execute(open_run(parse(recipe), place), Silent(), workers=1)
    return place / name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"))


def kept(run: Path, stage: str) -> dict[str, str]:
    tables = [read_shard(path) for place in run.glob(f"stages/{stage}-*/kept") for path in list_shards(place)]
    return {row["id"]: row["text"] for table in tables for row in table.to_pylist()}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_documents_that_were_kept_last_are_in_one_folder_that_datasets_and_pandas_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    found = export(run, [], tmp_path / "out", shard_mb=0.01)
    wanted = kept(run, "exact")
    assert 1 < len(found["files"]) < 9 and found["rows"] == len(wanted)
    loaded = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["id"]: row["text"] for row in loaded} == wanted
    frame = pd.concat(pd.read_parquet(path) for path in sorted((tmp_path / "out/data").iterdir()))
    assert dict(zip(frame["id"], frame["text"], strict=True)) == wanted
    assert {"license", "stars", "source", "stage"} <= set(frame.columns) and set(frame["stage"]) == {"exact"}


@pytest.mark.parametrize("kind", ["jsonl", "hub"])
def test_json_lines_and_the_hubs_form_hold_the_same_documents_in_the_same_order(
    kind: str, run: Path, tmp_path: Path
) -> None:
    export(run, [], tmp_path / "parquet")
    export(run, [], tmp_path / kind, kind=kind, shard_mb=0.01)
    plainly = [row for path in sorted((tmp_path / "parquet/data").iterdir()) for row in pq.read_table(path).to_pylist()]
    paths = sorted((tmp_path / kind / "data").iterdir())
    if kind == "jsonl":
        found = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    else:
        found = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert found == plainly
    loaded = load_dataset(str(tmp_path / kind), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded["id"][:] == [row["id"] for row in plainly]


def test_the_order_is_the_seeds_not_that_of_shards_and_the_same_bytes_come_out_twice(run: Path, tmp_path: Path) -> None:
    first, second = (export(run, [], tmp_path / name) for name in ("a", "b"))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b") and first["digest"] == second["digest"]
    ids = pq.read_table(tmp_path / "a/data/train-00000-of-00001.parquet")["id"].to_pylist()
    assert ids != sorted(ids)
    # As far as a shuffled order may: each tenth of the file draws on every tenth of the corpus.
    tenths = [Counter(int(name[-4:]) // 60 for name in ids[start : start + 55]) for start in range(0, 550, 55)]
    assert all(len(tenth) >= 8 for tenth in tenths)


def test_many_buckets_give_the_order_of_one(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(run, [], tmp_path / "one")
    monkeypatch.setattr("curate.export.shuffle.BUCKET_BYTES", 1000)
    export(run, [], tmp_path / "many")
    one, many = (pq.read_table(next((tmp_path / name / "data").iterdir())) for name in ("one", "many"))
    assert one.equals(many)


def test_several_stages_are_joined_and_each_document_says_which_kept_it(tmp_path: Path) -> None:
    stages = {"signals": {"use": "filter.signals"}, "other": {"use": "filter.license", "from": "exact"}}
    run = make_run(tmp_path, **stages)
    with pytest.raises(UserError, match="stands twice"):
        export(run, ["signals", "other"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    found = export(run, ["other"], tmp_path / "out", columns="license_spdx")
    assert list(found["columns"]) == ["id", "text", "source", "stage", "license_spdx"]
    assert found["rows"] == len(kept(run, "other"))


@pytest.mark.parametrize(
    ("stages", "options", "words"),
    [
        (["exat"], {}, "did you mean 'exact'"),
        ([], {"kind": "csv"}, "--format 'csv': it must be parquet, jsonl, hub"),
        ([], {"columns": "stras"}, "did you mean 'stars'"),
        ([], {"public": True}, "--public goes with --push"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    stages: list[str], options: dict[str, Any], words: str, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        export(run, stages, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_refused_and_only_an_export_is_ever_replaced(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(run, [], out)
    before = files_of(out)
    with pytest.raises(UserError, match="an export stands there; --overwrite"):
        export(run, [], out)
    assert files_of(out) == before
    export(run, [], out, kind="jsonl", overwrite=True)
    assert [path.suffix for path in (out / "data").iterdir()] == [".jsonl"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="no export"):
        export(run, [], tmp_path / "mine", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]
    assert (tmp_path / "mine/thesis.txt").read_text() == "years of work"


def test_damage_is_found_before_anything_is_written(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    shard = list_shards(next(run.glob("stages/exact-*/kept")))[2]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(UserError, match="is damaged on disk"):
        export(run, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_kill_leaves_nothing_and_the_next_export_is_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", count=6000)
    wanted = export(run, [], tmp_path / "calm")
    command = [sys.executable, "-m", "curate", "export", str(run), "--to", str(tmp_path / "out")]
    hidden = tmp_path / ".out.partial"
    for moment in (".buckets", "data", "recipe.yaml"):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (hidden / moment).exists():
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
        if (tmp_path / "out").exists():  # it was faster than the kill: then it is whole
            break
    if not (tmp_path / "out").exists():
        export(run, [], tmp_path / "out")
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["digest"] == wanted["digest"]
    assert files_of(tmp_path / "out") == files_of(tmp_path / "calm") and not hidden.exists()


def test_the_card_tells_sources_licences_stages_and_how_to_make_it_again(run: Path, tmp_path: Path) -> None:
    found = export(run, [], tmp_path / "out", shard_mb=0.5)
    card = DatasetCard.load(tmp_path / "out/README.md")
    data = card.data.to_dict()
    assert data["pretty_name"] == "goods" and data["size_categories"] == "n<1K"
    assert data["license"] == ["apache-2.0", "mit", "other", "unknown"]
    assert data["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    frame = pq.read_table(tmp_path / "out/data")["license"].to_pylist()
    assert f"| `MIT` | {frame.count('MIT')} |" in card.text and f"| not stated | {frame.count(None)} |" in card.text
    assert "| `exact` | `dedup.exact` | 600 | 550 | 50 `exact duplicate` |" in card.text
    assert "**were compared with no benchmark" in card.text
    assert "curate export runs/goods exact --to FOLDER --format parquet --shard-mb 0.5" in card.text
    assert found["digest"] in card.text and "use: dedup.exact" in card.text


def test_text_of_other_people_can_neither_break_the_cards_metadata_nor_its_markdown(run: Path, tmp_path: Path) -> None:
    export(run, [], tmp_path / "out")
    text = (tmp_path / "out/README.md").read_text()
    [line] = [line for line in text.splitlines() if "onerror" in line]
    assert line.startswith("| ```MIT \\| <img") and line.count(" | ") == 1 and "\x1b" not in text
    assert text.count("\n---\n") == 1 and "\n# owned" not in text


def test_the_card_says_which_benchmarks_were_compared_by_which_rules(finished: Path, tmp_path: Path) -> None:
    export(finished, ["clean"], tmp_path / "out")
    text = (tmp_path / "out/README.md").read_text()
    assert "`clean` (`decontam.ngram`) compared them with `HumanEval` and dropped" in text
    assert "No other benchmark and no other rule was applied." in text


def test_a_user_and_a_password_in_an_address_of_the_recipe_stay_here(run: Path, tmp_path: Path) -> None:
    recipe = run / "recipe.yaml"
    before = recipe.read_text()
    recipe.write_text(
        before + "models: {m: {backend: openai, model: x, base_url: 'https://me:hunter2@example.com/v1'}}\n"
    )
    try:
        export(run, [], tmp_path / "out")
    finally:
        recipe.write_text(before)
    assert not any(b"hunter2" in content for content in files_of(tmp_path / "out").values())
    assert "https://example.com/v1" in (tmp_path / "out/recipe.yaml").read_text()


def test_the_command_prints_what_it_made_as_text_and_as_json(run: Path, tmp_path: Path, curate: Run) -> None:
    done = curate("export", run, "--to", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 550 and json.loads(done.stdout)["folder"] == str(tmp_path / "out")
    again = curate("export", run, "--to", tmp_path / "out")
    assert (again.returncode, again.stderr.count("\n"), again.stdout) == (1, 1, "")
    code, screen = in_terminal(["export", run, "--to", "out"], folder=tmp_path)
    assert code == 1 and "--overwrite" in plain(screen)
    code, screen = in_terminal(["export", run, "--to", "new"], folder=tmp_path)
    assert code == 0 and widest(screen) <= 80 and "550 documents" in plain(screen)
