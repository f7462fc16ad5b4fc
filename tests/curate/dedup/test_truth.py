"""Near-duplicates of thousands of real files against the exact all-pairs truth."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.truth import exact_pairs
from curate.dedup.minhash import MinHash
from curate.dedup.near import clusters
from curate.dedup.survivors import FILE
from curate.files.shards import read_shard
from curate.sources.kinds import Installed
from tests.conftest import ROOT
from tests.curate.dedup.conftest import Deduplicate, Rows
from tests.curate.dedup.near.test_kernel import plain_shingles

CORPUS = ROOT.parent / "shared" / "data" / "corpus"
FILES = 6000
Truth = dict[tuple[str, str], float]


@given(st.lists(st.text("ab \n", max_size=25), max_size=8), st.integers(1, 3), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_the_truth_is_every_pair_that_plain_python_finds(texts: list[str], ngram: int, threshold: float) -> None:
    sets = [set(plain_shingles(text, ngram)) for text in texts]
    expected = {
        (one, other): len(sets[one] & sets[other]) / len(sets[one] | sets[other])
        for one, other in combinations(range(len(texts)), 2)
    }
    pairs, similarity = exact_pairs(texts, ngram, threshold)
    assert dict(zip(map(tuple, pairs.tolist()), similarity.tolist(), strict=True)) == {
        pair: value for pair, value in expected.items() if value >= threshold
    }


@pytest.fixture(scope="module")
def files() -> Rows:
    """Return thousands of real Python files: the corpus beside the checkout, else what is installed here."""
    if CORPUS.is_dir():
        shards = sorted(CORPUS.glob("*.parquet"))
        tables = (pq.read_table(path, columns=["id", "text", "license"]) for path in shards)
        return [row for table in tables for row in table.slice(0, FILES // len(shards)).to_pylist()]
    source = Installed(name="files", limit=FILES)
    return [row for part in source.parts() for row in source.read(part).documents.to_pylist()]


@pytest.fixture(scope="module")
def truth(files: Rows) -> Truth:
    pairs, similarity = exact_pairs([row["text"] for row in files], 5, 0.8)
    return {
        (files[one]["id"], files[other]["id"]): value
        for (one, other), value in zip(pairs.tolist(), similarity.tolist(), strict=True)
    }


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], float]:
    """Return where the verified pairs will stand, numbered best document first, once a plan has been made."""
    seen: dict[tuple[int, int], float] = {}

    def spy(documents: int, pairs: np.ndarray, similarities: np.ndarray) -> clusters.Stars:
        seen.update(zip(map(tuple, pairs.tolist()), similarities.tolist(), strict=True))
        return stars(documents, pairs, similarities)

    stars = clusters.stars
    monkeypatch.setattr(clusters, "stars", spy)
    return seen


def removed_by_components(pairs: Iterable[tuple[str, str]]) -> int:
    """Return how many documents go if every connected component keeps one."""
    names = {name: number for number, name in enumerate({name for pair in pairs for name in pair})}
    one, other = ([names[pair[side]] for pair in pairs] for side in (0, 1))
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(names), len(names)))
    return len(names) - int(connected_components(graph, directed=False)[0])


def test_near_duplicates_of_real_files_are_those_of_the_exact_truth(
    files: Rows, truth: Truth, deduplicate: Deduplicate, verified: dict[tuple[int, int], float]
) -> None:
    outcome = deduplicate(MinHash(), files[::2], files[1::2])
    names = read_shard(outcome.directory / "plan" / FILE).column("id").to_pylist()
    found = {frozenset((names[one], names[other])): value for (one, other), value in verified.items()}
    true = {frozenset(pair): value for pair, value in truth.items()}
    hard = {pair for pair, value in true.items() if value < 0.9}
    assert len(hard) > 300, "the hard band must be tested too"
    figures = {
        "recall": len(true.keys() & found.keys()) / len(true),
        "hard recall": len(hard & found.keys()) / len(hard),
        "precision": len(true.keys() & found.keys()) / len(found),
    }
    assert figures["recall"] >= 0.99 and figures["hard recall"] >= 0.99, figures
    assert figures["precision"] >= 0.999, figures
    assert all(found[pair] == true[pair] for pair in true.keys() & found.keys())
    assert len(outcome.dropped) <= removed_by_components(truth)
    dropped = {frozenset((name, row["survivor"])): row["similarity"] for name, row in outcome.dropped.items()}
    assert all(true.get(pair) == value for pair, value in dropped.items())
    left = [pair for pair in true if outcome.kept >= pair]
    assert len(left) <= 0.005 * len(true), "hardly any pair stays whole"
