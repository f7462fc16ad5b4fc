"""Near-deduplication, whole process: Parquet in, kept and dropped Parquet out; ours beside peers on the same files.

    python -m benchmarks.dedup [--corpus DIR] [--files N] [--peers PYTHON] [--runs N] [--only NAME ...]

`--corpus` is a directory of Parquet files with the columns `id` and `text`; without it, the Python installed here.
The peers live in an environment of their own (benchmarks/peers.txt says how); `--peers` is its python. Two workers.

recall     of the pairs that resemble by 0.8 or more, exactly (benchmarks/truth.py), those of which not both stay;
           in the hard band too, 0.8 <= J < 0.9
precision  of the documents dropped, those that resemble some other document by 0.8 or more
The first line says how many documents exact components at the threshold would remove.

Ours stands twice: the whole `curate run`, with the source stage that copies the input into shards and the report at
the end, and the stage alone on shards that stand (`--until minhash`), which is what the peers do. MB/s is by wall
time, MB/cpu-s by processor time of all processes, which neighbours on the machine disturb less. Prints a table and
writes benchmarks/results/dedup.json.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import measured, truth
from benchmarks.peers.deduplicators import NGRAM, PEERS, THRESHOLD
from curate.dedup.near.clusters import components
from curate.files.shards import write_json
from curate.sources.kinds import Installed

HERE = Path(__file__).parent
RECIPE = """name: bench
seed: 17
sources:
  code: {{path: "{source}/*.parquet", text: text, id: id}}
stages:
  minhash: {{use: dedup.minhash, threshold: 0.8}}
"""
SHARDS = 8
ENOUGH_S = 60
"""What takes longer is run once: it is out of the reach of noise."""


@dataclass(frozen=True)
class Truth:
    """The exact pairs of a corpus: ids, pairs of their numbers, similarities, and how many documents may go."""

    ids: list[str]
    pairs: np.ndarray
    similarity: np.ndarray
    most: int


def write_corpus(place: Path, corpus: Path | None, files: int) -> tuple[float, Truth]:
    """Write the first files of a corpus as shards; return their megabytes and the truth about them."""
    tables = (
        [pq.read_table(path, columns=["id", "text"]) for path in sorted(corpus.glob("*.parquet"))] if corpus else []
    )
    if not corpus:
        source = Installed(name="bench", limit=files)
        tables = [source.read(part).documents.select(["id", "text"]) for part in source.parts()]
    table = pa.concat_tables(tables).slice(0, files)
    place.mkdir()
    step = -(-table.num_rows // SHARDS)
    for shard in range(SHARDS):
        pq.write_table(table.slice(shard * step, step), place / f"{shard}.parquet", compression="zstd")
    texts = table.column("text").to_pylist()
    pairs, similarity = truth.exact_pairs(texts, NGRAM, THRESHOLD)
    roots = components(len(texts), np.asarray(pairs, dtype=np.int64))
    most = int((roots != np.arange(len(texts))).sum())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    return megabytes, Truth(table.column("id").to_pylist(), pairs, similarity, most)


def judge(target: Path, known: Truth) -> dict[str, float]:
    """Compare what a run dropped with the truth."""
    dropped = {row for path in target.glob("dropped/*.parquet") for row in pq.read_table(path)["id"].to_pylist()}
    kept = {row for path in target.glob("kept/*.parquet") for row in pq.read_table(path)["id"].to_pylist()}
    assert dropped | kept == set(known.ids) and not dropped & kept
    gone = np.array([name in dropped for name in known.ids])
    caught = gone[known.pairs].any(axis=1)
    resembles = np.zeros(len(gone), dtype=bool)
    resembles[known.pairs.ravel()] = True
    return {
        "recall": round(float(caught.mean()), 5),
        "recall_hard": round(float(caught[known.similarity < 0.9].mean()), 5),
        "precision": round(float(resembles[gone].mean()), 5) if gone.any() else 1.0,
        "dropped": int(gone.sum()),
    }


def ours(place: Path, source: Path, *, whole: bool) -> tuple[measured.Measured, Path]:
    """Run our command on the corpus, or the stage alone where the source has been read before."""
    recipe, runs = place / "recipe.yaml", place / "runs"
    recipe.write_text(RECIPE.format(source=source))
    shutil.rmtree(runs, ignore_errors=True)
    command = [Path(sys.executable).parent / "curate", "run", recipe, "--runs", runs, "--workers", "2"]
    if not whole:
        measured.run([*command, "--until", "code"])
        command += ["--until", "minhash"]
    taken = measured.run(command)
    return taken, next(runs.glob("bench/stages/minhash-*"))


def peer(name: str, python: Path, place: Path, source: Path) -> tuple[measured.Measured, Path]:
    """Run a peer on the corpus."""
    target = place / "out"
    shutil.rmtree(target, ignore_errors=True)
    return measured.run([python, HERE / "peers/deduplicators.py", name, source, target]), target


def measure(name: str, options: argparse.Namespace, place: Path, megabytes: float, known: Truth) -> dict[str, Any]:
    """Run one of the deduplicators some times, a slow one once; return its row: medians, and its quality."""
    taken: list[measured.Measured] = []
    for _ in range(options.runs):
        if name.startswith("curate"):
            one, target = ours(place, place / "corpus", whole=name == "curate run")
        else:
            one, target = peer(name, options.peers, place, place / "corpus")
        taken.append(one)
        if taken[0].wall_s >= ENOUGH_S:
            break
    middle = {key: statistics.median(asdict(one)[key] for one in taken) for key in ("wall_s", "cpu_s", "peak_mb")}
    return {
        "name": name,
        "mb_per_s": round(megabytes / middle["wall_s"], 1),
        "mb_per_cpu_s": round(megabytes / middle["cpu_s"], 1),
        "peak_mb": round(middle["peak_mb"]),
        "runs": len(taken),
        **judge(target, known),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--files", type=int, default=6000)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    names = ["curate run", "curate dedup.minhash", *(PEERS if options.peers else [])]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        megabytes, known = write_corpus(place / "corpus", options.corpus, options.files)
        size = f"{len(known.ids)} files, {megabytes:.0f} MB, {len(known.pairs)} true pairs"
        print(f"{size}, exact components would remove {known.most}")
        ours(place, place / "corpus", whole=True)  # compiles, or loads what an earlier run compiled
        result = {"files": len(known.ids), "megabytes": round(megabytes), "pairs": len(known.pairs), "most": known.most}
        rows = []
        for name in options.only or names:
            rows.append(measure(name, options, place, megabytes, known))
            write_json({**result, "rows": rows}, HERE / "results/dedup.json")
    columns = ["name", "mb_per_s", "mb_per_cpu_s", "peak_mb", "runs", "recall", "recall_hard", "precision", "dropped"]
    for line in [dict(zip(columns, columns, strict=True)), *rows]:
        print(f"{line['name']:<22}" + "".join(f"{line[column]:>12}" for column in columns[1:]))


if __name__ == "__main__":
    main()
