"""Near-duplicates, end to end on real files with planted edits."""

from itertools import combinations

import pytest
from pydantic import ValidationError

from curate.dedup.minhash import MinHash
from curate.files.shards import read_shard
from tests.curate.dedup.conftest import Deduplicate, Rows
from tests.curate.dedup.near.test_kernel import plain_shingles


def jaccard(one: str, other: str) -> float:
    left, right = set(plain_shingles(one, 5)), set(plain_shingles(other, 5))
    return len(left & right) / len(left | right)


@pytest.fixture(scope="session")
def truth(planted: Rows) -> dict[tuple[str, str], float]:
    """Return every pair of similarity 0.8 or more, by comparing all with all in plain Python."""
    sets = {row["id"]: set(plain_shingles(row["text"], 5)) for row in planted}
    pairs = {}
    for (one, left), (other, right) in combinations(sets.items(), 2):
        if min(len(left), len(right)) >= 0.8 * max(len(left), len(right)):
            shared = len(left & right)
            if shared >= 0.8 * (len(left) + len(right) - shared):
                pairs[one, other] = shared / (len(left) + len(right) - shared)
    return pairs


def test_no_two_kept_files_resemble_and_every_drop_resembles_its_survivor(
    planted: Rows, truth: dict[tuple[str, str], float], deduplicate: Deduplicate
) -> None:
    outcome = deduplicate(MinHash(), planted[:200], planted[200:])
    near = [similarity for similarity in truth.values() if similarity < 0.9]
    assert len(truth) > 150 and len(near) > 20, "the planted edits must test the hard band too"
    missed = [pair for pair in truth if outcome.kept.issuperset(pair)]
    assert not missed
    assert outcome.metrics["verified_pairs"] >= 0.99 * len(truth)
    for identity, row in outcome.dropped.items():
        pair = (identity, row["survivor"])
        assert row["survivor"] in outcome.kept
        assert row["similarity"] == truth.get(pair, truth.get(pair[::-1]))
        assert row["reason"] == "near duplicate"


def test_survivors_are_the_same_for_any_sharding_and_number_of_workers(planted: Rows, deduplicate: Deduplicate) -> None:
    rows = planted[:150]
    once = deduplicate(MinHash(), rows)
    again = deduplicate(MinHash(), rows[100:][::-1], rows[:40], rows[40:100], workers=2)
    assert once.dropped == again.dropped
    figures = [{name: v for name, v in run.metrics.items() if "planted" not in name} for run in (once, again)]
    assert figures[0] == figures[1], "all but the recall, which is measured on a sample of one shard"
    plans = [(outcome.directory / "plan/drops.parquet").read_bytes() for outcome in (once, again)]
    assert plans[0] == plans[1]


def test_a_shard_read_in_many_chunks_gives_the_same_survivors(
    planted: Rows, deduplicate: Deduplicate, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = deduplicate(MinHash(), planted)
    monkeypatch.setattr("curate.files.lean.SIZED", 10_000)
    chunks = read_shard(whole.directory.parent / "in/kept/part-0.parquet").column("text").num_chunks
    chunked = deduplicate(MinHash(), planted)
    assert chunks > 20
    assert whole.dropped and chunked.dropped == whole.dropped and chunked.metrics == whole.metrics


def test_short_documents_are_compared_as_themselves(deduplicate: Deduplicate) -> None:
    texts = {
        "a": "import os", "b": "import os\n", "c": "import sys", "d": "x = 1", "e": "pass", "f": "###", "g": "***",
        "h": "*** ", "i": "", "j": "os import", "k": "# import os",
    }  # fmt: skip
    outcome = deduplicate(MinHash(), [{"id": name, "text": text} for name, text in texts.items()])
    assert outcome.kept == {"c", "d", "e", "f", "g", "h", "i", "j", "k"}
    assert outcome.dropped["a"]["survivor"] == outcome.dropped["b"]["survivor"] == "k", "the longest stays"


def test_thousands_of_equal_documents_cost_no_quadratic_work(deduplicate: Deduplicate) -> None:
    rows = [
        {"id": f"{number:05}", "text": "def f(a, b):\n    return a + b\n" + " " * (number % 7)}
        for number in range(4000)
    ]
    outcome = deduplicate(MinHash(), rows)
    assert len(outcome.kept) == 1
    assert outcome.metrics["candidate_pairs"] == 3999


def test_a_long_drift_keeps_documents_that_do_not_resemble(deduplicate: Deduplicate) -> None:
    """Each step changes a little, both ends share nothing: whole components would leave one document of forty."""
    words = [f"word{number:04}" for number in range(1000)]
    rows = [{"id": f"{step:02}", "text": " ".join(words[step * 20 : step * 20 + 200])} for step in range(40)]
    texts = {row["id"]: row["text"] for row in rows}
    outcome = deduplicate(MinHash(threshold=0.6), rows)
    assert outcome.metrics["largest_cluster"] == 40
    assert outcome.metrics["split_clusters"] == 1
    assert len(outcome.kept) > 10
    for identity, row in outcome.dropped.items():
        assert jaccard(texts[identity], texts[row["survivor"]]) == row["similarity"] >= 0.6
        assert row["cluster"] == "00"


def test_no_documents_at_all_are_no_mistake(deduplicate: Deduplicate) -> None:
    assert deduplicate(MinHash(), []).kept == set()
    assert deduplicate(MinHash()).kept == set()


def test_more_bands_than_permutations_are_refused() -> None:
    with pytest.raises(ValidationError, match="bands 129 must not exceed permutations 128"):
        MinHash(bands=129)


def test_by_containment_a_file_goes_for_one_that_holds_it_and_never_the_reverse(
    library: Rows, deduplicate: Deduplicate
) -> None:
    """The heads have better licences: a long file must not go for a short one of which it is mostly something else."""
    texts = {row["id"]: row["text"] for row in library if row["text"].count("\n") > 60}
    rows, heads = [], {}
    for number, (name, text) in enumerate(list(texts.items())[:100]):
        lines = text.splitlines()
        heads[f"{name}#head"] = name
        rows.append({"id": name, "text": text, "license": "MIT" if number % 2 else None})
        rows.append({"id": f"{name}#head", "text": "\n".join(lines[: int(0.55 * len(lines))]), "license": None})
    rows[1]["license"] = "MIT"
    by_jaccard = deduplicate(MinHash(), rows)
    outcome = deduplicate(MinHash(similarity="containment", bands=64), rows)
    assert len(by_jaccard.dropped) < 10
    assert rows[1]["id"] in outcome.kept
    gone = [name for name in heads if name in outcome.dropped]
    assert len(gone) >= 0.97 * len(heads)
    assert sum(name in heads for name in outcome.dropped) >= 0.9 * len(outcome.dropped)
    text_of = {row["id"]: row["text"] for row in rows}
    for name, row in outcome.dropped.items():
        own, others = (set(plain_shingles(text_of[each], 5)) for each in (name, row["survivor"]))
        assert row["similarity"] == len(own & others) / len(own) >= 0.8
    assert outcome.metrics["planted_recall"] >= 0.97


def test_containment_needs_many_bands() -> None:
    with pytest.raises(ValidationError, match="needs bands: 64"):
        MinHash(similarity="containment")
