"""The order of survivors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup.exact import Exact
from curate.dedup.survivors import Ranked, order_columns, rank
from curate.errors import UserError
from curate.files.shards import documents, write_shard
from tests.curate.dedup.conftest import Deduplicate, Rows


def alike(*rows: dict[str, object]) -> list[dict[str, object]]:
    return [{"id": f"doc-{number}", "text": "x = 1\n", **row} for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "survivor"),
    [
        (alike({"license": "GPL"}, {"license": None}, {"license": "MIT"}), "doc-2"),
        (alike({"license": "GPL"}, {"license": None}), "doc-1"),
        (alike({"license": "MIT", "stars": 1}, {"license": "BSD", "stars": 9}), "doc-1"),
        (alike({"license": "GPL", "stars": 900}, {"license": "MIT", "stars": 1}), "doc-1"),
        (alike({"stars": None}, {"stars": 0}), "doc-1"),
        (alike({"stars": "many"}, {"stars": "12"}, {"stars": "9"}), "doc-1"),
        (alike({"license": ["GPL-2.0"]}, {"license": ["MIT", "ISC"]}), "doc-1"),
        (alike({}, {}, {}), "doc-0"),
    ],
)
def test_licence_then_stars_then_id_choose_the_survivor(rows: Rows, survivor: str, deduplicate: Deduplicate) -> None:
    outcome = deduplicate(Exact(), rows)
    assert outcome.kept == {survivor}
    assert {row["survivor"] for row in outcome.dropped.values()} == {survivor}


def test_the_longer_of_two_that_equal_but_for_whitespace_survives(deduplicate: Deduplicate) -> None:
    rows = [{"id": "a", "text": "x = 1"}, {"id": "b", "text": "x  =  1\n"}]
    assert deduplicate(Exact(normalise="whitespace"), rows).kept == {"b"}
    assert deduplicate(Exact(), rows).kept == {"a", "b"}


def test_an_id_that_stands_twice_is_refused_before_anything_is_lost(deduplicate: Deduplicate) -> None:
    with pytest.raises(UserError, match="'twice' stands more than once"):
        deduplicate(Exact(), [{"id": "twice", "text": "a"}], [{"id": "twice", "text": "b"}])


def test_order_columns_have_one_type_whether_or_not_a_shard_has_the_metadata() -> None:
    bare = documents([{"id": "a", "text": "é", "source": "s"}])
    rich = bare.append_column("stars", pa.array([3])).append_column("license", pa.array(["MIT"]))
    without, with_both = (pa.table(order_columns(shard, ["license", "stars"])) for shard in (bare, rich))
    assert without.schema == with_both.schema
    assert with_both.to_pylist() == [{"id": "a", "best_0": 2.0, "best_1": 3.0, "length": 2}]


values = st.one_of(st.none(), st.sampled_from([0.0, 1.0, float("nan"), float("inf")]))
ids = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
row = st.tuples(ids, values, st.sampled_from("ab"))


@contextmanager
def sorting_on_disk() -> Iterator[None]:
    with patch("curate.dedup.survivors.SORTING_BYTES", 1e12):
        yield


@settings(max_examples=30, deadline=None)
@given(st.lists(row, min_size=1, max_size=25, unique_by=lambda row: row[0]), st.integers(1, 3), st.data())
def test_sorting_on_disk_gives_the_order_of_sorting_in_memory(
    rows: list[tuple[str, float | None, str]], shards: int, data: st.DataObject
) -> None:
    own = data.draw(st.integers(0, shards))
    with TemporaryDirectory() as folder:
        place = Path(folder)
        sketches = [place / f"it's {number}.parquet" for number in range(shards)]
        for number, sketch in enumerate(sketches):
            mine = [{"id": i, "text": "é" * len(i), "source": g, "stars": v} for i, v, g in rows[number::shards]]
            shard = documents(mine) if mine else documents([{"id": "-", "text": "", "source": "", "stars": 1.0}])[:0]
            write_shard(pa.table({**order_columns(shard, ["stars"]), "group": shard.column("source")}), sketch)
        one = rank(place, sketches, ["stars"], own, grouped=True)
        with sorting_on_disk():
            other = rank(place, sketches, ["stars"], own, grouped=True)
        assert one.earlier == other.earlier
        for name in ("shard", "row", "groups"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()
        assert sorted(other.ids(np.arange(len(rows))).to_pylist()) == sorted(row[0] for row in rows)


def test_ids_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write_shard(pa.table({"id": [f"{number:06}" for number in range(1000)]}), tmp_path / "order.parquet")
    ranked = Ranked(tmp_path / "order.parquet", np.zeros(1000, np.int64), np.arange(1000))
    assert ranked.ids(np.array([7, 999, 7, 0])).to_pylist() == ["000007", "000999", "000007", "000000"]
    assert ranked.ids(np.array([], np.int64)).to_pylist() == []


def test_the_same_documents_go_when_their_order_is_made_on_disk(deduplicate: Deduplicate, library: Rows) -> None:
    rows = [*library, *({**row, "id": f"copy of {row['id']}"} for row in library)]
    in_memory = deduplicate(Exact(), rows[::2], rows[1::2])
    with sorting_on_disk():
        on_disk = deduplicate(Exact(memory_mb=100), rows[::2], rows[1::2])
    assert in_memory.dropped == on_disk.dropped
    assert len(on_disk.dropped) == len(library)


def test_an_id_that_stands_twice_is_found_on_disk_too(tmp_path: Path) -> None:
    shard = documents([{"id": "twice", "text": "a", "source": "s"}])
    for name in ("0.parquet", "1.parquet"):
        write_shard(pa.table(order_columns(shard, [])), tmp_path / name)
    with sorting_on_disk(), pytest.raises(UserError, match="'twice' stands more than once"):
        rank(tmp_path, [tmp_path / "0.parquet", tmp_path / "1.parquet"], [])


def test_where_the_disk_cannot_be_sorted_on_it_is_told_in_one_line(tmp_path: Path) -> None:
    shard = documents([{"id": "one", "text": "a", "source": "s"}])
    write_shard(pa.table(order_columns(shard, [])), tmp_path / "0.parquet")
    (tmp_path / "order.parquet").mkdir()
    with (
        sorting_on_disk(),
        pytest.raises(UserError, match=r"sorting in .*; free space there or raise memory_mb") as caught,
    ):
        rank(tmp_path, [tmp_path / "0.parquet"], [])
    assert "\n" not in str(caught.value)
