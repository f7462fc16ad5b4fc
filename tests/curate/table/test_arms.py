"""Arms beside each other: each measure with its difference from the arm before, by resampling tasks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from curate.errors import UserError
from curate.files.shards import write_text
from curate.table.arms import gains
from curate.table.leaderboard import table_text
from curate.table.rows import read_entries

Evaluated = Callable[..., Path]


def with_bits(place: Path, costs: dict[str, tuple[float, int]]) -> Path:
    """Let an evaluation have measured what the solutions cost."""
    rows = json.loads((place / "scores.json").read_text())
    rows[0]["bits"] = "bits.jsonl"
    (place / "scores.json").write_text(json.dumps(rows))
    lines = ({"task_id": task, "bits": bits, "bytes": size} for task, (bits, size) in costs.items())
    write_text("".join(json.dumps(line) + "\n" for line in lines), place / "bits.jsonl")
    return place


def verdicts(right: int, tasks: int = 100) -> dict[str, str]:
    return {f"t/{n}": "pass" if n < right else "wrong" for n in range(tasks)}


def test_each_arm_stands_beside_the_one_before_it(evaluated: Evaluated, tmp_path: Path) -> None:
    places = [evaluated(tmp_path / name, name, verdicts(right)) for name, right in (("a", 10), ("b", 30), ("c", 30))]
    first, second, third = gains(read_entries(places), ["a", "b", "c"])
    assert (first.value, first.change, first.tasks) == (10, None, 100)
    assert second.change == pytest.approx(20)
    assert second.low == pytest.approx(12.5, abs=1.5) and second.high == pytest.approx(28, abs=1.5)
    assert (third.value, third.change, third.low, third.high) == (30, 0, 0, 0)
    text = table_text(places, arms=["a", "b", "c"])
    assert text.startswith("| Measure | Tasks | a | b | c |\n")
    assert "| humaneval@completion | 100 | 10.0 | 30.0 (+20.0; +1" in text


def test_bits_per_byte_are_compared_as_sums_over_sums(evaluated: Evaluated, tmp_path: Path) -> None:
    before = {f"t/{n}": (10.0 + n, 10 + 10 * (n % 2)) for n in range(100)}
    after = {task: (bits - size / 4, size) for task, (bits, size) in before.items()}
    places = [with_bits(evaluated(tmp_path / name, name, verdicts(5)), costs) for name, costs in
              (("a", before), ("b", after))]  # fmt: skip
    first, second = [row for row in gains(read_entries(places), ["a", "b"]) if row.measure.startswith("bits")]
    assert first.value == pytest.approx(sum(bits for bits, _ in before.values()) / 1500)
    assert (second.change, second.low, second.high) == pytest.approx((-0.25, -0.25, -0.25))


def test_trainings_of_one_recipe_count_by_their_mean(evaluated: Evaluated, tmp_path: Path) -> None:
    rights = {"a": 20, "b": 10, "b2": 50}
    places = [evaluated(tmp_path / name, name, verdicts(right)) for name, right in rights.items()]
    _, both = gains(read_entries(places), ["a", "b+b2"])
    assert (both.value, both.change) == (30, pytest.approx(10))
    [alone] = gains(read_entries(places), ["b2"])
    assert alone.value == 50


def test_an_arm_that_was_not_scored_is_one_line(evaluated: Evaluated, tmp_path: Path) -> None:
    places = [evaluated(tmp_path / "a", "filtered", verdicts(3))]
    with pytest.raises(UserError, match=r"no scores of 'filterd'.*filtered"):
        gains(read_entries(places), ["filterd"])
