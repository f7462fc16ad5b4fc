"""`keep: last`: one copy of the text, and whatever needs more makes it again with the same bytes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from curate.errors import UserError
from curate.export.verb import export
from curate.files.shards import read_shard
from curate.recipe import keys, parse
from curate.records.status import status
from curate.report.documents.browse import show
from curate.report.write import report
from curate.run import released
from curate.run.opened import open_run
from tests.curate.files.test_lean import STAGES, kept, run_it


def again(place: Path, **changes: Any) -> tuple[Path, list[str]]:
    """Run the recipe that stands there once more, changed."""
    from curate.run.runner import execute
    from tests.curate.files.test_lean import Heard

    recipe = yaml.safe_load((place / "recipe.yaml").read_text())
    recipe["stages"].update(changes.pop("stages", {}))
    heard = Heard()
    execute(open_run(parse({**recipe, **changes}), place), heard, workers=1)
    return place / "run", heard.lines


def test_only_the_last_stage_holds_documents_and_dropped_ones_stay(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    before = {path: path.read_bytes() for path in run.rglob("dropped/*.parquet")}
    [line] = again(tmp_path / "a", keep="last")[1]
    assert line.startswith("keep: last: ")
    assert {path.parent.parent.name.partition("-")[0] for path in run.rglob("kept/*.parquet")} == {"last"}
    assert {path: path.read_bytes() for path in run.rglob("dropped/*.parquet")} == before
    assert all(stage["state"] == "done" and stage["rows_in"] for stage in status(run)["stages"])
    report(run)
    assert export(run, [], tmp_path / "out")["rows"] == sum(read_shard(path).num_rows for path in kept(run, "last"))
    with pytest.raises(UserError, match="holds no kept documents"):
        show(run, "license")


def test_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    run_it(tmp_path / "a", STAGES)
    run, _ = again(tmp_path / "a", keep="last")
    files = {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
    for changes in ({"keep": "last"}, {}):
        assert again(tmp_path / "a", **changes)[1] == []
        assert {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")} == files


def test_a_stage_that_is_added_has_what_it_reads_made_again_with_the_same_bytes(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    before = {path: path.read_bytes() for path in run.rglob("*.parquet")}
    again(tmp_path / "a", keep="last")
    _, lines = again(tmp_path / "a", stages={"more": {"use": "filter.signals", "from": "license"}})
    told = [line.partition(":")[0] for line in lines]
    assert told == ["code", "exact", "signals", "license"] and all(
        "`keep: last` had removed it" in line for line in lines
    )
    assert {path: path.read_bytes() for path in before} == before and kept(run, "more")


def test_a_damaged_end_is_made_again_from_what_is_made_again(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    again(tmp_path / "a", keep="last")
    path = kept(run, "last")[1]
    content = path.read_bytes()
    path.unlink()
    _, lines = again(tmp_path / "a", keep="last")
    assert path.read_bytes() == content and not kept(run, "license") and "damaged on disk" in " ".join(lines)


def test_a_kill_while_documents_are_removed_leaves_a_run_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    removed: list[Path] = []

    def third(path: Path) -> None:
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(path)
        shutil_rmtree(path)

    shutil_rmtree = released.shutil.rmtree
    monkeypatch.setattr(released.shutil, "rmtree", third)
    with pytest.raises(KeyboardInterrupt):
        again(tmp_path / "a", keep="last")
    monkeypatch.undo()
    assert len(removed) == 2
    _, lines = again(tmp_path / "a", keep="last")
    assert {path.parent.parent.name.partition("-")[0] for path in run.rglob("kept/*.parquet")} == {"last"}
    assert not any("made again" in line for line in lines)


def test_it_is_all_or_last_and_part_of_no_key() -> None:
    recipe = {"name": "r", "sources": {"code": {"installed": True}}, "stages": {"exact": {"use": "dedup.exact"}}}
    assert keys(parse(recipe)) == keys(parse({**recipe, "keep": "last"}))
    with pytest.raises(UserError, match="keep: 'first' must be all or last"):
        parse({**recipe, "keep": "first"})
