"""`curate show --cluster`: what hangs together, and why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.report.documents.duplicates import read_cluster, render_cluster
from curate.terminal.display import UNSAFE
from tests.conftest import Run


@pytest.fixture
def split(writer: Callable[..., Any]) -> Path:
    """A run with one cluster of two survivors, and another."""
    run = writer({"near": ("dedup.minhash", [])})
    kept = [
        {"id": "a", "text": "one\ntwo\nthree\n", "source": "s", "license": "MIT", "path": "x.py"},
        {"id": "b", "text": "three\nfour\n", "source": "s", "license": "MIT", "path": "y.py"},
        {"id": "z", "text": "z", "source": "s", "license": "MIT", "path": "z.py"},
    ]
    gone = [
        ("c", "one\ntwo\x1b[31m\nthree\n", "a", 0.85, "a"),
        ("d", "one\ntwo\nthree\n", "a", 1.0, "a"),
        ("e", "three\nfour\nfive\n", "b", 0.8, "a"),
        ("y", "z", "z", 1.0, "z"),
    ]
    names = ("id", "text", "survivor", "similarity", "cluster")
    fixed = {"source": "s", "license": "MIT", "path": "w.py", "reason": "near duplicate"}
    run.shard("near", "0", kept, [{**fixed, **dict(zip(names, row, strict=True))} for row in gone])
    run.finish("near")
    return Path(run.directory)


@pytest.mark.parametrize("document", ["a", "b", "c", "e"])
def test_any_member_names_its_cluster(document: str, split: Path) -> None:
    cluster = read_cluster(split, "near", document)
    assert (cluster.name, cluster.survivors, cluster.dropped) == ("a", 2, 3)
    fates = [(member["fate"], member["id"]) for member in cluster.members]
    assert fates == [("kept", "a"), ("kept", "b"), ("dropped", "e"), ("dropped", "c"), ("dropped", "d")]
    assert cluster.members[2]["diff"] == ["@@ -1,2 +1,3 @@", " three", " four", "+five"]


def test_the_least_similar_are_shown_first_and_the_rest_is_counted(split: Path) -> None:
    cluster = read_cluster(split, "near", "a", count=1)
    assert [member["id"] for member in cluster.members] == ["b", "e"]
    assert "3 dropped for 2 that stay, 1 least similar shown" in render_cluster(cluster)


def test_the_terminal_gets_members_and_differences_but_no_control_characters(split: Path) -> None:
    shown = render_cluster(read_cluster(split, "near", "a"))
    assert not UNSAFE.search(shown)
    assert "-two" in shown and "+two\\x1b[31m" in shown
    assert "path" in shown and "license" not in shown, "only what differs"
    assert "the same lines" in shown


def test_a_stage_that_names_no_cluster_has_one_for_each_survivor(example: Path) -> None:
    cluster = read_cluster(example, "minhash", "code/081")
    assert (cluster.name, cluster.survivors, cluster.dropped) == ("code/081", 1, 10)


def test_a_document_without_duplicates_is_a_clear_mistake(split: Path, example: Path) -> None:
    with pytest.raises(UserError, match="no document 'q' in a cluster of 'near'"):
        read_cluster(split, "near", "q")
    with pytest.raises(UserError, match="in a cluster of 'code'"):
        read_cluster(example, "code", "code/001")


def test_the_command_shows_a_cluster_as_text_and_as_json(split: Path, curate: Run) -> None:
    assert "cluster a" in curate("show", split, "near", "--cluster", "c").stdout
    value = json.loads(curate("show", split, "near", "--cluster", "c", "--json").stdout)
    assert value["name"] == "a" and len(value["members"]) == 5
    refused = curate("show", split, "near", "--cluster", "c", "--dropped")
    assert refused.returncode == 1 and "leave --dropped" in refused.stderr
