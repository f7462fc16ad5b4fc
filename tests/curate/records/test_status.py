"""`curate status`: counts, states, rates and time left, read from receipts."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.files.shards import write_json
from curate.records.receipts import read_record, write_record
from curate.records.status import read_run, status
from curate.terminal.status import render_status

LATER = "2025-01-01T10:00:30Z"


def stage(run: Path, name: str, now: datetime | None = None) -> dict[str, Any]:
    return next(stage for stage in status(run, now)["stages"] if stage["name"] == name)


def held(run: Path) -> Any:
    """Hold the run's lock, as a running process does."""
    file = (run / ".lock").open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def test_every_row_is_accounted_for_in_every_stage(example: Path) -> None:
    stages = status(example)["stages"]
    assert all(s["rows_in"] == s["rows_kept"] + s["rows_dropped"] for s in stages)
    assert all(s["rows_dropped"] == sum(s["dropped_by_reason"].values()) for s in stages)
    assert sum(s["rows_dropped"] for s in stages) > 100


def test_a_filter_reads_what_the_stage_above_it_kept(example: Path) -> None:
    stages = {s["name"]: s for s in status(example)["stages"]}
    for name in ("exact", "minhash", "heuristics", "quality", "clean"):
        (above,) = stages[name]["inputs"]
        assert stages[name]["rows_in"] == stages[above]["rows_kept"]


def test_the_status_is_plain_json(example: Path) -> None:
    value = status(example)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_energy_tokens_and_cost_are_summed_over_stages_and_absent_where_unknown(example: Path) -> None:
    whole = status(example)
    assert (whole["joules"], whole["tokens"], whole["usd"]) == (900 + 2 * 5400, 7500, 0.02)
    assert stage(example, "exact")["joules"] is None
    assert stage(example, "exact")["tokens"] is None


def test_what_a_plan_spent_counts_too(example: Path, tmp_path: Path) -> None:
    run = tmp_path / "small"
    shutil.copytree(example, run)
    place = next(files.directory for files in read_run(run).stages if files.name == "quality")
    record = read_record(place)
    assert record is not None
    calls = {"prompt_tokens": 70.0, "completion_tokens": 7.0, "usd": 0.5}
    write_record(replace(record, plan_joules=30.0, plan_metrics=calls), place)
    assert [stage(run, "quality")[name] for name in ("joules", "tokens", "usd")] == [30, 77, 0.5]


def test_a_maker_has_no_rate_in_megabytes(example: Path) -> None:
    assert stage(example, "exercises")["mb_per_s"] is None
    assert stage(example, "code")["mb_per_s"] > 0
    assert stage(example, "exact")["rows_per_s"] == 240


def test_rates_count_the_time_that_planning_took(example: Path) -> None:
    minhash = stage(example, "minhash")
    assert minhash["rows_per_s"] == 220 / (2 * 0.5 + 1.5)


def test_stages_that_never_started_are_pending(writer: Callable[..., Any]) -> None:
    run = writer()
    run.shard("code", "0000", [{"id": "a", "text": "x = 1", "source": "code"}])
    run.finish("code")
    states = [s["state"] for s in status(run.directory)["stages"]]
    assert states == ["done", *["pending"] * 9]
    assert stage(run.directory, "exact")["shards_total"] is None


def test_a_run_whose_process_is_gone_was_interrupted(writer: Callable[..., Any]) -> None:
    run = writer()
    gone = subprocess.Popen(["true"])
    gone.wait()
    run.state(state="running", pid=gone.pid)
    run.record("code", state="running", shards=4)
    with held(run.directory):
        assert status(run.directory)["state"] == "interrupted"
    assert stage(run.directory, "code")["state"] == "interrupted"
    assert stage(run.directory, "code")["time_left_s"] is None


