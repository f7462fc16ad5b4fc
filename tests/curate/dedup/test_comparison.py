"""Which documents are compared: within a group, across groups, and with earlier corpora."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from curate.dedup.comparison import Comparison
from curate.dedup.exact import Exact
from curate.dedup.minhash import MinHash
from curate.errors import UserError
from curate.files.shards import documents, write_shard
from tests.conftest import Run
from tests.curate.dedup.conftest import Deduplicate

Kind = Callable[..., Comparison]
KINDS = pytest.mark.parametrize("kind", [Exact, MinHash])
TEXT = "def area(width, height):\n    return width * height\n" * 4


def copies(*repos: str | None) -> list[dict[str, Any]]:
    return [{"id": f"{number}", "text": TEXT, "repo": repo} for number, repo in enumerate(repos)]


@KINDS
def test_within_a_repository_only_its_own_duplicates_go(kind: Kind, deduplicate: Deduplicate) -> None:
    outcome = deduplicate(kind(within="repo"), copies("a", "b", "a", None, "b", None))
    assert {name: row["survivor"] for name, row in outcome.dropped.items()} == {"2": "0", "4": "1"}


@KINDS
def test_across_repositories_each_keeps_its_own_duplicates(kind: Kind, deduplicate: Deduplicate) -> None:
    outcome = deduplicate(kind(across="repo"), copies("a", "a", "b", None, "b"))
    assert {name: row["survivor"] for name, row in outcome.dropped.items()} == {"2": "0", "3": "0", "4": "0"}


@KINDS
def test_a_crowd_is_compared_within_its_groups_too(kind: Kind, deduplicate: Deduplicate) -> None:
    rows = copies(*[f"repo-{number % 700}" for number in range(2100)])
    outcome = deduplicate(kind(within="repo"), rows[:1500], rows[1500:])
    assert len(outcome.kept) == 700
    repo = {row["id"]: row["repo"] for row in rows}
    assert all(repo[name] == repo[row["survivor"]] for name, row in outcome.dropped.items())


@KINDS
def test_what_an_earlier_corpus_has_is_dropped_and_named(kind: Kind, tmp_path: Path, deduplicate: Deduplicate) -> None:
    """The ids are those of the earlier corpus too, which has duplicates of its own and worse licences."""
    other = "\n".join(f"value_{number} = {number}" for number in range(40))
    place = tmp_path / "earlier"
    old = [{"id": f"{n}", "text": text, "source": "s", "license": "GPL"} for n, text in enumerate([TEXT, TEXT, other])]
    write_shard(documents(old), place / "old.parquet")
    new = [
        {"id": "0", "text": TEXT, "license": "MIT"},
        {"id": "1", "text": other},
        {"id": "2", "text": "print('new')\n"},
        {"id": "3", "text": "print('new')\n"},
    ]
    outcome = deduplicate(kind(against=[str(place)]), new[:2], new[2:])
    assert outcome.kept == {"2"}
    found = {name: (row["survivor"], row["corpus"]) for name, row in outcome.dropped.items()}
    assert found == {"0": ("0", str(place)), "1": ("2", str(place)), "3": ("2", None)}


def test_a_document_is_dropped_for_any_earlier_one_that_it_resembles(tmp_path: Path, deduplicate: Deduplicate) -> None:
    """Earlier documents do not take each other out of the way: b resembles a, and c resembles b alone."""
    words = [f"word{number}" for number in range(200)]
    texts = [" ".join(words[first : first + 150]) for first in (0, 15, 30)]
    write_shard(
        documents({"id": n, "text": t, "source": "s"} for n, t in zip("ab", texts, strict=False)),
        tmp_path / "0.parquet",
    )
    outcome = deduplicate(MinHash(threshold=0.75, against=[str(tmp_path)]), [{"id": "c", "text": texts[2]}])
    assert outcome.dropped["c"]["survivor"] == "b"


def test_a_run_is_an_earlier_corpus_by_one_of_its_stages(
    tmp_path: Path, finished: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    stages = {"near": {"use": "dedup.minhash", "against": [f"{finished}/clean"]}}
    done = curate("run", write_recipe(name="next", stages=stages), "--runs", tmp_path, "--workers", 1)
    assert done.returncode == 0, done.stderr
    shown = json.loads(
        curate(
            "show", tmp_path / "next", "near", "--where", f"corpus = '{finished}/clean'", "--dropped", "--json"
        ).stdout
    )
    assert all(row["id"] == row["survivor"] for row in shown if row["similarity"] == 1)
    cluster = curate("show", tmp_path / "next", "near", "--cluster", shown[0]["id"])
    assert f"which stands in {finished}"[:60] in cluster.stdout
    for place, words in (
        (str(finished), "is a run; name one of its stages"),
        (f"{finished}/clear", "did you mean 'clean'"),
        (str(tmp_path / "nowhere"), "no Parquet files"),
    ):
        stages["near"]["against"] = [place]
        refused = curate("plan", write_recipe(name="next", stages=stages), "--runs", tmp_path)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr


def test_a_group_that_is_no_column_is_a_mistake(deduplicate: Deduplicate) -> None:
    with pytest.raises(UserError, match="within: 'repos' is no column of the documents; the columns are: id, text"):
        deduplicate(MinHash(within="repos"), copies("a"))
    with pytest.raises(ValidationError, match="exclude each other"):
        MinHash(within="repo", across="repo")
