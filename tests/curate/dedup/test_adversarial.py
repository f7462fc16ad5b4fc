"""Corpora made to mislead a deduplicator: chains, crowds, headers that thousands share, and next to nothing."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.dedup.exact import Exact
from curate.dedup.minhash import MinHash
from tests.curate.dedup.conftest import Deduplicate, Rows
from tests.curate.dedup.test_minhash import jaccard


def words(random: Random, count: int) -> list[str]:
    return [f"w{random.randrange(10**6)}" for _ in range(count)]


@st.composite
def corpora(draw: st.DrawFn) -> Rows:
    """Return a handful of families: edits of edits of one text, short texts, blank ones."""
    random = Random(draw(st.integers(0, 2**32)))
    texts = draw(st.lists(st.sampled_from(["", " ", "\n", "x", "x = 1", "x = 1\n", "# a b c d", "***"]), max_size=6))
    for _ in range(draw(st.integers(1, 4))):
        text = words(random, random.randrange(1, 150))
        for _ in range(draw(st.integers(1, 6))):
            texts.append(" ".join(text))
            for place in random.sample(range(len(text)), random.randrange(len(text) // 20 + 2)):
                text[place % len(text)] = words(random, 1)[0]
    return [
        {"id": f"{number:02}", "text": text, "license": random.choice(["MIT", "GPL", None])}
        for number, text in enumerate(texts)
    ]


@given(corpora(), st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_drop_resembles_its_survivor_no_survivors_do_and_shards_do_not_matter(
    deduplicate: Deduplicate, rows: Rows, random: Random, shards: int
) -> None:
    outcome = deduplicate(MinHash(), rows)
    text_of = {row["id"]: row["text"] for row in rows}
    assert outcome.kept | set(outcome.dropped) == set(text_of)
    for identity, row in outcome.dropped.items():
        assert row["survivor"] in outcome.kept
        assert jaccard(text_of[identity], text_of[row["survivor"]]) == row["similarity"] >= 0.8
    kept = sorted(outcome.kept)
    assert not [(a, b) for a in kept for b in kept if a < b and jaccard(text_of[a], text_of[b]) >= 0.8]
    random.shuffle(rows)
    again = deduplicate(MinHash(), *[rows[shard::shards] for shard in range(shards)])
    assert again.dropped == outcome.dropped


def test_twenty_thousand_near_identical_files_leave_one_and_each_is_compared_with_few(
    deduplicate: Deduplicate,
) -> None:
    body = " ".join(words(Random(1), 80))
    rows = [{"id": f"{number:05}", "text": f"{body} v{number:05}"} for number in range(20_000)]
    outcome = deduplicate(MinHash(), rows[:9000], rows[9000:])
    assert outcome.kept == {"00000"}
    assert {row["survivor"] for row in outcome.dropped.values()} == {"00000"}
    assert outcome.metrics["bucket_pairs"] < 100 * len(rows)
    assert (outcome.metrics["largest_cluster"], outcome.metrics["split_clusters"]) == (20_000, 0)


def test_a_header_that_thousands_share_makes_no_duplicates_of_them(deduplicate: Deduplicate) -> None:
    """Each pair has a similarity of 0.6: many buckets are crowded, and no document may go."""
    random = Random(2)
    header = words(random, 75)
    rows = [{"id": f"{number:04}", "text": " ".join([*header, *words(random, 21)])} for number in range(1500)]
    assert 0.55 < jaccard(rows[0]["text"], rows[1]["text"]) < 0.65
    outcome = deduplicate(MinHash(), rows)
    assert not outcome.dropped


@pytest.mark.parametrize("stage", [Exact(), MinHash()])
def test_documents_without_text_are_one_class_and_nothing_else_joins_it(
    stage: Exact | MinHash, deduplicate: Deduplicate
) -> None:
    rows = [{"id": f"{number:04}", "text": ""} for number in range(2000)]
    outcome = deduplicate(stage, [*rows, {"id": "x", "text": "x"}, {"id": "y", "text": "#"}])
    assert outcome.kept == {"0000", "x", "y"}
