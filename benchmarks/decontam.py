"""Decontamination: what it finds of planted benchmark tasks, what it takes of other files, and how fast it reads.

    python -m benchmarks.decontam [FOLDER]     FOLDER: Parquet with `id` and `text`; else Python files installed here

Every kind of planted copy (planting.py) stands in a real file of its own. All hits in 10,000 files as they are get
listed in benchmarks/results/decontam.json, to be looked at. No false hit is a file with a function that passes a task's
own tests, a verbatim gcd say; `others` counts the files that any rule takes without one.
Words alone are shown as what they are worth by themselves. Speed is by processor time of this process, medians of 3.
"""

import json
import platform
import statistics
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.planting import KINDS, plant
from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.decontam.behavioural import Behavioural
from curate.decontam.ngram import NGram
from curate.decontam.structure import Structure
from curate.decontam.tasks import Against
from curate.decontam.words import nearest_tasks
from curate.files.shards import documents
from curate.sources.kinds import Installed
from curate.stage import Context, Verdict
from curate.text.buffers import text_buffers

FILES, CARRIERS, RUNS = 10_000, 400, 3
LONGEST_CARRIER = 20_000
RULES: dict[str, Against] = {"ngram": NGram(), "ast": Structure(), "behavioural": Behavioural()}
BARS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
CONTEXT = Context("bench", 17, Path("nowhere"))


def unrelated(folder: str | None) -> pa.Table:
    """Return real files: `id` and `text`."""
    if folder:
        paths = sorted(Path(folder).glob("*.parquet"))
        tables = (pq.read_table(path, columns=["id", "text"]) for path in paths)
    else:
        source = Installed(name="bench", limit=FILES)
        tables = (source.read(part).documents.select(["id", "text"]) for part in source.parts())
    held: list[pa.Table] = []
    while sum(table.num_rows for table in held) < FILES and (table := next(tables, None)) is not None:
        held.append(table)
    return pa.concat_tables(held).slice(0, FILES).combine_chunks()


def shard(texts: list[str]) -> pa.Table:
    """Return texts as a shard."""
    return documents({"id": str(number), "text": text, "source": "bench"} for number, text in enumerate(texts))


def detection(tasks: list[Task], carriers: list[str]) -> dict[str, dict[str, float]]:
    """Return for each kind of planted copy the share that each rule and all together drop."""
    table: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        planted = plant(tasks, kind, carriers)
        rows = shard([text for _, text in planted])
        hits = {name: _tasks(rule.judge(rows, CONTEXT)) for name, rule in RULES.items()}
        own = sum(any(found[i] == task.task_id for found in hits.values()) for i, (task, _) in enumerate(planted))
        table[kind] = {
            "tasks": len(planted),
            **{name: sum(map(bool, found)) / len(planted) for name, found in hits.items()},
            "any": sum(map(any, zip(*hits.values(), strict=True))) / len(planted),
            "right_task": own / len(planted),
        }
    return table


def _tasks(verdict: Verdict) -> list[str | None]:
    names: list[str | None] = verdict.evidence["task"].to_pylist()
    return names


def hits(files: pa.Table) -> tuple[dict[str, list[dict[str, Any]]], dict[str, float]]:
    """Return for each rule every file that it drops, and why; and the figures of the last rule, which runs code."""
    found = {}
    running: dict[str, float] = {}
    for name, rule in RULES.items():
        start = time.perf_counter()
        verdict = rule.judge(files, CONTEXT)
        evidence = pa.table({"id": files.column("id"), **verdict.evidence})
        found[name] = [row for row in evidence.to_pylist() if row["task"]]
        running = {**verdict.metrics, "seconds": round(time.perf_counter() - start, 1)}
    return found, running


def _ids(*rules: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for rows in rules for row in rows}


def words_alone(tasks: list[Task], carriers: list[str], files: pa.Table) -> list[dict[str, float]]:
    """Return for some bars the share of stubs that words alone find, and of files that they would take."""
    rule = NGram()
    planted = shard([text for _, text in plant(tasks, "stub", carriers)])
    best = []
    for table in (planted, files):
        said = nearest_tasks(*text_buffers(table.column("text")), tuple(rule.against), rule.fingerprint(), BARS[0])
        nearest: dict[int, float] = {}
        for (row, _, _), near in said.items():
            nearest[row] = max(nearest.get(row, 0.0), *near.values())
        best.append((list(nearest.values()), table.num_rows))
    return [
        {"bar": bar} | {
            name: sum(value >= bar for value in values) / rows
            for name, (values, rows) in zip(("stubs_found", "files_taken"), best, strict=True)
        }
        for bar in BARS
    ]  # fmt: skip


def megabytes_a_second(rule: Against, files: pa.Table) -> float:
    """Return the median rate of some runs over the same files."""
    size = files.column("text").nbytes / 1e6

    def seconds() -> float:
        start = time.process_time()
        rule.judge(files, CONTEXT)
        return time.process_time() - start

    return statistics.median(size / seconds() for _ in range(RUNS))


def main() -> None:
    """Measure, print, keep."""
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    files = unrelated(folder)
    tasks = [task for name in ("humaneval", "mbpp") for task in benchmarks.load(name) if task.split == "test"]
    texts = (text for text in files.column("text").to_pylist() if 0 < len(text) < LONGEST_CARRIER)
    carriers = list(islice(texts, CARRIERS))
    found = detection(tasks, carriers)
    taken, running = hits(files)
    speed = {name: round(megabytes_a_second(RULES[name], files.slice(0, 3000)), 1) for name in ("ngram", "ast")}
    words = words_alone(tasks, carriers, files)
    result = {
        "files": files.num_rows, "megabytes": round(files.column("text").nbytes / 1e6, 1),
        "python": platform.python_version(), "found": found, "mb_per_s": speed, "words_alone": words,
        "files_taken": {name: len(rows) / files.num_rows for name, rows in taken.items()}, "taken": taken,
        "files_taken_by_any": len(_ids(*taken.values())),
        "others": len(_ids(*taken.values()) - _ids(taken["behavioural"])),
        "behavioural": running,
    }  # fmt: skip
    place = Path(__file__).parent / "results" / "decontam.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(result, indent=1) + "\n")
    _print(result)


def _print(result: dict[str, Any]) -> None:
    print(f"{'planted':<14}{'tasks':>6}{'ngram':>9}{'ast':>9}{'behaviour':>11}{'any':>9}{'right task':>12}")
    for kind, row in result["found"].items():
        columns = {"ngram": 9, "ast": 9, "behavioural": 11, "any": 9, "right_task": 12}
        print(f"{kind:<14}{row['tasks']:>6}" + "".join(f"{row[name]:>{width}.1%}" for name, width in columns.items()))
    print(f"\n{result['files']:,} files as they are, {result['megabytes']} MB")
    for name, share in result["files_taken"].items():
        speed = f"{result['mb_per_s'][name]} MB/s a core" if name in result["mb_per_s"] else ""
        print(f"{name:<14}takes {len(result['taken'][name])} ({share:.3%})  {speed}")
    print(f"any rule takes {result['files_taken_by_any']}, {result['others']} of them without a function that passes")
    running = result["behavioural"]
    print(f"behavioural   ran {running['trials']:,.0f} functions in {running['seconds']} s")
    print("\nwords alone, by bar")
    for row in result["words_alone"]:
        print(f"{row['bar']:<14}finds {row['stubs_found']:.1%} of stubs, takes {row['files_taken']:.3%} of files")


if __name__ == "__main__":
    main()
