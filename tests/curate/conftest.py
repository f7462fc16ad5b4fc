"""A small finished run, written with the writers that the runner uses, for the tests of what reads one."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.files.shards import conform, documents, empty_documents, write_json, write_shard, write_text
from curate.records.receipts import Receipt, StageRecord, read_receipts, total, write_receipt, write_record

Row = Mapping[str, Any]
STAGES = {
    "code": ("source.installed", []),
    "exact": ("dedup.exact", ["code"]),
    "minhash": ("dedup.minhash", ["exact"]),
    "heuristics": ("filter.heuristics", ["minhash"]),
    "quality": ("filter.quality", ["heuristics"]),
    "clean": ("decontam.ngram", ["quality"]),
    "seeds": ("synth.seeds", ["clean"]),
    "exercises": ("synth.exercise", ["seeds"]),
    "model": ("train.lm", ["clean", "exercises"]),
    "score": ("eval.code", ["model"]),
}


class RunWriter:
    """Writes a run directory stage by stage."""

    def __init__(self, directory: Path, stages: Mapping[str, tuple[str, list[str]]] | None = None) -> None:
        self.directory = directory
        self.stages = dict(STAGES if stages is None else stages)
        self.state(state="done", pid=0)

    def place(self, name: str) -> Path:
        return self.directory / "stages" / f"{name}-0123456789ab"

    def state(self, **changes: Any) -> None:
        stages = [
            {
                "name": name,
                "use": use,
                "key": "0123456789ab",
                "directory": f"stages/{name}-0123456789ab",
                "inputs": inputs,
            }
            for name, (use, inputs) in self.stages.items()
        ]
        facts = {
            "name": "small",
            "seed": 17,
            "started": "2025-01-01T10:00:00Z",
            "finished": "2025-01-01T10:05:00Z",
            "error": None,
            "curate_version": "0.1",
            "machine": {"system": "Linux", "python": "3.11.2", "cores": 2},
        }
        write_json({**facts, **changes, "stages": stages}, self.directory / "run.json")
        write_text("name: small\nseed: 17\n", self.directory / "recipe.yaml")

    def record(self, name: str, state: str = "done", shards: int = 1, **changes: Any) -> None:
        use, inputs = self.stages[name]
        times = {"started": "2025-01-01T10:00:00Z", "finished": "2025-01-01T10:01:00Z" if state == "done" else None}
        parameters = {"threshold": 0.8, "bands": 20, "permutations": 100} if use == "dedup.minhash" else {}
        write_record(
            StageRecord(name, use, "0123456789ab", 1, parameters, inputs, state, shards, **{**times, **changes}),
            self.place(name),
        )

    def shard(self, name: str, shard: str, kept: Sequence[Row], dropped: Sequence[Row] = (), **receipt: Any) -> None:
        reasons: dict[str, int] = {}
        for row in dropped:
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
        rejected = (
            documents(dropped) if dropped else empty_documents().append_column("reason", pa.array([], pa.string()))
        )
        write_shard(documents(kept), self.place(name) / "kept" / f"{shard}.parquet")
        write_shard(conform(rejected), self.place(name) / "dropped" / f"{shard}.parquet")
        size = {"bytes_in": sum(len(row["text"]) for row in [*kept, *dropped]), "seconds": 0.5}
        counts = (len(kept) + len(dropped), len(kept), len(dropped), reasons)
        size["bytes_kept"] = sum(len(row["text"]) for row in kept)
        write_receipt(Receipt(shard, *counts, **{**size, **receipt}), self.place(name))

    def finish(self, name: str, **changes: Any) -> None:
        receipts = read_receipts(self.place(name))
        write_json(total(receipts), self.place(name) / "stats.json")
        self.record(name, shards=len(receipts), **changes)

    def job(self, name: str, metrics: dict[str, float]) -> None:
        write_receipt(Receipt("job", 0, 0, 0, seconds=60.0, joules=5400.0, metrics=metrics), self.place(name))
        self.finish(name)


def code_text(number: int) -> str:
    return (
        f'"""Module {number}: <b>areas</b> & volumes."""\n\n\n'
        f"def area_{number}(width: float, height: float) -> float:\n"
        f'    """Return the area of a rectangle, in square metres."""\n'
        f"    return width * height * {number}\n" * (1 + number % 3)
    )


def split(rows: list[dict[str, Any]], verdict: Callable[[dict[str, Any]], Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into kept and dropped; the verdict's columns are added to the dropped ones."""
    marked = [{**row, **verdict(row)} for row in rows]
    return [row for row in marked if "reason" not in row], [row for row in marked if "reason" in row]


