"""Where and with how many workers a run is made never shows in its bytes."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import Run, shard_digests


@pytest.mark.parametrize("options", [("--workers", 2), ("--engine", "ray", "--workers", 2)], ids=["two workers", "ray"])
def test_every_engine_gives_the_bytes_of_one_local_worker(
    options: tuple[object, ...], tmp_path: Path, write_recipe: Callable[..., Path], curate: Run, finished: Path
) -> None:
    done = curate("run", write_recipe(), "--runs", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert shard_digests(tmp_path / "data") == shard_digests(finished)


def test_ray_workers_read_shards_by_url_as_this_process_reads_them_by_path(tmp_path: Path, curate: Run) -> None:
    """`file://` stands for any fsspec store here: it is the only one that several processes see without a network."""
    rows = [{"content": f"def f{n // 2}(x):\n    return x + {n // 2}\n" * 5, "sha": f"{n:03}"} for n in range(60)]
    for part in range(3):
        pq.write_table(pa.Table.from_pylist(rows[part::3]), tmp_path / f"part-{part}.parquet")
    digests = []
    for number, (place, options) in enumerate([(str(tmp_path), ()), (tmp_path.as_uri(), ("--engine", "ray"))]):
        source = {"path": f"{place}/*.parquet", "text": "content", "id": "sha"}
        recipe = {
            "name": "urls",
            "seed": 1,
            "sources": {"code": source},
            "stages": {"exact": {"use": "dedup.exact"}, "near": {"use": "dedup.minhash"}},
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        runs = tmp_path / f"runs-{number}"
        done = curate("run", tmp_path / "recipe.yaml", "--runs", runs, "--workers", 2, *options)
        assert done.returncode == 0, done.stderr
        found = shard_digests(runs / "urls")
        digests.append({(name.partition("-")[0], Path(name).name): value for name, value in found.items()})
    assert len(digests[0]) == 9
    assert digests[0] == digests[1], "the keys differ, as the sources have other names; the bytes do not"
