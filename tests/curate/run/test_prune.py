"""`curate prune`: what the recipe no longer has goes, what a present stage needs stays."""

import fcntl
import json
import shutil
from pathlib import Path

import pytest
import yaml

from curate.recipe import keys, load
from curate.run.opened import open_run
from curate.run.prune import prune, scraps
from curate.run.runner import execute
from curate.terminal.screen import Silent
from tests.conftest import Run
from tests.curate.export.test_corpus import files_of, make_run
from tests.terminal import in_terminal, plain, widest


def changed(place: Path) -> Path:
    """A run whose deduplication was asked for in two ways, one after the other; its source is a folder."""
    (place / "src").mkdir(parents=True)
    for number in range(8):
        (place / f"src/m{number}.py").write_text(f"x = {number}\n")
    for settings in ({"use": "dedup.minhash"}, {"use": "dedup.exact"}):
        recipe = {"name": "run", "sources": {"code": {"folder": str(place / "src")}}, "stages": {"dedup": settings}}
        (place / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        execute(open_run(load(place / "recipe.yaml"), place), Silent(), workers=1)
    return place / "run"


def test_a_stage_that_the_recipe_no_longer_has_goes_and_the_others_stay_byte_for_byte(tmp_path: Path) -> None:
    run = changed(tmp_path)
    [old] = [path for path in run.glob("stages/dedup-*") if "dedup.minhash" in (path / "stage.json").read_text()]
    expected = {name: content for name, content in files_of(run).items() if old.name not in name}
    [scrap] = scraps(run)
    assert (scrap.path, scrap.bytes) == (f"stages/{old.name}", sum(map(len, files_of(old).values())))
    assert prune(run) == [scrap] and files_of(run) == expected and not old.exists()
    assert scraps(run) == [] == prune(run)


def test_answers_that_were_paid_for_stay_until_they_are_named(tmp_path: Path) -> None:
    run = changed(tmp_path)
    old = run / "stages" / "graded-0123456789ab"
    shutil.copytree(next(run.glob("stages/code-*")), old)
    (old / "calls").mkdir()
    (old / "calls/log.jsonl").write_text("{}\n")
    prune(run)
    assert list(files_of(old)) == ["calls/log.jsonl"] and scraps(run) == []
    assert [scrap.files for scrap in prune(run, calls=True)] == [1] and not old.exists()


@pytest.mark.parametrize("rows", [3, 4, 5])  # keys are digests: whichever name stands first
def test_the_keys_of_present_stages_are_what_they_were_before(rows: int, tmp_path: Path) -> None:
    run = changed(tmp_path)
    for path in (tmp_path / "src").iterdir():
        path.touch()  # new by its time alone: the bytes that an earlier stage noted say that it is the same
    recipe = tmp_path / "recipe.yaml"
    value = yaml.safe_load(recipe.read_text())
    value["sources"]["code"]["shard_rows"] = rows
    recipe.write_text(yaml.safe_dump(value))
    opened = open_run(load(recipe), tmp_path)
    execute(opened, Silent(), workers=1)
    assert keys(load(recipe), run / "stages") == opened.keys
    assert prune(run) and keys(load(recipe), run / "stages") == opened.keys
    assert scraps(run) == []


def test_what_a_killed_run_left_half_written_goes_from_stages_that_stay(tmp_path: Path) -> None:
    run = changed(tmp_path)
    present = next(path for path in run.glob("stages/code-*"))
    (present / "kept/.code-00000.parquet.77.tmp").write_bytes(b"half")
    found = prune(run)
    assert (f"stages/{present.name}/kept/.code-00000.parquet.77.tmp", 4) in [(each.path, each.bytes) for each in found]
    assert not list(run.rglob(".*.tmp"))


def test_nothing_is_removed_while_a_run_is_live(tmp_path: Path, curate: Run) -> None:
    run = changed(tmp_path)
    before = files_of(run)
    with (run / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = curate("prune", run, "--yes")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "in use" in done.stderr
    assert files_of(run) == before


def test_it_lists_first_and_asks_in_a_terminal_and_elsewhere_wants_yes(tmp_path: Path, curate: Run) -> None:
    run = changed(tmp_path)
    before = files_of(run)
    dry = json.loads(curate("prune", run, "--dry-run", "--json").stdout)
    assert dry["removed"] is False and dry["bytes"] == sum(scrap["bytes"] for scrap in dry["scraps"]) > 0
    alone = curate("prune", run)
    assert (alone.returncode, alone.stderr.count("\n")) == (1, 1) and "--yes" in alone.stderr
    code, screen = in_terminal(["prune", run, "--dry-run"])
    assert code == 0 and "nothing was removed" in plain(screen) and widest(screen) <= 80
    assert files_of(run) == before
    done = curate("prune", run, "--yes")
    assert done.returncode == 0 and done.stdout.startswith("removed ") and len(files_of(run)) < len(before)
    assert "nothing to remove" in curate("prune", run).stdout


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path, curate: Run) -> None:
    (tmp_path / "stages/old-0123456789ab").mkdir(parents=True)
    done = curate("prune", tmp_path, "--yes")
    assert done.returncode == 1 and "no run.json" in done.stderr and (tmp_path / "stages/old-0123456789ab").exists()
    assert not (tmp_path / ".lock").exists()


def test_a_run_that_holds_what_its_recipe_has_is_left_as_it_is(tmp_path: Path) -> None:
    run = make_run(tmp_path, count=100)
    before = files_of(run / "stages")
    assert prune(run) == [] and files_of(run / "stages") == before
