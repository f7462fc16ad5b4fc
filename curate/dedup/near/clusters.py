"""From verified pairs to survivors: stars in keep-best order, so that no chain of resemblance can swallow a corpus.

The best document of all survives and takes its verified neighbours with it; then the best of the rest, and so on. So
every dropped document has a verified similarity to the survivor that it names, no two survivors are a verified pair,
and the outcome depends on the set of pairs and the order of documents alone. Merging whole connected components
instead drops documents that share nothing with what stays, as soon as a -> b -> c -> ... is long enough.

A cluster is a connected component of verified pairs. It names what hangs together and may have several survivors.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.text.compiled import compiled
from curate.text.words import Pairs, Similarities

Documents = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stars:
    """Who goes and for whom; documents are numbered best first. Three arrays of equal length, and one of all documents.

    dropped, survivor, similarity   one entry a dropped document
    cluster                         for every document the best one of its component; itself, where it has no pair
    """

    dropped: Documents
    survivor: Documents
    similarity: Similarities
    cluster: Documents


def stars(documents: int, pairs: Pairs, similarities: Similarities) -> Stars:
    """Choose survivors. `pairs` are verified, (pairs, 2), the better (smaller) document first, in any order."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    survivor, similarity = take_neighbours(documents, pairs[order], similarities[order])
    dropped = np.flatnonzero(survivor != np.arange(documents))
    return Stars(dropped, survivor[dropped], similarity[dropped], components(documents, pairs))


def figures(found: Stars) -> dict[str, float]:
    """Return the counts for the report: clusters, size of the largest, and clusters with more than one survivor."""
    sizes = np.bincount(found.cluster)
    survivors = sizes - np.bincount(found.cluster[found.dropped], minlength=len(sizes))
    return {
        "clusters": float((sizes > 1).sum()),
        "largest_cluster": float(sizes.max(initial=0)),
        "split_clusters": float((survivors > 1).sum()),
    }


@compiled
def take_neighbours(documents: int, pairs: Pairs, similarities: Similarities) -> tuple[Documents, Similarities]:
    """Return each document's survivor, itself if it stays, and their similarity. Pairs come sorted."""
    survivor = np.arange(documents)
    similarity = np.ones(documents, dtype=np.float64)
    for index in range(len(pairs)):
        better, worse = pairs[index]
        if survivor[better] == better and survivor[worse] == worse:
            survivor[worse] = better
            similarity[worse] = similarities[index]
    return survivor, similarity


@compiled
def components(documents: int, pairs: Pairs) -> Documents:
    """Return for each document the smallest number in its connected component.

    A union-find forest whose roots are the smallest of their trees; paths are halved on the way up (Tarjan 1975).
    """
    above = np.arange(documents)
    for index in range(len(pairs)):
        one, other = root(above, pairs[index, 0]), root(above, pairs[index, 1])
        above[max(one, other)] = min(one, other)
    for document in range(documents):
        above[document] = above[above[document]]
    return above


@compiled
def root(above: Documents, document: int) -> int:
    """Return the root of a document's tree and halve the way there."""
    while above[document] != document:
        above[document] = above[above[document]]
        document = above[document]
    return document
