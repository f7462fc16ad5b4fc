"""What a run says while it works: how far it is, how long the rest takes, and what came out."""

import json
import pickle
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from curate.progress import Progress
from curate.recipe import parse
from curate.records.receipts import Receipt, read_record, write_record
from curate.records.status import status
from curate.run.journal import now
from curate.run.opened import Run, open_run
from curate.run.runner import execute
from curate.terminal.pace import Pace
from curate.terminal.screen import Bars, Plain, Silent, StageProgress

RECEIPT = Receipt("0000", 40, 30, 10, {"too short": 10})


def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stand in for the clock: `set_clock(...)(s)` says that it is `s` seconds after the start."""
    state = {"s": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + state["s"])
    return lambda s: state.update(s=s)


def test_the_rest_takes_as_long_as_the_pace_since_the_start_says(monkeypatch: pytest.MonkeyPatch) -> None:
    at = set_clock(monkeypatch)
    pace = Pace("", 10, 4)  # four shards stood before
    assert pace.left_s() is None
    at(20)
    pace.step(RECEIPT)
    pace.step(RECEIPT)
    assert pace.left_s() == pytest.approx(4 * 10)
    assert pace.share == 0.6
    assert pace.words() == ["shard 6/10", "4 rows/s"]


def test_a_stage_that_runs_alone_moves_within_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    at = set_clock(monkeypatch)
    pace = Pace("", 2, 0)
    at(10)
    pace.within(40, 80, "requests, 812 tokens/s")
    assert pace.share == 0.25
    assert pace.left_s() == pytest.approx(30)
    assert pace.words() == ["shard 0/2", "40/80 requests", "812 tokens/s"]


def test_a_stream_over_all_shards_tells_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    at = set_clock(monkeypatch)
    pace = Pace("", 4, 2, whole=True)  # the stream has the two that are left
    at(10)
    pace.within(50, 100, "attempts")
    pace.step(RECEIPT)
    assert pace.share == 0.75
    assert pace.left_s() == pytest.approx(10)


def test_a_job_that_goes_over_to_other_work_has_a_new_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    at = set_clock(monkeypatch)
    pace = Pace("", 1, 0)
    assert pace.share is None
    pace.within(0, 164, "self-check")
    at(1)
    pace.within(164, 164, "self-check")
    pace.within(0, 500, "generating")
    assert pace.left_s() is None
    at(11)
    pace.within(100, 500, "generating")
    assert pace.left_s() == pytest.approx(40)


def test_a_job_that_continues_is_not_credited_with_what_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    at = set_clock(monkeypatch)
    pace = Pace("", 1, 0)
    pace.within(900, 1000, "loss 2.1")
    at(10)
    pace.within(910, 1000, "loss 2.1")
    assert pace.left_s() == pytest.approx(90)


def test_a_progress_that_is_sent_elsewhere_is_silent(tmp_path: Path) -> None:
    spoken = StageProgress(tmp_path, "textbook", Silent())
    spoken.update(1, 2, "requests")
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 1
    copy = pickle.loads(pickle.dumps(spoken))
    assert type(copy) is Progress
    copy.update(2, 2, "requests")
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 1


def test_a_pipe_hears_now_and_then_how_far_a_stage_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = set_clock(monkeypatch)
    told = Plain()
    told.start("textbook", 2, 0, "")
    for second in (4, 10, 20):
        at(second)
        told.inside("textbook", second, 80, "requests, 812 tokens/s")
    told.finish("textbook", "done", {"rows_in": 40, "rows_kept": 30, "rows_dropped": 10, "seconds": 21.0})
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "textbook: shard 0/2, 20/80 requests, 812 tokens/s, 2 min 20 s left",
        "textbook: 40 in, 30 kept, 10 dropped, 21 s",
    ]


def test_a_pipe_hears_nothing_of_a_job_whose_work_is_done_until_it_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = set_clock(monkeypatch)
    told = Plain()
    told.start("model", 1, 0, "")
    at(20)
    told.inside("model", 991, 992, "loss 0.8")
    at(40)
    told.advance("model", None)
    told.finish("model", "done", {"rows_in": 0, "rows_kept": 0, "rows_dropped": 0, "seconds": 41.0})
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == ["model: 991/992 loss 0.8", "model: done"]


class Listening(Silent):
    """Notes what the runner says."""

    def __init__(self) -> None:
        self.ended: dict[str, float] = {}
        self.cached_stages: list[str] = []
        self.begun: list[tuple[str, str]] = []
        self.told: list[tuple[str, float, float]] = []

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        self.begun.append((stage, phase))

    def inside(self, stage: str, done: float, total: float, note: str) -> None:
        self.told.append((stage, done, total))

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        self.ended[stage] = stats["seconds"]

    def cached(self, stage: str, stats: Mapping[str, Any]) -> None:
        self.cached_stages.append(stage)


@pytest.fixture
def tiny_run(tmp_path: Path) -> Run:
    for number in range(6):
        (tmp_path / f"{number}.py").write_text(f"def f{number}(x):\n    return x + {number}\n" * (number + 1))
    recipe = {
        "name": "tiny",
        "sources": {"code": {"folder": str(tmp_path), "shard_rows": 3}},
        "stages": {"exact": {"use": "dedup.exact"}},
    }
    return open_run(parse(recipe), tmp_path / "runs")


def test_the_seconds_at_the_end_of_a_stage_are_those_of_the_status_planning_included(tiny_run: Run) -> None:
    heard = Listening()
    execute(tiny_run, heard, workers=1)
    stages = {stage["name"]: stage for stage in status(tiny_run.directory)["stages"]}
    assert heard.ended == {name: stage["seconds"] + stage["plan_seconds"] for name, stage in stages.items()}
    assert stages["exact"]["plan_seconds"] > 0
    for stage in stages.values():
        assert 0 < stage["seconds"] + stage["plan_seconds"] <= stage["wall_seconds"]
    whole = status(tiny_run.directory)["wall_seconds"]
    assert whole == pytest.approx(sum(stage["wall_seconds"] for stage in stages.values()))


def test_a_run_that_finds_all_done_keeps_when_the_work_began_and_ended(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(tiny_run, Silent(), workers=1)
    before = status(tiny_run.directory)
    monkeypatch.setattr("curate.run.journal.now", lambda: "2099-01-01T00:00:00Z")
    heard = Listening()
    execute(tiny_run, heard, workers=1)
    after = status(tiny_run.directory)
    assert heard.cached_stages == ["code", "exact"]
    assert (after["started"], after["finished"]) == (before["started"], before["finished"])
    assert after["wall_seconds"] == before["wall_seconds"]


def test_the_clock_of_a_stage_runs_over_all_its_sessions_a_killed_one_counts_up_to_its_last_file(
    tiny_run: Run,
) -> None:
    execute(tiny_run, Silent(), workers=1)
    place = next(tiny_run.directory.glob("stages/exact-*"))
    record = read_record(place)
    assert record
    (place / "done").joinpath("0001.json").unlink(missing_ok=True)
    first = sorted((place / "done").iterdir())[0]
    first.unlink()
    write_record(replace(record, state="running", wall_seconds=100.0), place)
    execute(tiny_run, Silent(), workers=1)
    again = read_record(place)
    assert again and 100 < again.wall_seconds < 130
    write_record(replace(record, state="running", wall_seconds=0.0, started=now()), place)
    assert 0 <= status(tiny_run.directory)["stages"][1]["wall_seconds"] < 60


def test_sketches_and_the_parts_of_a_plan_are_told_as_they_end(tiny_run: Run, tmp_path: Path) -> None:
    recipe = tiny_run.recipe.text.replace("dedup.exact", "dedup.minhash")
    heard = Listening()
    execute(open_run(parse(yaml.safe_load(recipe)), tmp_path / "near"), heard, workers=1)
    assert heard.begun == [("code", "list"), ("code", ""), ("exact", "sketch"), ("exact", "plan"), ("exact", "")]
    assert {stage for stage, _, _ in heard.told} == {"exact"}
    assert any(done == total for _, done, total in heard.told)


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
@pytest.mark.parametrize("note", ["", "requests, 1,812 tokens/s, GPU 97 % busy", "loss 2.1"])
def test_a_bar_fits_any_width_and_never_cuts_a_figure(monkeypatch: pytest.MonkeyPatch, columns: int, note: str) -> None:
    at = set_clock(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    bars = Bars(["a-stage-of-20-letters", "code"])
    bars.start("code", 12, 3, "")
    for second, done in ((7, 0), (400, 999), (5000, 12_345)):
        at(second)
        bars.advance("code", RECEIPT)
        bars.inside("code", done, 54_321, note)
        drawn = bars.draw().plain
        assert len(drawn) < columns and drawn.startswith("code ")
        assert re.search(r"  \d+(:\d\d)+(  left \d+(:\d\d)+)?$", drawn), drawn
        assert "…" not in drawn
        if columns >= 80:
            assert "━" in drawn or "─" in drawn
            assert f"shard {3 + 1 + (7, 400, 5000).index(second)}/12" in drawn
