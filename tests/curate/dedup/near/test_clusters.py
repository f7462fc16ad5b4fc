"""Who survives, given who resembles whom."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.near.clusters import figures, stars

DOCUMENTS = 12
Edges = dict[tuple[int, int], float]
EDGES = st.dictionaries(
    st.tuples(st.integers(0, DOCUMENTS - 1), st.integers(0, DOCUMENTS - 1)).filter(lambda pair: pair[0] < pair[1]),
    st.floats(0.8, 1.0),
)


def arrays(edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    return np.array(list(edges), dtype=np.int64).reshape(-1, 2), np.array(list(edges.values()), dtype=np.float64)


@given(EDGES)
def test_every_dropped_document_is_verified_against_a_better_survivor_that_stays(edges: Edges) -> None:
    found = stars(DOCUMENTS, *arrays(edges))
    dropped = set(found.dropped.tolist())
    for document, survivor, similarity in zip(found.dropped, found.survivor, found.similarity, strict=True):
        assert edges[survivor, document] == similarity
        assert survivor not in dropped


@given(EDGES)
def test_no_two_documents_that_stay_are_a_verified_pair(edges: Edges) -> None:
    dropped = set(stars(DOCUMENTS, *arrays(edges)).dropped.tolist())
    assert all(one in dropped or other in dropped for one, other in edges)


@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(edges: Edges, random: "np.random.Generator") -> None:
    shuffled = list(edges.items())
    random.shuffle(shuffled)
    one, other = stars(DOCUMENTS, *arrays(edges)), stars(DOCUMENTS, *arrays(dict(shuffled)))
    for field in ("dropped", "survivor", "similarity", "cluster"):
        assert getattr(one, field).tolist() == getattr(other, field).tolist()


@given(EDGES)
def test_a_cluster_is_what_pairs_connect_and_is_named_by_its_best_document(edges: Edges) -> None:
    best = list(range(DOCUMENTS))
    for _ in range(DOCUMENTS):
        for one, other in edges:
            best[one] = best[other] = min(best[one], best[other])
    assert stars(DOCUMENTS, *arrays(edges)).cluster.tolist() == best


def test_a_chain_loses_only_what_resembles_a_survivor() -> None:
    chain = {(at, at + 1): 0.9 for at in range(9)}
    found = stars(10, *arrays(chain))
    assert found.dropped.tolist() == [1, 3, 5, 7, 9]
    assert figures(found) == {"clusters": 1, "largest_cluster": 10, "split_clusters": 1}
