"""Candidates: none missed beyond what theory says, none twice, and no quadratic crowd."""

import numpy as np
import pytest

from curate.dedup.near import kernel, lsh


def crowd(documents: int, similarity: float, permutations: int = 128) -> np.ndarray:
    """Return signatures of which each pair agrees in a permutation with this probability."""
    draw = np.random.default_rng(5)
    shared = draw.integers(0, 2**32, permutations, dtype=np.uint32)
    own = draw.integers(0, 2**32, (documents, permutations), dtype=np.uint32)
    return np.where(draw.random((documents, permutations)) < similarity**0.5, shared, own)


def candidates(
    signatures: np.ndarray, bands: int, threshold: float, limit: int = lsh.BUCKET_LIMIT
) -> tuple[int, np.ndarray]:
    keys = kernel.bucket_keys(signatures, bands)
    ranks = np.arange(len(keys))
    buckets = [lsh.in_buckets(keys[:, band].copy(), ranks, limit=limit) for band in range(bands)]
    for band, (shared, crowded) in enumerate(buckets):
        keys[shared[crowded], band] |= kernel.CROWD
    agreements = lsh.agreements(threshold, signatures.shape[1])
    found = [
        kernel.pairs_in_buckets(signatures, keys, band, shared, ranks[shared], *agreements, limit)
        for band, (shared, _) in enumerate(buckets)
    ]
    return sum(looked_at for looked_at, _ in found), lsh.distinct([pairs for _, pairs in found], len(signatures))


def test_candidates_are_the_pairs_that_share_a_band_and_enough_values() -> None:
    signatures, bands = crowd(80, 0.5), 32
    least, _ = lsh.agreements(0.6, 128)
    expected = {
        (one, other)
        for one in range(80)
        for other in range(one + 1, 80)
        if (signatures[one] == signatures[other]).sum() >= least
        and (signatures[one] == signatures[other]).reshape(bands, -1).all(axis=1).any()
    }
    _, pairs = candidates(signatures, bands, 0.6)
    assert sorted(map(tuple, pairs.tolist())) == sorted(expected)
    assert 100 < len(expected) < 80 * 79 / 2


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.8])
def test_the_share_found_follows_the_detection_curve(similarity: float) -> None:
    draw = np.random.default_rng(3)
    found = 0
    for _ in range(400):
        one = draw.integers(0, 2**32, 128, dtype=np.uint32)
        other = np.where(draw.random(128) < similarity, one, one + np.uint32(1))
        found += len(candidates(np.array([one, other]), 32, 0.1)[1])
    curve = lsh.detection(similarity, 32, 4)
    assert found / 400 == pytest.approx(curve, abs=4 * (curve * (1 - curve) / 400) ** 0.5 + 0.003)


def test_the_sift_loses_fewer_than_one_pair_in_ten_thousand_at_the_threshold() -> None:
    draw = np.random.default_rng(1)
    agreement = draw.binomial(128, 0.8, 1_000_000)
    assert (agreement < lsh.agreements(0.8, 128)[0]).mean() < 1e-4


@pytest.mark.parametrize("similarity", [0.8, 0.9, 0.98])
def test_a_crowd_costs_linear_work_and_loses_next_to_nobody(similarity: float) -> None:
    documents, limit = 3000, 50
    signatures = crowd(documents, similarity)
    looked_at, pairs = candidates(signatures, 32, 0.8, limit)
    assert looked_at <= 32 * documents * limit < documents**2
    assert len(np.unique(pairs)) >= 0.99 * documents


def test_the_order_of_documents_does_not_change_who_meets_whom() -> None:
    signatures = crowd(300, 0.7)
    order = np.random.default_rng(2).permutation(300)
    _, pairs = candidates(signatures, 16, 0.7, limit=500)
    _, shuffled = candidates(signatures[order], 16, 0.7, limit=500)
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} == {
        tuple(sorted(pair)) for pair in order[shuffled].tolist()
    }


def test_one_band_of_all_values_tells_all_signatures_apart() -> None:
    signatures = crowd(5000, 0.9)
    assert len(np.unique(kernel.bucket_keys(signatures, 1))) == len(np.unique(signatures, axis=0)) > 4900


def test_the_parts_of_a_band_hold_what_the_whole_band_holds() -> None:
    keys, ranks = kernel.bucket_keys(crowd(2000, 0.6), 32)[:, 0].copy(), np.random.default_rng(4).permutation(2000)
    parts = [lsh.in_buckets(keys, ranks, part, 4, limit=20) for part in range(4)]
    shared, crowded = lsh.in_buckets(keys, ranks, limit=20)
    assert 0 < crowded.sum() < 2000
    found, in_crowds = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert dict(zip(found.tolist(), in_crowds.tolist(), strict=True)) == dict(
        zip(shared.tolist(), crowded.tolist(), strict=True)
    )


def test_a_bucket_lists_its_documents_by_rank() -> None:
    keys, ranks = np.repeat(np.arange(0, 20, 2, dtype=np.uint64), 10), np.random.default_rng(4).permutation(100)
    shared, _ = lsh.in_buckets(keys, ranks)
    assert (ranks[shared].reshape(10, 10) == np.sort(ranks.reshape(10, 10))).all()
