"""Bytes of code to a token, by the size of the vocabulary: tokenizers as `train.lm` trains them, on files new to them.

    python -m benchmarks.tokens [CORPUS]

In: a folder of Parquet shards with a `text` column (the installed Python where none is given). Some of the files, drawn
with a fixed seed, 8 MB at most, train a tokenizer of each size that a preset has; 1,000 others are measured. Out: a
table, and benchmarks/results/tokens.json.
"""

import argparse
import json
import random
from pathlib import Path

from benchmarks.heuristics import shards
from curate.train.corpus.tokenizer import encode, train_tokenizer
from curate.train.steps.presets import PRESETS

RESULTS = Path(__file__).parent / "results" / "tokens.json"
TRAINED_BYTES, MEASURED = 8_000_000, 1000


def main() -> None:
    """Measure, print, keep."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpus", nargs="?", type=Path)
    tables = shards(arguments.parse_args().corpus)
    texts = [text for table in tables for text in table.column("text").to_pylist()]
    random.Random(17).shuffle(texts)
    measured, learnt, size = texts[:MEASURED], [], 0
    for text in texts[MEASURED:]:
        size += len(text.encode())
        if size > TRAINED_BYTES:
            break
        learnt.append(text)
    written = sum(len(text.encode()) for text in measured)
    found = {}
    for vocabulary in sorted({preset.vocab_size for preset in PRESETS.values()}):
        tokenizer = train_tokenizer(learnt, vocabulary)
        found[str(vocabulary)] = written / sum(map(len, encode(tokenizer, measured)))
        print(f"{vocabulary:>7,}  {found[str(vocabulary)]:.2f} bytes a token")
    RESULTS.write_text(
        json.dumps({"files": len(texts), "measured": MEASURED, "bytes_per_token": found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
