"""Near-deduplication by a peer, as its users write it: Parquet in, kept and dropped Parquet out.

    python deduplicators.py PEER INPUT_DIRECTORY OUTPUT_DIRECTORY

Runs in the environment of benchmarks/peers.txt. The first document of each cluster stays. All use sets of word
5-grams, 128 values in a signature, and a threshold of 0.8 on the signatures' estimate; shingles are made in plain
Python, but for gaoya, which makes its own. datasketch sketches in two processes; the others have threads.
"""

import re
import sys
from collections.abc import Callable, Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NGRAM, PERMUTATIONS, THRESHOLD, BANDS = 5, 128, 0.8, 16
WORD = re.compile(r"\w+", re.ASCII)
Flags = list[bool]
"""Whether each document stays."""


def shingles(text: str) -> set[str]:
    """Return the word n-grams of a text; a text of fewer words is one, all of it."""
    words = WORD.findall(text)
    return {" ".join(words[at : at + NGRAM]) for at in range(max(1, len(words) - NGRAM + 1))}


def texts(paths: list[Path]) -> Iterator[str]:
    """Yield the texts of all files."""
    for path in paths:
        yield from pq.read_table(path, columns=["text"]).column("text").to_pylist()


def rensa_deduplicator(paths: list[Path]) -> Flags:
    """Run rensa's own deduplicator over full-set sketches."""
    from rensa import RMinHashDeduplicator

    found = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
    return list(found.add_pairs((str(number), shingles(text)) for number, text in enumerate(texts(paths))))


def rensa_full_set(paths: list[Path]) -> Flags:
    """Run rensa's full-set sketches with its index; a candidate counts if its estimate reaches the threshold."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=BANDS)
    sketches, keep = [], []
    for path in paths:
        sets = [shingles(text) for text in texts([path])]
        sketches += RMinHash.from_token_sets(sets, num_perm=PERMUTATIONS, seed=42)
    for number, sketch in enumerate(sketches):
        keep.append(not any(sketches[other].jaccard(sketch) >= THRESHOLD for other in index.query(sketch)))
        index.insert(number, sketch)
    return keep


def fast_sketch(paths: list[Path]) -> Flags:
    """Run FastSketchLSH; a candidate counts if its estimate reaches the threshold."""
    from FastSketchLSH import LSH, FastSimilaritySketch

    sketcher = FastSimilaritySketch(size=PERMUTATIONS, seed=42)
    sketches = np.concatenate([sketcher.batch([list(shingles(text)) for text in texts([path])]) for path in paths])
    index = LSH(num_perm=PERMUTATIONS, num_bands=BANDS)
    index.insert(sketches)
    keep = []
    for number, sketch in enumerate(sketches):
        earlier = [other for other in index.query(sketch) if other < number]
        keep.append(not ((sketches[earlier] == sketch).mean(axis=1) >= THRESHOLD).any() if earlier else True)
    return keep


def gaoya(paths: list[Path]) -> Flags:
    """Run gaoya's index of strings."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(32, THRESHOLD, BANDS, PERMUTATIONS // BANDS, None, "word", False, (NGRAM, NGRAM))
    keep: Flags = []
    for path in paths:
        documents = list(texts([path]))
        index.par_bulk_insert_docs(list(range(len(keep), len(keep) + len(documents))), documents)
        found = index.par_bulk_query(documents)
        keep += [min(ids, default=number) >= number for number, ids in enumerate(found, len(keep))]
    return keep


def sketch_file(path: Path) -> np.ndarray:
    """Return datasketch's signatures of one file."""
    from datasketch import MinHash

    rows = []
    for text in texts([path]):
        sketch = MinHash(PERMUTATIONS, scheme="affine32")
        sketch.update_batch([shingle.encode() for shingle in shingles(text)])
        rows.append(sketch.hashvalues)
    return np.array(rows)


def datasketch(paths: list[Path]) -> Flags:
    """Run datasketch's index; a candidate counts if its estimate reaches the threshold."""
    from datasketch import MinHash, MinHashLSH

    with Pool(2) as pool:
        signatures = np.concatenate(pool.map(sketch_file, paths, chunksize=1))
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    keep = []
    for number, values in enumerate(signatures):
        sketch = MinHash(PERMUTATIONS, scheme="affine32", hashvalues=values)
        earlier = index.query(sketch)
        keep.append(not ((signatures[earlier] == values).mean(axis=1) >= THRESHOLD).any() if earlier else True)
        index.insert(number, sketch, check_duplication=False)
    return keep


PEERS: dict[str, Callable[[list[Path]], Flags]] = {
    "gaoya": gaoya,
    "rensa deduplicator": rensa_deduplicator,
    "rensa full set": rensa_full_set,
    "FastSketchLSH": fast_sketch,
    "datasketch": datasketch,
}


def main(peer: str, source: Path, target: Path) -> None:
    """Deduplicate, write both halves."""
    paths = sorted(source.glob("*.parquet"))
    keep = PEERS[peer](paths)
    first = 0
    for path in paths:
        table = pq.read_table(path)
        flags = pa.array(keep[first : first + table.num_rows])
        first += table.num_rows
        for half, rows in (("kept", table.filter(flags)), ("dropped", table.filter(pa.compute.invert(flags)))):
            (target / half).mkdir(parents=True, exist_ok=True)
            pq.write_table(rows, target / half / path.name, compression="zstd")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
