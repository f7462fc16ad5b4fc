"""What `dedup.minhash` finds and removes of a real corpus, beside the exact truth of all its pairs.

    python -m benchmarks.trust [FOLDER] [--files N] [--threshold T]

FOLDER holds Parquet files with the columns `id` and `text`; the default is the corpus beside the checkout. Prints a
table and writes benchmarks/results/trust.json. Pair recall counts the verified pairs; where thousands of documents are
alike each is compared with some of the others only, so it falls there by design: "pairs left whole" says what remained,
pairs of which neither document went.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.truth import exact_pairs
from curate.dedup.minhash import MinHash
from curate.dedup.near import clusters
from curate.files.shards import write_shard
from curate.run.work import sketch_shard
from curate.stage import Context

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "corpus"


def here(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Map in this process."""
    return [function(item) for item in items]


def write_inputs(folder: Path, files: int | None, place: Path) -> pa.Table:
    """Write the corpus as the shards of a stage that stands above, and return its ids and texts."""
    shards = sorted(folder.glob("*.parquet"))
    rows = None if files is None else files // len(shards)
    tables = []
    for path in shards:
        table = pq.read_table(path, columns=["id", "text"]).slice(0, rows)
        tables.append(table)
        write_shard(table, place / "kept" / path.name)
    return pa.concat_tables(tables)


def codes(pairs: np.ndarray, documents: int) -> np.ndarray:
    """Return one number for each pair, whichever of the two comes first."""
    ordered = np.sort(pairs, axis=1)
    return ordered[:, 0] * documents + ordered[:, 1]


def share(part: float, whole: float) -> float | None:
    """Return a share to six digits; of nothing there is none."""
    return round(part / whole, 6) if whole else None


def measure(stage: MinHash, folder: Path, files: int | None) -> dict[str, Any]:
    """Run the stage's search and the exact join on the same files and compare them."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        table = write_inputs(folder, files, place / "in")
        context = Context("trust", 17, place / "out", {"in": place / "in"})
        start = time.monotonic()
        here(partial(sketch_shard, stage, context), [(path.stem, path) for path in context.shards()])
        ranked, pairs, similarity, _ = stage.near_pairs(context, stage.corpora(context, here), here)
        stars = clusters.stars(len(ranked), pairs, similarity)
        seconds = time.monotonic() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    position = pc.index_in(ranked.ids(np.arange(len(ranked))), value_set=table.column("id").combine_chunks()).to_numpy()
    documents = len(position)
    true, true_similarity = exact_pairs(table.column("text").to_pylist(), stage.ngram, stage.threshold)
    true_codes, found = codes(true, documents), codes(position[pairs], documents)
    hit = np.isin(true_codes, found)
    kept = np.ones(documents, dtype=bool)
    kept[position[stars.dropped]] = False
    hard = true_similarity < (1 + stage.threshold) / 2
    return {
        "files": documents,
        "megabytes": round(pc.sum(pc.binary_length(table.column("text"))).as_py() / 1e6, 1),
        "threshold": stage.threshold,
        "true_pairs": len(true),
        "pair_recall": share(hit.sum(), len(true)),
        "hard_pairs": int(hard.sum()),
        "hard_pair_recall": share((hit & hard).sum(), hard.sum()),
        "pair_precision": share(np.isin(found, true_codes).sum(), len(found)),
        "drops_within_threshold": share(
            np.isin(codes(position[np.column_stack((stars.survivor, stars.dropped))], documents), true_codes).sum(),
            len(stars.dropped),
        ),
        "pairs_left_whole": int((kept[true[:, 0]] & kept[true[:, 1]]).sum()),
        "files_removed": len(stars.dropped),
        "files_exact_components_remove": documents - len(np.unique(clusters.components(documents, true))),
        "seconds_one_process": round(seconds, 1),
        "peak_mb": round(peak_mb),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--files", type=int)
    parser.add_argument("--threshold", type=float, default=0.8)
    options = parser.parse_args()
    result = measure(MinHash(threshold=options.threshold), options.folder, options.files)
    place = Path(__file__).parent / "results" / "trust.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(result, indent=2) + "\n")
    for name, value in result.items():
        print(f"{name:<32}{value}")


if __name__ == "__main__":
    main()
