"""Exact deduplication."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.dedup.exact import Exact
from tests.curate.dedup.conftest import Deduplicate


@given(st.lists(st.sampled_from(["", "a", "a ", "b\n", "b", " \n"]), max_size=12), st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_document_of_each_text_stays_for_any_sharding(
    deduplicate: Deduplicate, texts: list[str], shards: int
) -> None:
    rows = [{"id": f"{number:02}", "text": text} for number, text in enumerate(texts)]
    outcome = deduplicate(Exact(), *[rows[shard::shards] for shard in range(shards)])
    text_of = {row["id"]: row["text"] for row in rows}
    classes = {text if text.strip() else "" for text in texts}
    assert len(outcome.kept) == len(classes)
    assert outcome.kept | set(outcome.dropped) == set(text_of)
    for identity, row in outcome.dropped.items():
        assert row["survivor"] in outcome.kept
        assert text_of[row["survivor"]].strip() == text_of[identity].strip()
        assert (row["reason"], row["similarity"]) == ("exact duplicate", 1.0)
    assert outcome.metrics["classes"] == len({row["survivor"] for row in outcome.dropped.values()})


def test_empty_documents_are_one_class(deduplicate: Deduplicate) -> None:
    outcome = deduplicate(
        Exact(), [{"id": name, "text": text} for name, text in zip("abc", ["", " \n\t", ""], strict=True)]
    )
    assert outcome.kept == {"b"}, "the longest stays"


def test_no_documents_at_all_are_no_mistake(deduplicate: Deduplicate) -> None:
    assert deduplicate(Exact(), []).kept == set()
    assert deduplicate(Exact()).kept == set()
