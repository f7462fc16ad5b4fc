"""Scoring kept answers again: what a model wrote, without the prompts, gives the same verdicts as on the day.

In: rows `{"task_id", "index", "raw"}` of SAMPLES.jsonl, raw text as `curate eval` keeps it (`finish_reason`,
`completion_tokens` and `ended` too, where they are known), and the protocol that the model was asked by. Out: the same
results and the same figures as `curate eval` gave. Prompts are made anew from the benchmark, so that what is kept
repeats none of its problems.

Not covered: prompts that were cut to fit a model's context, where the protocol judges them too (EvalPlus'), and
protocols of chats, whose answers may begin elsewhere.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import BENCHMARKS, Row, Task, read_rows
from curate.errors import UserError
from curate.eval.asking.generation import Generated
from curate.eval.asking.own import choose
from curate.eval.asking.protocols import Prompt, Protocol, digest
from curate.eval.judging import outcomes
from curate.eval.judging.scoring import Result, Sample, judge_samples, notes, prepare, score_facts, write_scores
from curate.progress import Progress

KEPT = ("task_id", "index", "raw", "finish_reason", "completion_tokens", "ended")


def score_again(
    samples: Path,
    tasks: str,
    protocol: str,
    out: Path,
    *,
    name: str | None = None,
    parameters: float | None = None,
    dataset_tokens: float | None = None,
    workers: int = 0,
    allow_weak: bool = False,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = Progress(),  # noqa: B008 - it holds nothing
) -> str:
    """Judge answers to a protocol and return the summary as text; the rest is as in judging/scoring.py's `score`.

    `tasks` is the protocol's benchmark, or a file of tasks, and `protocol` then a form such as `completion`.
    """
    found = _protocol(tasks, protocol)
    every = benchmarks.load(found.data)
    scored = {task.task_id: task for task in found.scored(every)}
    prompts = found.prompts(every)
    answers = read_answers(samples, found, scored, prompts)
    used = [scored[task_id] for task_id in dict.fromkeys(answer.task_id for answer in answers)]
    tests = prepare(used, plus=found.plus, workers=workers, allow_weak=allow_weak)
    say(tests.self_check.text())
    given = [Sample(each.task_id, each.index, each.solution) for each in answers]
    notify = notes(progress, "samples judged")
    results = judge_samples(given, tests, out, workers=workers, allow_weak=allow_weak, notify=notify)
    row = {
        "model": name or samples.name.partition(".")[0],
        "model_parameters": parameters,
        "dataset_tokens": dataset_tokens,
        "benchmark": found.benchmark if found.benchmark in BENCHMARKS else found.name,
        "protocol": found.name,
        "protocol_version": found.version,
        "data_sha256": benchmarks.digest(found.data),
        "prompts_sha256": digest({task.task_id: prompts[task.task_id] for task in used}),
        **facts(results, answers),
    }
    return write_scores(row, tests, results, out)


def facts(results: list[Result], answers: list[Generated]) -> dict[str, Any]:
    """Return the figures that follow from verdicts and answers."""
    return {**score_facts(results), "outcomes": outcomes.count(results, answers)}


def _protocol(tasks: str, name: str) -> Protocol:
    """Return the protocol. Raises UserError where it asks other tasks."""
    if tasks not in BENCHMARKS:
        return choose(f"{tasks}@{name.rpartition('@')[2]}")
    found = choose(name if "@" in name else f"{tasks}@{name}")
    if tasks not in (found.data, found.benchmark):
        raise UserError(f"--protocol {name}: it asks {found.data}, and --tasks names {tasks}; name the same")
    if found.chat:
        raise UserError(f"--protocol {name}: answers in chats cannot be scored again; give whole solutions")
    return found


def read_answers(
    path: Path, protocol: Protocol, tasks: Mapping[str, Task], prompts: Mapping[str, Prompt]
) -> list[Generated]:
    """Read kept answers and make of each what the protocol judges. Raises UserError with the line."""
    count: Counter[str] = Counter()
    found: dict[tuple[str, int], Generated] = {}
    for number, row in read_rows(path):
        task_id, index, raw = str(row.get("task_id")), row.get("index", count[str(row.get("task_id"))]), row.get("raw")
        wrong = _wrong(row, tasks, index, raw) or ("it is there twice" if (task_id, index) in found else None)
        if wrong:
            raise UserError(f"{path}, line {number}: sample {index} of {task_id!r}: {wrong}")
        cut = protocol.cut(str(raw))
        found[task_id, index] = Generated(
            task_id, index, str(raw), cut, protocol.program(tasks[task_id], prompts[task_id], cut),
            str(row.get("finish_reason", "stop")), int(row.get("completion_tokens") or 0), row.get("ended"),
        )  # fmt: skip
        count[task_id] += 1
    if missing := [task_id for task_id in tasks if task_id not in count]:
        raise UserError(f"{path}: no answer to {len(missing)} of the tasks, the first is {missing[0]}; add them")
    return list(found.values())


def _wrong(row: Row, tasks: Mapping[str, Task], index: Any, raw: Any) -> str | None:
    if str(row.get("task_id")) not in tasks:
        return "an unknown task"
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        return "its index is no number from 0"
    return None if isinstance(raw, str) else "it has no `raw` text, as `curate eval` keeps it"


def keep_answers(samples: Path, out: Path, pack: Callable[[bytes], bytes] = lambda data: data) -> int:
    """Write what a model wrote without what it was asked, `pack`ed; return how many answers there are."""
    rows = [{name: row[name] for name in KEPT if row.get(name) is not None} for _, row in read_rows(samples)]
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(pack(data))
    return len(rows)