def test_a_process_that_took_over_the_id_of_a_dead_run_is_not_the_run(writer: Callable[..., Any]) -> None:
    run = writer()
    run.state(state="running", pid=os.getpid())
    (run.directory / ".lock").touch()
    assert status(run.directory)["state"] == "interrupted"


@pytest.fixture
def live(writer: Callable[..., Any]) -> Any:
    """A run in the middle of its source: two shards of eight, ten seconds of work each, finished 10 and 20 s in."""
    run = writer()
    run.state(state="running", pid=os.getpid(), started=LATER)
    run.record("code", state="running", shards=8, started=LATER)
    begun = datetime.fromisoformat(LATER).timestamp()
    for index in range(2):
        run.shard("code", f"{index:04}", [{"id": f"{index}", "text": "x = 1", "source": "code"}], seconds=10.0)
        os.utime(run.place("code") / "done" / f"{index:04}.json", (begun + 10 * (index + 1),) * 2)
    with held(run.directory):
        yield run


def test_a_live_stage_says_how_long_the_rest_takes_at_its_pace(live: Any) -> None:
    code = stage(live.directory, "code", datetime(2025, 1, 1, 10, 0, 50, tzinfo=UTC))
    assert (code["state"], code["shards_done"], code["shards_total"]) == ("running", 2, 8)
    assert code["time_left_s"] == pytest.approx(60)


def test_shards_of_an_earlier_session_do_not_count_into_the_pace(live: Any) -> None:
    early = datetime(2025, 1, 1, 8, tzinfo=UTC).timestamp()
    os.utime(live.place("code") / "done" / "0000.json", (early, early))
    code = stage(live.directory, "code", datetime(2025, 1, 1, 10, 0, 50, tzinfo=UTC))
    assert code["time_left_s"] == pytest.approx(6 * 10)


def test_a_stage_that_an_earlier_session_left_open_is_not_running_yet(live: Any) -> None:
    live.record("exact", state="running", shards=8, started="2025-01-01T08:00:00Z")
    assert stage(live.directory, "exact")["state"] == "interrupted"


def test_a_stage_in_which_the_run_broke_off_has_failed(writer: Callable[..., Any]) -> None:
    run = writer()
    run.state(state="failed", error="no space left")
    run.record("code", state="running", shards=4)
    assert stage(run.directory, "code")["state"] == "failed"


def test_a_running_job_tells_its_own_progress(live: Any) -> None:
    live.record("model", state="running", started=LATER)
    write_json({"done": 30, "total": 120, "note": "loss 4.1"}, live.place("model") / "progress.json")
    value = status(live.directory)
    assert stage(live.directory, "model")["progress"]["done"] == 30
    assert "25 %" in render_status(value)


def test_the_table_names_every_stage_and_leaves_out_columns_without_values(example: Path, live: Any) -> None:
    finished, half = render_status(status(example)), render_status(status(live.directory))
    for name in ("code", "minhash", "exercises", "score"):
        assert name in finished and name in half
    assert "30 (14 %)" in finished
    assert "energy" in finished and "energy" not in half


def test_a_failed_shard_is_shown_with_its_line_and_without_control_characters(writer: Callable[..., Any]) -> None:
    run = writer()
    run.state(state="failed")
    run.record("code", state="failed", shards=2, failures={"0001": "bad \x1b[31mbyte"})
    text = render_status(status(run.directory))
    assert "code/0001: bad \\x1b[31mbyte" in text
    assert "\x1b" not in text


def test_a_folder_that_is_no_run_is_named_with_the_nearest_one(example: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'small'"):
        status(example.parent / "smal")
    with pytest.raises(UserError, match="no run"):
        status(example / "recipe.yaml")


@pytest.mark.parametrize("text", ["", "[]", '{"state": "done"}', '{"stages": []}', "\x00"])
def test_a_damaged_run_json_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UserError, match=r"cannot read .*run\.json") as caught:
        status(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_stage_is_answered_with_the_nearest_name(example: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'minhash'"):
        read_run(example).stage("minhsh")