def write_example(directory: Path) -> RunWriter:
    """A whole run: 240 documents in two shards through every kind of stage, with odd text among them."""
    run, random = RunWriter(directory), Random(17)
    rows = [
        {"id": f"code/{n:03}", "text": code_text(n), "source": "code", "path": f"pkg/module_{n}.py", "license": "MIT"}
        for n in range(240)
    ]
    rows[2]["text"] = "# \x1b[31mred\x07 </script><script>alert(1)</script> \u202e\n" + rows[2]["text"]
    filters: dict[str, Callable[[dict[str, Any]], Row]] = {
        "exact": lambda row: {"reason": "duplicate", "survivor": "code/000"} if row["number"] % 12 == 5 else {},
        "minhash": lambda row: (
            {"reason": "near_duplicate", "survivor": f"code/{row['number'] // 80 * 80 + 1:03}", "similarity": 0.93}
            if row["number"] % 8 == 6
            else {}
        ),
        "heuristics": lambda row: (
            {"reason": ("line_length", "too_short", "no_parse")[row["number"] % 3], "score": 1000.0}
            if row["number"] % 10 == 3
            else {}
        ),
        "quality": lambda row: {"quality": row["draw"]} | ({"reason": "low_quality"} if row["draw"] < 0.5 else {}),
        "clean": lambda row: {"reason": "humaneval", "score": 0.7} if row["number"] == 2 else {},
    }
    draws = [random.random() for _ in rows]
    alive = {"0000": rows[:120], "0001": rows[120:]}
    for shard, held in alive.items():
        run.shard("code", shard, held, bytes_in=0)
    for name, verdict in filters.items():
        for shard, held in alive.items():
            judged = [row | {"number": int(row["id"][-3:]), "draw": draws[int(row["id"][-3:])]} for row in held]
            kept, dropped = ([_without(row) for row in half] for half in split(judged, verdict))
            run.shard(name, shard, kept, dropped)
            alive[shard] = kept
    for name in ("code", "exact", "heuristics", "clean"):
        run.finish(name)
    run.finish(
        "minhash", plan_seconds=1.5, plan_metrics={"candidates": 90.0, "verified": 60.0, "recall_planted": 0.991}
    )
    run.finish("quality", plan_metrics={"cut": 0.5, "held_out_f1": 0.87})
    _write_synthesis(run, [row for held in alive.values() for row in held])
    _write_models(run, random)
    return run


def _without(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("number", "draw")}


def _write_synthesis(run: RunWriter, clean: list[dict[str, Any]]) -> None:
    seeds = [
        {"id": f"seeds/{n}", "text": f"Topic {n}", "source": "seeds", "seed_id": clean[n]["id"]} for n in range(12)
    ]
    attempts = [
        {"id": f"exercises/{n}", "text": code_text(n), "source": "exercises", "seed_id": f"seeds/{n}"}
        for n in range(12)
    ]
    kept, dropped = split(attempts, lambda row: {} if int(row["id"][10:]) < 3 else {"reason": "no_majority"})
    tokens = {"prompt_tokens": 2400.0, "completion_tokens": 5100.0, "usd": 0.02}
    run.shard("seeds", "0000", seeds)
    run.shard("exercises", "0000", kept, dropped, seconds=40.0, joules=900.0, metrics=tokens)
    calls = "".join(
        json.dumps({"request": {"id": f"seeds/{n}/{k}"}, "completion": {"text": "def f(): ..."}}) + "\n"
        for n in range(12)
        for k in range(2)
    )
    write_text(calls, run.place("exercises") / "calls" / "log.jsonl")
    run.finish("seeds")
    run.finish("exercises")


def _write_models(run: RunWriter, random: Random) -> None:
    rows = [
        {"step": step, "loss": 2 + 4 * math.exp(-step / 80) + random.random() / 5}
        | ({"held_out_loss": 2.2 + 4 * math.exp(-step / 80)} if step % 50 == 0 else {})
        for step in range(1, 301)
    ]
    write_text("".join(json.dumps(row) + "\n" for row in rows), run.place("model") / "metrics.jsonl")
    run.job("model", {"parameters": 3.1e6, "tokens": 1.2e6, "held_out_loss": 2.31})
    score = {
        "model": "model",
        "model_parameters": 3_100_000,
        "dataset_tokens": 1_200_000,
        "protocol": "completion",
        "n_tasks": 164,
        "verdicts": {"wrong": 160, "pass": 4},
    }
    scores = [
        {**score, "benchmark": "humaneval", "pass_at_1": 4 / 164, "low": 0.007, "high": 0.06, "bits_per_byte": 1.52},
        {
            **score,
            "benchmark": "mbpp",
            "n_tasks": 500,
            "pass_at_1": 0.0,
            "low": 0.0,
            "high": 0.008,
            "bits_per_byte": 1.9,
        },
    ]
    write_json(scores, run.place("score") / "scores.json")
    run.job("score", {"humaneval_pass_at_1": 4 / 164})


@pytest.fixture(scope="session")
def tasks() -> list[Task]:
    """The scored tasks of HumanEval and MBPP; without the benchmarks their tests are skipped."""
    try:
        return [task for name in ("humaneval", "mbpp") for task in benchmarks.load(name) if task.split == "test"]
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; do not change it."""
    return write_example(tmp_path_factory.mktemp("runs") / "small").directory


@pytest.fixture
def writer(tmp_path: Path) -> Callable[..., RunWriter]:
    """Write a run of your own: `writer(stages)` names the stages, nothing has run yet."""
    return lambda stages=None: RunWriter(tmp_path / "run", stages)


def write_scores(place: Path, model: str, outcome: Mapping[str, str], **changes: Any) -> Path:
    """Write what an evaluation leaves: one benchmark, one sample a task."""
    rows = [
        {"task_id": task_id, "index": 0, "verdict": verdict, "detail": "", "cpu_s": 0.1, "wall_s": 0.1, "peak_mb": 9.0}
        for task_id, verdict in outcome.items()
    ]
    write_text("".join(json.dumps(row) + "\n" for row in rows), place / "humaneval.results.jsonl")
    score = {
        "model": model,
        "model_parameters": 3_100_000,
        "dataset_tokens": 1_200_000,
        "benchmark": "humaneval",
        "protocol": "humaneval@completion",
        "pass_at_1": sum(verdict == "pass" for verdict in outcome.values()) / len(outcome),
        "low": 0.01,
        "high": 0.125,
        "n_tasks": len(outcome),
        "bits_per_byte": 1.2345,
        "results": "humaneval.results.jsonl",
    }
    write_json([{**score, **changes}], place / "scores.json")
    return place


@pytest.fixture
def evaluated() -> Callable[..., Path]:
    """Write a folder as `curate eval` leaves it: `evaluated(place, model, {task: verdict}, **changes of the entry)`."""
    return write_scores
