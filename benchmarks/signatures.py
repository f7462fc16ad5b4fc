"""MinHash signatures from text, one core: our compiled loop beside datasketch and rensa, on the same files in one run.

    python -m benchmarks.signatures [--peers PYTHON]

Ours and datasketch's are 128 affine32 permutations of the word 5-grams of Python files that are installed here, and
must agree bit for bit. rensa's are its full-set sketches, made in the environment of benchmarks/peers.txt whose python
`--peers` names. The peers are given a sample of the files, since they are slower, and their shingles are made in plain
Python, as their users make them. Prints a table and writes benchmarks/results/signatures.json; read the ratios, not the
megabytes.
"""

import argparse
import json
import platform
import re
import statistics
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasketch import MinHash

from curate.dedup.near import kernel
from curate.sources.kinds import Installed
from curate.text.buffers import text_buffers
from curate.text.words import hash_shingles, places

FILES, SAMPLE, RUNS = 3000, 300, 3
PERMUTATIONS, NGRAM, SEED = 128, 5, 1
WORD = re.compile(r"\w+", re.ASCII)


def texts() -> list[str]:
    """Return the texts of some installed Python files."""
    source = Installed(name="bench", limit=FILES)
    return [text for part in source.parts() for text in source.read(part).documents.column("text").to_pylist()]


def ours(files: list[str]) -> np.ndarray:
    """Sign with the compiled loop."""
    buffers = text_buffers(pa.chunked_array([pa.array(files, pa.large_string())]))
    return kernel.signatures(*buffers, NGRAM, *kernel.permutations(PERMUTATIONS, SEED))[0]


def peer(files: list[str]) -> list[MinHash]:
    """Sign with datasketch, shingles made in Python."""
    return [_sketch(text) for text in files]


def _sketch(text: str) -> MinHash:
    words = WORD.findall(text)
    shingles = {" ".join(words[at : at + NGRAM]) for at in range(max(1, len(words) - NGRAM + 1))}
    sketch = MinHash(PERMUTATIONS, seed=SEED, scheme="affine32", hashfunc=zlib.crc32)
    sketch.update_batch([shingle.encode() for shingle in shingles])
    return sketch


def megabytes(files: list[str]) -> float:
    """Return the size of some texts in UTF-8."""
    return sum(len(text.encode()) for text in files) / 1e6


def megabytes_a_second(work: Callable[[list[str]], object], files: list[str]) -> float:
    """Return the median rate of some runs, by processor time of this process."""
    return statistics.median(megabytes(files) / seconds for seconds in _times(work, files))


def _times(work: Callable[[list[str]], object], files: list[str]) -> Iterator[float]:
    for _ in range(RUNS):
        start = time.process_time()
        work(files)
        yield time.process_time() - start


def rensa_mb_per_s(files: list[str], python: Path) -> float:
    """Return the median rate of some runs of rensa, by processor time of its process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.parquet"
        pq.write_table(pa.table({"text": files}), path)
        script = Path(__file__).parent / "peers/deduplicators.py"
        done = subprocess.run([python, script, "sketch", path], capture_output=True, text=True, check=True)
    return megabytes(files) / float(done.stdout)


def same_as_datasketch(files: list[str]) -> bool:
    """Tell whether both make the same signature of the same shingle hashes."""
    for text, signature in zip(files, ours(files), strict=True):
        data, offsets = text_buffers(pa.chunked_array([pa.array([text], pa.large_string())]))
        hashes = np.empty(places(offsets), dtype=np.uint64)
        count = hash_shingles(data, offsets[0], offsets[1], NGRAM, hashes)
        oracle = MinHash(PERMUTATIONS, seed=SEED, hashfunc=int, scheme="affine32")
        oracle.update_batch((hashes[:count] >> np.uint64(32)).tolist())
        if not (oracle.hashvalues == signature).all():
            return False
    return True


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path)
    options = parser.parse_args()
    files = texts()
    sample = files[:SAMPLE]
    ours(sample)  # compiles, or loads what an earlier run compiled
    result = {
        "files": len(files),
        "sample": len(sample),
        "permutations": PERMUTATIONS,
        "bit_identical": same_as_datasketch(sample),
        "ours_mb_per_s": round(megabytes_a_second(ours, files), 1),
        "datasketch_mb_per_s": round(megabytes_a_second(peer, sample), 2),
        "python": platform.python_version(),
    }
    if options.peers:
        result["rensa_mb_per_s"] = round(rensa_mb_per_s(sample, options.peers), 2)
    for name in ("datasketch", "rensa"):
        if f"{name}_mb_per_s" in result:
            result[f"times {name}"] = round(result["ours_mb_per_s"] / result[f"{name}_mb_per_s"], 1)
    place = Path(__file__).parent / "results" / "signatures.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(result, indent=2) + "\n")
    for name, value in result.items():
        print(f"{name:<22}{value}")


if __name__ == "__main__":
    main()
