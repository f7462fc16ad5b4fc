"""The quality report: what each stage did to the documents, measured once and shown the same everywhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.records.status import read_run
from curate.report.quality_report import changes, quality_text
from curate.report.write import report
from tests.conftest import Run


@pytest.fixture
def run(example: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(example, tmp_path / "small"))


def test_every_finished_stage_with_documents_has_a_profile_before_and_after(run: Path) -> None:
    found = {change.stage: change for change in changes(read_run(run))}
    assert list(found) == ["code", "exact", "minhash", "heuristics", "quality", "clean", "seeds", "exercises"]
    assert found["code"].before is None and found["exercises"].before is None
    before, after = found["exact"].before, found["exact"].after
    assert before is not None and (before.documents, after.documents) == (240, 220)
    assert before == found["code"].after


def test_a_stage_that_reads_two_stands_beside_both_together(writer: Callable[..., Any]) -> None:
    run = writer({"one": ("source.jsonl", []), "two": ("source.jsonl", []), "both": ("dedup.exact", ["one", "two"])})
    texts = [{"id": name, "text": f"x = '{name}'\n", "source": "s"} for name in ("a", "b", "c")]
    again = {**texts[0], "id": "d"}
    for name, shard, kept in (("one", "0", texts[:2]), ("two", "0", [texts[2], again])):
        run.shard(name, shard, kept)
        run.finish(name)
    run.shard("both", "one.0", texts[:2])
    run.shard("both", "two.0", texts[2:], [{**again, "reason": "exact duplicate", "survivor": "a"}])
    run.finish("both")
    change = changes(read_run(run.directory))[-1]
    assert change.before is not None
    assert (change.before.documents, change.before.duplicates) == (4, 0.25)
    assert (change.after.documents, change.after.duplicates) == (3, 0)


def test_a_profile_is_measured_once_and_anew_for_other_shards(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = changes(read_run(run))
    with monkeypatch.context() as patch:
        patch.setattr("curate.report.quality_report.profile", lambda *_: pytest.fail("measured twice"))
        assert changes(read_run(run)) == first
    (receipt,) = run.glob("stages/clean-*/done/0000.json")
    receipt.write_text(receipt.read_text().replace('"kept_sha256": ""', '"kept_sha256": "other"'))
    (kept,) = run.glob("stages/clean-*/kept/0001.parquet")
    kept.unlink()
    again = {change.stage: change.after.documents for change in changes(read_run(run))}
    assert again["clean"] < {change.stage: change.after.documents for change in first}["clean"]


def test_a_stage_that_is_not_done_has_no_profile(writer: Callable[..., Any]) -> None:
    run = writer({"code": ("source.jsonl", [])})
    run.shard("code", "0", [{"id": "a", "text": "x", "source": "s"}])
    run.record("code", state="running")
    assert changes(read_run(run.directory)) == []
    assert "no stage" in quality_text(run.directory)
    with pytest.raises(UserError, match="no run"):
        quality_text(run.directory / "stages")


def test_the_command_prints_what_the_report_shows(run: Path, curate: Run) -> None:
    report(run)
    text = curate("report", run, "--quality").stdout
    values = json.loads(curate("report", run, "--quality", "--json").stdout)
    line = next(line for line in text.splitlines() if line.startswith("exact "))
    assert "240 → 220" in line and "240 → 220" in (run / "report.md").read_text()
    assert "Figures of the documents" in (run / "report.html").read_text()
    assert [value["stage"] for value in values][:3] == ["code", "exact", "minhash"]
    assert values[1]["before"] == values[0]["after"]
    assert values[0]["after"]["licence_classes"]["permissive"] == 240
    refused = curate("report", run, "--json")
    assert refused.returncode == 1 and "--quality" in refused.stderr


def test_an_unchanged_figure_is_printed_once(run: Path) -> None:
    lines = {line.split()[0]: line for line in quality_text(run).splitlines()}
    assert "→" not in lines["code"]
    assert "100 % → 100 %" not in lines["exact"]
