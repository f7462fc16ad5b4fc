"""What the functions of a recorded stage become when rules describe them, and what that saves.

    python -m benchmarks.told STAGE [--attempts N] [--read FILE]

In: the directory of a stage of `synth.exercise` with `first_comes: code` that has run (`stage.json`, `calls.jsonl`).
Its attempts are begun again with the code that the log holds, which is all that `described_by: rule` asks of a teacher;
programs run as ever. Out: attempts, exercises and their share, output tokens of the code, exercises a 1,000 of these,
how the descriptions begin, how long they are and how much of them is code, and why the others fell; beside it, for the
whole stage, what its own way of describing came to. With `--read` the
exercises are written to a JSONL file, in an order that is random but the same each time: the first ones are a sample.
"""

import argparse
import hashlib
import json
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.driver import Logged, Recorded, _drive, _read
from curate.llm import door
from curate.synth.exercise.exercise import Exercise


def main(stage: Path, attempts: int, read: Path | None) -> None:
    """Print the table."""
    parameters = json.loads((stage / "stage.json").read_text(encoding="utf-8"))["parameters"]
    given = {name: value for name, value in parameters.items() if value is not None} | {"described_by": "rule"}
    answers, shards = _read(stage / "calls.jsonl", attempts)
    logged = Logged(answers)
    door.backend = lambda spec: logged  # type: ignore[assignment]  # noqa: ARG005
    with tempfile.TemporaryDirectory() as place:
        rows = _drive(Recorded(Exercise(**given), 17), shards, Path(place, "drive"), 0)
    kept = [row for row in rows if row["reason"] is None]
    tokens = sum(answers[f"{row['id']}/stub"]["completion_tokens"] for row in rows)
    print(f"{len(rows):,} attempts, {len(kept):,} exercises ({len(kept) / len(rows):.1%}), {tokens:,} output tokens")
    print(f"{1000 * len(kept) / tokens:.2f} exercises a 1,000 output tokens")
    stats = json.loads((stage / "stats.json").read_text(encoding="utf-8"))
    own, spent = stats["rows_kept"], stats["metrics"]["completion_tokens"]
    print(f"as it ran: {own / stats['rows_in']:.1%}, {1000 * own / spent:.2f} a 1,000 output tokens")
    _print_wordings([" ".join(row["description"].split()) for row in kept])
    for reason, count in Counter(str(row["reason"]) for row in rows if row["reason"]).most_common():
        print(f"{count:>7} {reason}")
    if read:
        kept.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
        lines = (json.dumps({"id": row["id"], "text": row["text"]}) for row in kept)
        read.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _print_wordings(texts: list[str]) -> None:
    """Print what the descriptions begin with, their mean length, and the share of their characters in backticks."""
    if not texts:
        return
    begun = len({tuple(text.split()[:2]) for text in texts})
    words = sum(len(text.split()) for text in texts) / len(texts)
    quoted = sum(len(part) for text in texts for part in text.split("`")[1::2])
    share = quoted / sum(map(len, texts))
    print(f"{begun} ways to begin (two words), {words:.1f} words, {share:.1%} of the characters in backticks")
    print(
        "first words: "
        + ", ".join(f"{first} {count}" for first, count in Counter(t.split()[0] for t in texts).most_common(8))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", type=Path)
    parser.add_argument("--attempts", type=int, default=2000)
    parser.add_argument("--read", type=Path)
    options = parser.parse_args()
    main(options.stage, options.attempts, options.read)
