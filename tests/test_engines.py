"""Where and with how many workers a run is made never shows in its bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, shard_digests


@pytest.mark.parametrize("options", [("--workers", 2), ("--engine", "ray", "--workers", 2)], ids=["two workers", "ray"])
def test_every_engine_gives_the_bytes_of_one_local_worker(
    options: tuple[object, ...], tmp_path: Path, write_recipe: Callable[..., Path], curate: Run, finished: Path
) -> None:
    done = curate("run", write_recipe(), "--runs", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert shard_digests(tmp_path / "data") == shard_digests(finished)
