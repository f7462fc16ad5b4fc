"""select.holdout: whole groups are kept away from training, and nothing that is like them stays."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import read_shard, write_shard
from curate.filters.selection.holdout import Holdout
from curate.stage import Context

Row = dict[str, object]


def exercise(number: int, topic: str | None, name: str, behaviour: str | None = None) -> Row:
    return {"id": f"e{number}", "topic": topic, "function_name": name, "behaviour": behaviour}


EXERCISES = [exercise(n, f"topic {n % 20}", f"f{n % 153}", f"b{n % 187}") for n in range(200)]


def work(
    stage: Holdout, rows: list[Row], directory: Path, size: int = 60, seed: int = 17, **references: Path
) -> tuple[list[Row], ...]:
    """Return (kept, dropped) as the runner would make them."""
    context = Context("select", seed, directory / "select", {"code": directory / "code"}, references)
    for start in range(0, len(rows), size):
        write_shard(
            pa.Table.from_pylist(rows[start : start + size]), directory / "code" / "kept" / f"{start:04}.parquet"
        )
    for path in context.shards():
        write_shard(stage.sketch(read_shard(path), context), context.plan / "sketches" / path.name)
    stage.plan(context, lambda function, items: [function(item) for item in items])
    both: tuple[list[Row], list[Row]] = ([], [])
    for path in context.shards():
        shard = read_shard(path)
        for found, part in zip(both, stage.judge(shard, context).split(shard), strict=True):
            found.extend(part.to_pylist())
    return both


def test_whole_groups_are_held_out_until_there_are_enough(tmp_path: Path) -> None:
    kept, dropped = work(Holdout(share=0.12), EXERCISES, tmp_path)
    held = [row for row in dropped if row["reason"] == "held out"]
    assert len(kept) + len(dropped) == 200
    assert len(held) == 30  # 24 are asked for, and topics have ten exercises each
    assert {row["topic"] for row in held}.isdisjoint(row["topic"] for row in kept)
    assert {row["group"] for row in held} == {f"topic={row['topic']}" for row in held}


def test_what_is_like_a_held_out_one_is_neither_asked_nor_trained_on(tmp_path: Path) -> None:
    kept, dropped = work(Holdout(count=20), EXERCISES, tmp_path)
    held = [row for row in dropped if row["reason"] == "held out"]
    alike = [row for row in dropped if row["reason"] == "like held out"]
    assert len(held) == 20
    assert alike
    for column in ("topic", "function_name", "behaviour"):
        assert {row[column] for row in held}.isdisjoint(row[column] for row in kept)
    assert all(
        {row["function_name"], row["behaviour"]}
        & {each[name] for each in held for name in ("function_name", "behaviour")}
        for row in alike
    )


def test_another_set_is_kept_from_what_was_held_out_of_the_first(tmp_path: Path) -> None:
    _, dropped = work(Holdout(count=20), EXERCISES, tmp_path / "a")
    held = [row for row in dropped if row["reason"] == "held out"]
    assert len(held) == 20
    others = [{name: value for name, value in row.items() if name != "behaviour"} for row in EXERCISES[:150]]
    kept, gone = work(Holdout(like="held"), others, tmp_path / "b", held=tmp_path / "a" / "select")
    assert len(kept) + len(gone) == 150
    assert {row["reason"] for row in gone} == {"like held out"}
    for column in ("topic", "function_name"):
        assert {row[column] for row in held}.isdisjoint(row[column] for row in kept)
    assert {row["group"] for row in gone} > {f"topic={row['topic']}" for row in held}
    with pytest.raises(UserError, match="b held no groups out; name a stage"):
        work(Holdout(like="held"), others, tmp_path / "c", held=tmp_path / "b")


def test_the_same_are_held_out_however_the_rows_lie_in_shards(tmp_path: Path) -> None:
    first = work(Holdout(), EXERCISES, tmp_path / "a", size=60)
    again = work(Holdout(), EXERCISES, tmp_path / "b", size=7)
    other = work(Holdout(), EXERCISES, tmp_path / "c", seed=18)
    assert first == again
    assert {row["id"] for row in first[1]} != {row["id"] for row in other[1]}


def test_rows_without_topic_are_grouped_by_the_next_column_and_rows_without_any_are_kept(tmp_path: Path) -> None:
    rows = [exercise(n, None, f"f{n % 9}") for n in range(45)] + [exercise(n, None, "") for n in range(45, 60)]
    kept, dropped = work(Holdout(share=0.2), rows, tmp_path)
    assert {row["id"] for row in kept} >= {f"e{n}" for n in range(45, 60)}
    assert len(dropped) == 10
    assert len({row["function_name"] for row in dropped}) == 2


def test_a_column_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'kind'; the columns are: id, topic"):
        work(Holdout(by=("topic", "kind")), EXERCISES, tmp_path)
    with pytest.raises(UserError, match="no column 'topic'; the columns are: id, text"):
        work(Holdout(), [{"id": "1", "text": "x"}], tmp_path / "b")


def test_holding_everything_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leaves none to train on: there are 20 groups by topic"):
        work(Holdout(count=195), EXERCISES, tmp_path)


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c", "d"]), st.integers(0, 30)), min_size=5))
def test_no_kept_row_shares_a_value_with_a_held_out_one(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str | None, int]]
) -> None:
    rows = [exercise(number, topic, f"f{name}") for number, (topic, name) in enumerate(pairs)]
    try:
        kept, dropped = work(Holdout(count=2, by=("topic", "function_name")), rows, tmp_path_factory.mktemp("h"))
    except UserError:
        return
    assert sorted(str(row["id"]) for row in kept + dropped) == sorted(str(row["id"]) for row in rows)
    for column in ("topic", "function_name"):
        held = {row[column] for row in dropped if row["reason"] == "held out"} - {None}
        assert held.isdisjoint(row[column] for row in kept)
