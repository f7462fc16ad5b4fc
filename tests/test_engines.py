"""Where and with how many workers a run is made never shows in its bytes."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.conftest import DATA_RECIPE, Run, shard_digests

OWN = """
import pyarrow as pa
from curate import DocumentFilter, Drop


class Long(DocumentFilter):
    def judge_document(self, document, context):
        size = len(document["text"])
        return Drop("long", score=size, cut=20_000) if size > 20_000 else None
"""


def test_two_workers_give_the_bytes_of_one(
    tmp_path: Path, write_recipe: Callable[..., Path], curate: Run, finished: Path
) -> None:
    done = curate("run", write_recipe(), "--runs", tmp_path, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert shard_digests(tmp_path / "data") == shard_digests(finished)


def test_ray_gives_the_bytes_of_one_local_worker_by_url_and_with_a_stage_of_ones_own(
    tmp_path: Path, curate: Run
) -> None:
    """Installed files, shards by URL (`file://` stands for any fsspec store: it is the only one that several processes
    see without a network), and a module beside the recipe, through every kind of filter."""
    rows = [{"content": f"def f{n // 2}(x):\n    return x + {n // 2}\n" * 5, "sha": f"{n:03}"} for n in range(60)]
    for part in range(3):
        pq.write_table(pa.Table.from_pylist(rows[part::3]), tmp_path / f"part-{part}.parquet")
    (tmp_path / "own_on_ray.py").write_text(OWN)
    digests = []
    for number, (place, *options) in enumerate(
        [(str(tmp_path), "--workers", 1), (tmp_path.as_uri(), "--engine", "ray")]
    ):
        value = {
            "name": "urls",
            "seed": 1,
            "sources": {
                "code": {"installed": True, "limit": 80, "shard_rows": 40},
                "rows": {"path": f"{place}/*.parquet", "text": "content", "id": "sha"},
            },
            "stages": {
                **DATA_RECIPE["stages"],
                "exact": {"use": "dedup.exact", "from": ["code", "rows"]},
                "own": {"use": "own_on_ray:Long"},
            },
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        runs = tmp_path / f"runs-{number}"
        done = curate("run", tmp_path / "recipe.yaml", "--runs", runs, *options)
        assert done.returncode == 0, done.stderr
        found = shard_digests(runs / "urls")
        digests.append({(name.partition("-")[0], Path(name).name): value for name, value in found.items()})
    assert {stage for stage, _ in digests[0]} == {"code", "rows", *DATA_RECIPE["stages"], "own"}
    assert digests[0] == digests[1], "the keys differ, as the sources have other names; the bytes do not"
