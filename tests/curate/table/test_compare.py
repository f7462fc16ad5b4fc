"""Two models compared: which tasks changed hands, by how much, and whether chance would do the same."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curate.errors import UserError
from curate.files.shards import write_text
from curate.table.compare import bootstrap, differences
from curate.table.leaderboard import table_text
from curate.table.rows import read_entries

Evaluated = Callable[..., Path]


def test_a_difference_lists_the_tasks_gained_and_lost(evaluated: Evaluated, tmp_path: Path) -> None:
    before = {"t/1": "pass", "t/2": "wrong", "t/3": "wrong", "t/4": "timeout", "t/5": "infra", "t/6": "pass"}
    after = {"t/1": "wrong", "t/2": "pass", "t/3": "pass", "t/4": "wrong", "t/5": "pass", "t/6": "pass"}
    places = [evaluated(tmp_path / "z", "before", before), evaluated(tmp_path / "a", "after", after)]
    text = table_text(places, diff=True)
    assert "gained 2 (only after passes): t/2, t/3" in text and "lost 1 (only before passes): t/1" in text
    assert text.splitlines()[:3] == [
        "humaneval@completion, 5 tasks",
        "  first   before   40.0",
        "  second  after    60.0",
    ]
    assert "second minus first: +20.0 points" in text
    (change,) = json.loads(table_text(places, diff=True, as_json=True))
    assert change["n_tasks"] == 5  # the one that could not be judged is left out
    assert change["points"] == pytest.approx(20)
    assert change["low"] < 20 < change["high"]


def test_a_difference_of_nothing_is_nothing_and_of_everything_is_certain(evaluated: Evaluated, tmp_path: Path) -> None:
    wrong = evaluated(tmp_path / "a", "a", {f"t/{n}": "wrong" for n in range(50)})
    right = evaluated(tmp_path / "b", "b", {f"t/{n}": "pass" for n in range(50)})
    alike = evaluated(tmp_path / "c", "c", {f"t/{n}": "wrong" for n in range(50)})
    (none,) = differences(read_entries([wrong, alike]))
    (all_of_it,) = differences(read_entries([wrong, right]))
    assert (none.points, none.low, none.high, none.p_value, none.gained, none.lost) == (0, 0, 0, 1, (), ())
    assert (all_of_it.low, all_of_it.high) == (100, 100) and all_of_it.p_value < 0.001
    assert "p < 0.001" in table_text([wrong, right], diff=True)


def test_the_interval_of_a_difference_is_paired(evaluated: Evaluated, tmp_path: Path) -> None:
    """Both fail on the same half; only 8 tasks of 200 differ, so the interval is far narrower than an unpaired one."""
    before = {f"t/{n}": "pass" if n < 100 else "wrong" for n in range(200)}
    after = {**before, **{f"t/{n}": "pass" for n in range(100, 108)}}
    places = [evaluated(tmp_path / "a", "a", before), evaluated(tmp_path / "b", "b", after)]
    (change,) = differences(read_entries(places))
    assert change.points == pytest.approx(4)
    assert 1 < change.low < 2 and 6.5 < change.high < 7.5


@pytest.mark.parametrize(("gained", "lost", "tasks"), [(20, 10, 164), (12, 12, 500), (40, 10, 378), (30, 18, 164)])
def test_on_many_tasks_the_bootstrap_agrees_with_the_normal_approximation(gained: int, lost: int, tasks: int) -> None:
    change = np.array([1.0] * gained + [-1.0] * lost + [0.0] * (tasks - gained - lost))
    mean, error = float(change.mean()), float(change.std()) / tasks**0.5
    low, high, p_value = bootstrap(change)
    assert (low, high) == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.15 * error)
    assert p_value == pytest.approx(math.erfc(abs(mean) / error / 2**0.5), abs=0.04)


def test_the_same_verdicts_give_the_same_figures_whichever_model_comes_first() -> None:
    change = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], 164, p=[0.1, 0.75, 0.15])
    low, high, p_value = bootstrap(change)
    assert bootstrap(change) == (low, high, p_value)
    assert bootstrap(-change) == pytest.approx((-high, -low, p_value), abs=1e-12)


def test_samples_of_one_task_count_together(evaluated: Evaluated, tmp_path: Path) -> None:
    """Of four samples a task, one more passes: a quarter of a task is gained, not four tasks."""
    first = evaluated(tmp_path / "a", "a", {"t/1": "wrong", "t/2": "wrong"})
    second = evaluated(tmp_path / "b", "b", {"t/1": "wrong", "t/2": "wrong"})
    verdicts = [("t/1", i, "pass" if i == 0 else "wrong") for i in range(4)] + [("t/2", 0, "wrong")]
    lines = [json.dumps({"task_id": t, "index": i, "verdict": v}) + "\n" for t, i, v in verdicts]
    write_text("".join(lines), second / "humaneval.results.jsonl")
    (change,) = differences(read_entries([first, second]))
    assert (change.gained, change.n_tasks, change.points) == (("t/1",), 2, pytest.approx(12.5))


def test_models_of_one_name_in_folders_of_one_name_are_two(evaluated: Evaluated, tmp_path: Path) -> None:
    places = [evaluated(tmp_path / name / "scores", "model", {"t/1": "pass"}) for name in ("a", "b")]
    (change,) = differences(read_entries(places))
    assert change.points == 0


def test_what_cannot_be_compared_is_refused(evaluated: Evaluated, tmp_path: Path) -> None:
    one = evaluated(tmp_path / "a", "a", {"t/1": "pass"})
    other = evaluated(tmp_path / "b", "b", {"t/1": "pass"}, protocol="humaneval@chat")
    apart = evaluated(tmp_path / "c", "c", {"t/9": "pass"})
    with pytest.raises(UserError, match="compares two models, 1 were found"):
        table_text([one], diff=True)
    with pytest.raises(UserError, match="share no benchmark under one protocol"):
        table_text([one, other], diff=True)
    with pytest.raises(UserError, match="on the same problems"):
        table_text([one, evaluated(tmp_path / "d", "d", {"t/1": "pass"}, data_sha256="other")], diff=True)
    with pytest.raises(UserError, match="no task in common"):
        table_text([one, apart], diff=True)
    (apart / "humaneval.results.jsonl").unlink()
    with pytest.raises(UserError, match="are missing"):
        table_text([one, apart], diff=True)
