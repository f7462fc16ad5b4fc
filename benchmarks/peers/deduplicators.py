"""Near-deduplication by a peer, as its users write it: Parquet in, kept and dropped Parquet out.

    python deduplicators.py PEER INPUT_DIRECTORY OUTPUT_DIRECTORY
    python deduplicators.py sketch FILE     # rensa's sketches alone; prints processor seconds, the median of three

Runs in the environment of benchmarks/peers.txt. One document of each cluster stays, the first but for datatrove. All
use sets of word 5-grams and a threshold of 0.8. The libraries have 128 values in a signature and a threshold on the
signatures' estimate; shingles are made in plain Python, but for gaoya, which makes its own. datasketch sketches in two
processes; the others have threads.

The pipelines, text-dedup, datatrove and data-juicer, bring words and bands of their own, run in two processes, and take
for duplicates what shares a band. datatrove has its own 14 bands of 8 values, which lie nearer to 0.72.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

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


def column(name: str, paths: Iterable[Path]) -> Iterator[str]:
    """Yield a column of all files."""
    for path in paths:
        yield from pq.read_table(path, columns=[name]).column(name).to_pylist()


def texts(paths: list[Path]) -> Iterator[str]:
    """Yield the texts of all files."""
    return column("text", paths)


def rensa_deduplicator(paths: list[Path]) -> Flags:
    """Run rensa's own deduplicator over full-set sketches."""
    from rensa import RMinHashDeduplicator

    found = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
    return list(found.add_pairs((str(number), shingles(text)) for number, text in enumerate(texts(paths))))


def rensa_sketches(documents: Iterable[str]) -> list[Any]:
    """Return rensa's full-set sketches."""
    from rensa import RMinHash

    sketches: list[Any] = RMinHash.from_token_sets(list(map(shingles, documents)), num_perm=PERMUTATIONS, seed=42)
    return sketches


def rensa_full_set(paths: list[Path]) -> Flags:
    """Run rensa's full-set sketches with its index; a candidate counts if its estimate reaches the threshold."""
    from rensa import RMinHashLSH

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=BANDS)
    sketches, keep = [], []
    for path in paths:
        sketches += rensa_sketches(texts([path]))
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


def text_dedup(paths: list[Path]) -> Flags:
    """Run text-dedup's command; texts of a single word count too."""
    from datasets import disable_progress_bars, load_from_disk
    from text_dedup.minhash import main as command

    disable_progress_bars()
    with TemporaryDirectory() as folder:
        options = {
            "path": "parquet",
            "data_files": f"{paths[0].parent}/*.parquet",
            "split": "train",
            "column": "text",
            "cache_dir": f"{folder}/cache",
            "output": f"{folder}/kept",
            "ngram": NGRAM,
            "min_length": 1,
            "num_perm": PERMUTATIONS,
            "threshold": THRESHOLD,
            "num_proc": 2,
        }
        command([f"--{name}={value}" for name, value in options.items()], standalone_mode=False)
        kept = set(load_from_disk(f"{folder}/kept")["id"])
    return [name in kept for name in column("id", paths)]


def datatrove(paths: list[Path]) -> Flags:
    """Run datatrove's four steps one after the other, a task for each file or band.

    Words are those between spaces: its own splitter of English takes six times as long and finds the same duplicates.
    """
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import minhash
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    config = minhash.MinhashConfig(n_grams=NGRAM)
    reader = ParquetReader(str(paths[0].parent), glob_pattern="*.parquet")
    with TemporaryDirectory() as folder:
        signatures, pairs, clusters, dropped = (f"{folder}/{step}" for step in range(4))
        sign = minhash.MinhashDedupSignature(signatures, config)
        sign.word_tokenizer = SimpleNamespace(word_tokenize=str.split)
        steps = [
            (len(paths), [reader, sign]),
            (config.num_buckets, [minhash.MinhashDedupBuckets(signatures, pairs, config=config)]),
            (1, [minhash.MinhashDedupCluster(pairs, clusters, config)]),
            (len(paths), [reader, minhash.MinhashDedupFilter(clusters, ParquetWriter(dropped))]),
        ]
        for number, (tasks, pipeline) in enumerate(steps):
            # Forked workers are this process's children, so that their processor time counts as its own.
            run = {"workers": min(2, tasks), "start_method": "fork", "logging_dir": f"{folder}/logs/{number}"}
            LocalPipelineExecutor(pipeline, tasks, **run).run()
        gone = set(column("id", Path(dropped).glob("*.parquet")))
    return [name not in gone for name in column("id", paths)]


def data_juicer(paths: list[Path]) -> Flags:
    """Run data-juicer's operator on words between spaces."""
    from data_juicer.ops.deduplicator import DocumentMinhashDeduplicator
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    operator = DocumentMinhashDeduplicator("space", NGRAM, num_permutations=PERMUTATIONS, jaccard_threshold=THRESHOLD)
    with TemporaryDirectory() as folder:
        files = list(map(str, paths))
        documents = load_dataset("parquet", data_files=files, split="train", cache_dir=folder)
        found, _ = operator.process(documents.map(operator.compute_hash, num_proc=2))
        kept = set(found["id"])
    return [name in kept for name in column("id", paths)]


PEERS: dict[str, Callable[[list[Path]], Flags]] = {
    "gaoya": gaoya,
    "rensa deduplicator": rensa_deduplicator,
    "rensa full set": rensa_full_set,
    "FastSketchLSH": fast_sketch,
    "datasketch": datasketch,
    "text-dedup": text_dedup,
    "datatrove": datatrove,
    "data-juicer": data_juicer,
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


def sketch_seconds(path: Path) -> float:
    """Return the median processor time of three times all of rensa's sketches."""
    documents = list(texts([path]))
    times = []
    for _ in range(3):
        start = time.process_time()
        rensa_sketches(documents)
        times.append(time.process_time() - start)
    return statistics.median(times)


if __name__ == "__main__":
    if sys.argv[1] == "sketch":
        print(sketch_seconds(Path(sys.argv[2])))
    else:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
