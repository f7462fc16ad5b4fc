"""How time and memory of `dedup.minhash` grow with the corpus: 1, 4 and 16 times a base of real files.

    python -m benchmarks.dedup_scaling [--corpus DIR] [--files N] [--times 1 4 16]

`--corpus` is a directory of Parquet files with the column `text`; without it the Python that is installed here. The
base has N files. A corpus of k times holds each file once and k - 1 edited copies: in a quarter of them some lines are
replaced by fresh ones, so that they are near-duplicates; in the others each name is another, so that they resemble
nothing. Shards have the same size in all corpora. The stage alone is measured, with two workers, on shards that
stand. Prints a table and writes benchmarks/results/dedup_scaling.json.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import measured
from curate.files.shards import write_json
from curate.sources.kinds import Installed
from curate.stage import derive_seed

HERE = Path(__file__).parent
RECIPE = """name: scaling
seed: 17
sources:
  code: {{path: "{source}/*.parquet", text: text, id: id, shard_rows: 100000}}
stages:
  minhash: {{use: dedup.minhash, threshold: 0.8}}
"""
SHARD_FILES = 1000
NAME = re.compile(r"[A-Za-z_]\w*")


def base(corpus: Path | None, files: int) -> list[str]:
    """Return the texts of so many real files."""
    if corpus is None:
        source = Installed(name="bench", limit=files)
        return [text for part in source.parts() for text in source.read(part).documents.column("text").to_pylist()]
    texts: list[str] = []
    for path in sorted(corpus.glob("*.parquet")):
        texts += pq.read_table(path, columns=["text"]).column("text").to_pylist()[: files - len(texts)]
    return texts


def copy(text: str, number: int, turn: int) -> str:
    """Return an edited copy: of every fourth a near-duplicate, of the others one with all names changed."""
    if turn == 0:
        return text
    if (number + turn) % 4:
        return NAME.sub(lambda found: f"{found[0]}_{turn}", text)
    random = Random(derive_seed(17, number, turn))
    lines = text.splitlines()
    for place in random.sample(range(len(lines)), len(lines) // 30):
        lines[place] = f"edited_{random.randrange(10**9)} = {random.randrange(10**9)}"
    return "\n".join(lines)


def write_corpus(place: Path, texts: list[str], times: int) -> float:
    """Write the corpus of so many times the base and return its megabytes."""
    place.mkdir()
    size = 0
    for turn in range(times):
        for first in range(0, len(texts), SHARD_FILES):
            rows = [copy(text, number, turn) for number, text in enumerate(texts[first : first + SHARD_FILES], first)]
            ids = [f"{number}/{turn}" for number in range(first, first + len(rows))]
            table = pa.table({"id": ids, "text": pa.array(rows, pa.large_string())})
            size += table.column("text").nbytes
            pq.write_table(table, place / f"{turn:02}-{first:06}.parquet", compression="zstd")
    return size / 1e6


def measure(place: Path, texts: list[str], times: int) -> dict[str, float]:
    """Return the row of the table for one size."""
    source, runs = place / f"corpus-{times}", place / "runs"
    megabytes = write_corpus(source, texts, times)
    (place / "recipe.yaml").write_text(RECIPE.format(source=source))
    command = [Path(sys.executable).parent / "curate", "run", place / "recipe.yaml", "--runs", runs, "--workers", "2"]
    measured.run([*command, "--until", "code"])
    taken = measured.run([*command, "--until", "minhash"])
    stage = next(runs.glob("scaling/stages/minhash-*"))
    stats = json.loads((stage / "stats.json").read_text())
    shutil.rmtree(runs)
    shutil.rmtree(source)
    return {
        "times": times,
        "files": stats["rows_in"],
        "dropped": stats["rows_dropped"],
        "megabytes": round(megabytes),
        "wall_s": round(taken.wall_s, 2),
        "cpu_s": round(taken.cpu_s, 2),
        "mb_per_cpu_s": round(megabytes / taken.cpu_s, 1),
        "peak_mb": round(taken.peak_mb),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--times", type=int, nargs="*", default=[1, 4, 16])
    options = parser.parse_args()
    texts = base(options.corpus, options.files)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for times in options.times:
            rows.append(measure(Path(folder), texts, times))
            if len(rows) == 1:
                print("".join(f"{column:>14}" for column in rows[0]))
            print("".join(f"{value:>14}" for value in rows[-1].values()), flush=True)
            write_json(rows, HERE / "results/dedup_scaling.json")


if __name__ == "__main__":
    main()
