"""The shelf: what was read first is not read again, its room is never exceeded, and nobody sees a difference."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.files import shelf as module
from curate.files.shards import documents, read_shard, write_shard
from curate.files.shelf import Shelf
from curate.recipe import parse
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent
from tests.conftest import shard_digests


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("shards")
    paths = [place / f"{number}.parquet" for number in range(5)]
    for number, path in enumerate(paths):
        write_shard(documents([{"id": str(number), "text": "x" * 100 * (number + 1), "source": "s"}]), path)
    return paths


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the shards read from disk, in order."""
    seen: list[str] = []
    real: Callable[..., pa.Table] = read_shard

    def spy(path: Path, columns: list[str] | None = None) -> pa.Table:
        seen.append(path.stem)
        return real(path, columns)

    monkeypatch.setattr(module, "read_shard", spy)
    return seen


def test_what_was_read_first_stays_and_the_rest_is_read_anew(shards: list[Path], reads: list[str]) -> None:
    shelf = Shelf(room=sum(read_shard(path).nbytes for path in shards[:2]))
    for _ in range(2):
        for path in shards:
            assert shelf.read(path).equals(read_shard(path))
            assert shelf.read(path, ["text"]).equals(read_shard(path, ["text"]))
    assert [reads.count(path.stem) for path in shards] == [1, 1, 4, 4, 4]


def test_what_is_taken_makes_room(shards: list[Path], reads: list[str]) -> None:
    shelf = Shelf(room=read_shard(shards[4]).nbytes)
    shelf.read(shards[4])
    shelf.read(shards[0])
    assert shelf.take(shards[4]).equals(read_shard(shards[4]))
    shelf.read(shards[0])
    assert shelf.take(shards[0]).equals(read_shard(shards[0]))
    assert reads == ["4", "0", "0"]


@given(
    room=st.integers(0, 3000),
    steps=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["read", "take", "text"])), max_size=30),
)
def test_it_holds_no_more_than_its_room_and_returns_what_stands_on_disk(
    shards: list[Path], room: int, steps: list[tuple[int, str]]
) -> None:
    shelf = Shelf(room)
    for number, step in steps:
        path = shards[number]
        columns = ["text"] if step == "text" else None
        found = shelf.take(path) if step == "take" else shelf.read(path, columns)
        assert found.equals(read_shard(path, columns))
        assert sum(table.nbytes for table in shelf._tables.values()) <= room


def test_one_that_is_sent_to_another_process_is_empty_and_keeps_nothing(shards: list[Path]) -> None:
    shelf = Shelf(room=1e6)
    shelf.read(shards[0])
    sent = pickle.loads(pickle.dumps(shelf))
    sent.read(shards[0])
    assert not sent._tables


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deduplication_reads_each_shard_once_if_all_fit_and_gives_the_bytes_of_one_that_keeps_none(
    workers: int, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in range(4):
        rows = [{"id": f"{part}/{n}", "text": f"value_{n} = [{n}, {n + 1}, {n + 2}]\n" * 9} for n in range(part, 40)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{part}.parquet")
    source = {"path": f"{tmp_path}/*.parquet", "text": "text", "id": "id"}
    recipe = parse({"name": "r", "sources": {"code": source}, "stages": {"near": {"use": "dedup.minhash"}}})
    run = open_run(recipe, tmp_path / "shelved")
    execute(run, Silent(), workers=workers)
    kept = [path.stem for path in run.stage_directory(recipe.nodes[0]).glob("kept/*.parquet")]
    assert sorted(reads) == sorted(kept)
    monkeypatch.setattr("curate.run.opened.Shelf", lambda room: Shelf(0 * room))
    execute(open_run(recipe, tmp_path / "bare"), Silent(), workers=workers)
    assert len(reads) == 4 * len(kept) + 1, "sketched, compared and judged anew; one is a sample for planted edits too"
    assert shard_digests(tmp_path / "shelved/r") == shard_digests(tmp_path / "bare/r")
