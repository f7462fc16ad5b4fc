"""Recall measured on planted edits."""

from random import Random

import pytest

from curate.dedup.minhash import MinHash
from curate.dedup.near import lsh
from curate.dedup.near.planted import KINDS, edited
from tests.curate.dedup.conftest import Deduplicate, Rows


def test_every_plan_says_what_share_of_planted_edits_it_found(library: Rows, deduplicate: Deduplicate) -> None:
    metrics = deduplicate(MinHash(), library[:100], library[100:]).metrics
    assert metrics["planted_pairs"] > 200
    assert metrics["planted_recall"] >= 0.99 and metrics["planted_recall_below_0.9"] >= 0.99
    assert metrics["detection_at_0.8"] > 0.999


def test_a_stage_with_too_few_bands_is_told_on(library: Rows, deduplicate: Deduplicate) -> None:
    few = MinHash(bands=8)
    metrics = deduplicate(few, library).metrics
    assert lsh.detection(0.8, 8, 16) < 0.3
    assert metrics["planted_recall_below_0.9"] < 0.8
    assert metrics["planted_recall_below_0.9"] < metrics["planted_recall"] < 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_some_lines_and_no_more(kind: str) -> None:
    lines = [f"line {number}" for number in range(100)]
    after = edited("\n".join(lines), kind, 0.1, Random(1)).splitlines()
    same = [line for line in after if line in set(lines)]
    assert 0 < len(after) - len(same) + len(lines) - len(same) <= 20
    assert same == [line for line in lines if line in set(same)]


def test_a_corpus_without_room_for_edits_has_no_figure(deduplicate: Deduplicate) -> None:
    metrics = deduplicate(MinHash(), [{"id": "a", "text": "x"}]).metrics
    assert metrics["planted_pairs"] == 0
    assert "planted_recall" not in metrics
