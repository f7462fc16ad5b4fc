"""A Ray cluster of two nodes on loopback: tasks of one run on both of them, and the bytes of a run on this machine.

Skipped where Ray is not installed.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Run, shard_digests

pytest.importorskip("ray")

NOTING = '''
import time
from pathlib import Path

from curate import DocumentFilter, Keep


class Noting(DocumentFilter):
    """Note on which node of a cluster each document was judged; the first of them wait for the other node to begin."""

    folder: str

    def judge_document(self, document, context):
        import ray

        if ray.is_initialized():
            folder = Path(self.folder)
            (folder / f"{ray.get_runtime_context().get_node_id()} {document['id'].replace('/', '_')}").touch()
            end = time.monotonic() + 120
            while len({path.name.split()[0] for path in folder.iterdir()}) < 2 and time.monotonic() < end:
                time.sleep(0.05)
        return Keep({})
'''


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes with one CPU each, on ports of their own; yields where they are joined."""
    from ray.cluster_utils import Cluster

    memory = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=memory)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def test_a_run_works_on_both_nodes_and_gives_the_bytes_of_one_machine(
    cluster: str, tmp_path: Path, curate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    (tmp_path / "noting.py").write_text(NOTING)
    shutil.copytree(ROOT / "curate" / "files", tmp_path / "code", ignore=shutil.ignore_patterns("__pycache__"))
    recipe = {
        "name": "two",
        "sources": {"code": {"folder": str(tmp_path / "code"), "shard_rows": 2}},
        "stages": {
            "noting": {"use": "noting:Noting", "folder": str(noted)},
            "minhash": {"use": "dedup.minhash"},
            "rubric": {"use": "filter.rubric"},
        },
    }
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(recipe))
    alone = curate("run", tmp_path / "two.yaml", "--runs", tmp_path / "alone", "--workers", 1)
    assert alone.returncode == 0 and not list(noted.iterdir()), alone.stderr
    joined = curate(
        "run", tmp_path / "two.yaml", "--runs", tmp_path / "joined",
        "--engine", "ray", "--set", f"engine.address={cluster}",
    )  # fmt: skip
    assert joined.returncode == 0, joined.stderr
    nodes: dict[str, set[str]] = {}
    for path in noted.iterdir():
        node, _, document = path.name.partition(" ")
        nodes.setdefault(node, set()).add(document)
    assert len(nodes) == 2, "one node did all the work"
    documents = len(list((tmp_path / "code").glob("*.py")))
    assert sum(map(len, nodes.values())) == documents == len(set().union(*nodes.values()))
    assert shard_digests(tmp_path / "joined" / "two") == shard_digests(tmp_path / "alone" / "two")


def test_a_cluster_named_in_the_environment_is_joined_with_all_its_cpus(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate.run.ray_engine import RayEngine

    monkeypatch.setenv("RAY_ADDRESS", cluster)
    with RayEngine(None, None) as engine:
        assert engine.workers == 2
        assert sorted(outcome.value for outcome in engine.map(abs, [-3, -1, 2])) == [1, 2, 3]
