"""Shards: whole or not there, the same bytes for the same rows; verdicts and receipts never lose a row."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import conform, documents, list_shards, read_jsonl, read_shard, write_shard
from curate.records.receipts import Receipt, total
from curate.stage import Verdict, derive_seed

ROWS = st.lists(st.tuples(st.text(max_size=30), st.none() | st.sampled_from(["short", "long"])), max_size=30)


@given(ROWS)
def test_a_verdict_splits_a_shard_without_losing_a_row(rows: list[tuple[str, str | None]]) -> None:
    shard = documents({"id": str(n), "text": text, "source": "s"} for n, (text, _) in enumerate(rows))
    reasons = pa.array([reason for _, reason in rows], pa.string())
    score = pa.array([float(len(text)) for text, _ in rows], pa.float64())
    kept, dropped = Verdict(reasons, {"length": score}, {"score": score}).split(shard)
    expected = [str(n) for n, (_, reason) in enumerate(rows) if reason is None]
    assert kept.column("id").to_pylist() == expected
    assert sorted(kept.column("id").to_pylist() + dropped.column("id").to_pylist(), key=int) == [
        str(n) for n in range(len(rows))
    ]
    assert "score" in dropped.column_names and "score" not in kept.column_names
    assert "length" in dropped.column_names and "length" in kept.column_names


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50), max_size=20))
def test_a_shard_reads_back_as_it_was_and_its_bytes_are_its_own(texts: list[str]) -> None:
    import tempfile

    table = documents({"id": str(n), "text": text, "source": "s"} for n, text in enumerate(texts))
    with tempfile.TemporaryDirectory() as place:
        first, second = Path(place, "a.parquet"), Path(place, "b.parquet")
        assert write_shard(table, first) == write_shard(table, second)
        assert read_shard(first).equals(table)
        assert list_shards(Path(place)) == [first, second]


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_shard(documents([{"id": "1", "text": "x", "source": "s"}]), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match=r"a\.parquet"):
        read_shard(path)


def test_a_table_without_a_text_column_is_refused() -> None:
    with pytest.raises(UserError, match="'text' is missing"):
        conform(pa.table({"id": ["1"], "source": ["s"]}))


def test_a_torn_last_line_of_jsonl_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": 2')
    assert list(read_jsonl(path)) == [{"a": 1}]


def test_a_receipt_that_loses_a_row_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="rows in"):
        Receipt("s", rows_in=3, rows_kept=1, rows_dropped=1, dropped_by_reason={"x": 1})
    with pytest.raises(ValueError, match="reasons"):
        Receipt("s", rows_in=2, rows_kept=1, rows_dropped=1)


def test_the_sum_of_receipts_adds_counts_reasons_and_metrics() -> None:
    one = Receipt("a", 3, 2, 1, {"x": 1}, metrics={"calls": 2.0})
    two = Receipt("b", 5, 2, 3, {"x": 1, "y": 2}, metrics={"calls": 3.0})
    stats = total([one, two])
    assert (stats["rows_in"], stats["rows_kept"], stats["rows_dropped"]) == (8, 4, 4)
    assert stats["dropped_by_reason"] == {"x": 2, "y": 2}
    assert stats["metrics"] == {"calls": 5.0}


@given(st.integers(0, 2**31), st.text(), st.text())
def test_a_seed_depends_on_run_and_document_alone(seed: int, one: str, two: str) -> None:
    assert derive_seed(seed, one) == derive_seed(seed, one)
    assert 0 <= derive_seed(seed, one) < 2**63
    assert (derive_seed(seed, one) == derive_seed(seed, two)) == (one == two)


def test_pandas_is_loaded_only_where_a_data_frame_is_wanted() -> None:
    probe = (
        "import sys, pyarrow as pa, curate.files.shards\n"
        "table = pa.table({'a': [1.0, None]})\n"
        "assert 'pandas' not in sys.modules\n"
        "frame = table.to_pandas()\n"
        "assert pa.Table.from_pandas(frame).to_pylist() == pa.table({'a': pa.array(frame['a'])}).to_pylist()\n"
        "print(frame['a'].isna().tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False, True]"
