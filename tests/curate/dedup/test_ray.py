"""Deduplication on Ray: the bytes of one local worker, also when workers are killed in the middle."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from curate.dedup.minhash import MinHash
from curate.files.shards import list_shards
from curate.run.engine import Outcome
from tests.curate.dedup.conftest import Deduplicate, Rows
from tests.curate.dedup.conftest import Outcome as Result

pytest.importorskip("ray")
from curate.run.ray_engine import RayEngine


class Deadly(RayEngine):
    """A Ray engine that loses a worker in the middle of the first task of each map, and says what it was at."""

    def __init__(self, workers: int, graves: Path) -> None:
        super().__init__(workers, None)
        self.graves = graves

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:
        waiting = list(items)
        grave = self.graves / f"{len(list(self.graves.iterdir())):02}" if waiting else None
        yield from super().map(partial(die_once, grave, function), waiting, gpus=gpus)


def die_once(grave: Path | None, function: Callable[[Any], Any], item: Any) -> Any:
    """Do the work and be killed before it is reported, but only the first to come here."""
    value = function(item)
    if grave is not None:
        try:
            grave.touch(exist_ok=False)
        except FileExistsError:
            return value
        grave.write_text(f"{os.getpid()} {function}")
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def contents(result: Result) -> dict[str, bytes]:
    """Return the bytes of every shard and of the plan."""
    places = [path for half in ("kept", "dropped", "plan") for path in list_shards(result.directory / half)]
    return {str(path.relative_to(result.directory)): path.read_bytes() for path in places}


def test_killed_workers_and_the_engine_leave_no_trace_in_the_bytes(
    tmp_path: Path, planted: Rows, deduplicate: Deduplicate
) -> None:
    shards = [planted[first::3] for first in range(3)]
    alone = deduplicate(MinHash(), *shards)
    graves = tmp_path / "graves"
    graves.mkdir()
    survived = deduplicate(MinHash(), *shards, machine=Deadly(2, graves))
    deaths = [path.read_text() for path in sorted(graves.iterdir())]
    assert len({death.split()[0] for death in deaths}) == len(deaths) >= 5, "each one a worker of its own"
    for phase in ("sketch_shard", "write_pairs", "write_sets", "judge_shard"):
        assert any(phase in death for death in deaths), phase
    assert len(alone.dropped) > 100
    assert contents(survived) == contents(alone)
