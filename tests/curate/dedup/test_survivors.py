"""The order of survivors."""

import pyarrow as pa
import pytest

from curate.dedup.exact import Exact
from curate.dedup.survivors import order_columns
from curate.errors import UserError
from curate.shards import documents
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
