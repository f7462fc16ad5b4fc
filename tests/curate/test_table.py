"""The table: the published rows as published, ours beside them, and what one result gained over another."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.shards import write_json, write_text
from curate.table import as_values, collect, differences, published, render_markdown, table_text

Verdicts = dict[str, str]


def evaluated(place: Path, model: str, verdicts: Verdicts, **changes: Any) -> Path:
    """Write what an evaluation leaves: one benchmark, one sample a task."""
    rows = [
        {"task_id": task_id, "index": 0, "verdict": verdict, "detail": "", "cpu_s": 0.1, "wall_s": 0.1, "peak_mb": 9.0}
        for task_id, verdict in verdicts.items()
    ]
    write_text("".join(json.dumps(row) + "\n" for row in rows), place / "humaneval.results.jsonl")
    score = {
        "model": model,
        "model_parameters": 3_100_000,
        "dataset_tokens": 1_200_000,
        "benchmark": "humaneval",
        "protocol": "humaneval@completion",
        "pass_at_1": sum(verdict == "pass" for verdict in verdicts.values()) / len(verdicts),
        "low": 0.01,
        "high": 0.125,
        "n_tasks": len(verdicts),
        "bits_per_byte": 1.2345,
        "results": "humaneval.results.jsonl",
    }
    write_json([{**score, **changes}], place / "scores.json")
    return place


def cells(text: str, model: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {model} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_first_block_is_exactly_the_four_published_baselines() -> None:
    rows = [(r.model, r.parameters, r.dataset_tokens, {n: s.value for n, s in r.scores.items()}) for r in published()]
    assert rows == [
        ("phi-1", 1.3e9, 7e9, {"humaneval": 50.6, "mbpp": 55.5}),
        ("WizardCoder", 16e9, 1e12, {"humaneval": 57.3, "mbpp": 51.8}),
        ("GPT-3.5", 175e9, None, {"humaneval": 47}),
        ("StarCoder", 15.5e9, 1e12, {"humaneval": 33.6, "mbpp": 52.7}),
    ]
    assert all(row.kind == "published" and "Table 1" in row.source for row in published())


def test_the_second_block_is_the_same_models_under_one_protocol() -> None:
    names = ("humaneval", "humaneval+", "mbpp", "mbpp+")
    rows = {row.model: tuple(row.scores[name].value for name in names) for row in published("evalplus")}
    assert rows == {
        "StarCoder": (34.1, 29.3, 55.1, 46.1),
        "WizardCoder-15B": (56.7, 50.6, 64.3, 54.2),
        "GPT-3.5-Turbo (Nov 2023)": (76.8, 70.7, 82.5, 69.7),
    }
    assert len({score.protocol for row in published("evalplus") for score in row.scores.values()}) == 1


def test_baselines_are_printed_as_published_and_a_score_that_does_not_compare_is_marked() -> None:
    text = render_markdown([])
    assert cells(text, "phi-1")[1:5] == ["1.3B", "7B", "50.6", "55.5"]
    assert cells(text, "WizardCoder")[1:5] == ["16B", "1T", "57.3", "51.8"]
    assert cells(text, "GPT-3.5")[1:5] == ["175B", "N.A.", "47", "-"]
    assert cells(text, "StarCoder")[1:5] == ["15.5B", "1T", "33.6", "52.7 [1]"]
    assert "[1] not comparable: on the 397 tasks of MultiPL-E; on the 500 test tasks it is 43.6" in text


def test_a_measured_row_carries_its_interval_bits_and_protocol(tmp_path: Path) -> None:
    place = evaluated(tmp_path / "mine", "small", {"t/1": "pass", "t/2": "wrong"}, pass_at_1=0.0366)
    assert cells(table_text([place]), "small") == [
        "small", "3.1M", "1.2M", "3.7 (1.0 to 12.5)", "-", "1.234", "humaneval@completion", "mine", "measured",
    ]  # fmt: skip


def test_a_score_on_some_of_the_tasks_is_marked(tmp_path: Path) -> None:
    text = table_text([evaluated(tmp_path, "small", {"t/1": "pass", "t/2": "wrong"}, limit=2)])
    assert "50.0 (1.0 to 12.5) [2]" in text
    assert "[2] not comparable: the first 2 tasks only" in text


def test_measured_rows_follow_the_baselines_smallest_first(tmp_path: Path) -> None:
    large = evaluated(tmp_path / "a", "large", {"t/1": "pass"}, model_parameters=10**9)
    small = evaluated(tmp_path / "b", "small", {"t/1": "pass"})
    values = json.loads(table_text([large, small], as_json=True))
    assert [row["model"] for row in values["main"]][4:] == ["small", "large"]
    assert values == json.loads(json.dumps(as_values(collect([small, large]))))


def test_a_model_name_cannot_break_the_table(tmp_path: Path) -> None:
    text = table_text([evaluated(tmp_path, "a|b\n| c\x1b[31m", {"t/1": "pass"})])
    (line,) = (line for line in text.splitlines() if "measured" in line)
    assert line.startswith("| a\\|b \\| c\\x1b[31m | 3.1M |")


def test_a_run_shows_its_current_stages_alone(example: Path, tmp_path: Path) -> None:
    run = tmp_path / "small"
    shutil.copytree(example, run)
    evaluated(run / "stages" / "score-00000000", "an earlier model", {"t/1": "pass"})
    rows = collect([run])
    assert [(row.model, row.source) for row in rows] == [("model", "small/score")]
    assert set(rows[0].scores) == {"humaneval", "mbpp"}


def test_a_place_without_scores_or_with_broken_ones_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither scores\.json nor run\.json"):
        collect([tmp_path])
    for broken in ("{", "[1]", '[{"model": "m"}]'):
        (tmp_path / "scores.json").write_text(broken)
        with pytest.raises(UserError, match=r"cannot read .*scores\.json"):
            collect([tmp_path])


def test_a_difference_lists_the_tasks_gained_and_lost(tmp_path: Path) -> None:
    before = {"t/1": "pass", "t/2": "wrong", "t/3": "wrong", "t/4": "timeout", "t/5": "infra", "t/6": "pass"}
    after = {"t/1": "wrong", "t/2": "pass", "t/3": "pass", "t/4": "wrong", "t/5": "pass", "t/6": "pass"}
    places = [evaluated(tmp_path / "z", "before", before), evaluated(tmp_path / "a", "after", after)]
    text = table_text(places, diff=True)
    assert "gained 2: t/2, t/3" in text and "lost   1: t/1" in text
    (change,) = json.loads(table_text(places, diff=True, as_json=True))
    assert change["n_tasks"] == 5  # the one that could not be judged is left out
    assert change["points"] == pytest.approx(20)
    assert change["low"] < 20 < change["high"]


def test_a_difference_of_nothing_is_nothing_and_of_everything_is_certain(tmp_path: Path) -> None:
    wrong = evaluated(tmp_path / "a", "a", {f"t/{n}": "wrong" for n in range(50)})
    right = evaluated(tmp_path / "b", "b", {f"t/{n}": "pass" for n in range(50)})
    (none,) = differences([*collect([wrong]), *collect([wrong])])
    (all_of_it,) = differences([*collect([wrong]), *collect([right])])
    assert (none.points, none.low, none.high, none.gained, none.lost) == (0, 0, 0, (), ())
    assert (all_of_it.low, all_of_it.high) == (100, 100)


def test_the_interval_of_a_difference_is_paired(tmp_path: Path) -> None:
    """Both fail on the same half; only 8 tasks of 200 differ, so the interval is far narrower than an unpaired one."""
    before = {f"t/{n}": "pass" if n < 100 else "wrong" for n in range(200)}
    after = {**before, **{f"t/{n}": "pass" for n in range(100, 108)}}
    places = [evaluated(tmp_path / "a", "a", before), evaluated(tmp_path / "b", "b", after)]
    (change,) = differences([*collect(places[:1]), *collect(places[1:])])
    assert change.points == pytest.approx(4)
    assert 1 < change.low < 2 and 6.5 < change.high < 7.5


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = evaluated(tmp_path / "a", "a", {"t/1": "pass"})
    other = evaluated(tmp_path / "b", "b", {"t/1": "pass"}, protocol="humaneval@chat")
    apart = evaluated(tmp_path / "c", "c", {"t/9": "pass"})
    with pytest.raises(UserError, match="compares two models, 1 were found"):
        table_text([one], diff=True)
    with pytest.raises(UserError, match="share no benchmark under one protocol"):
        table_text([one, other], diff=True)
    with pytest.raises(UserError, match="no task in common"):
        table_text([one, apart], diff=True)
    (apart / "humaneval.results.jsonl").unlink()
    with pytest.raises(UserError, match="are missing"):
        table_text([one, apart], diff=True)
