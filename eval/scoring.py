"""Scoring: run samples against their tasks' tests, one verdict each, and sum them up.

In: SAMPLES.jsonl rows `{"task_id", "completion"}` (continues the prompt) or `{"task_id", "solution"}` (whole program),
`index` optional, and the tasks. Out: RESULTS.jsonl rows `{"task_id", "index", "verdict", "detail", "cpu_s", "wall_s",
"peak_mb"}`, one line as soon as a verdict is there, and beside it `RESULTS.meta.json`, which says what was judged.

Killed at any moment and started again, rows that stand are kept and only missing ones are judged; `infra` rows (the
harness failed) are judged again. Other samples, tests or limits begin a new file. Not covered: generation
(eval/generation.py) and the isolation of the code that runs (curate/sandbox.py).
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from curate.benchmarks import Row, Task, load, read_rows
from curate.errors import UserError
from curate.sandbox import Judgement, Limits, Trial, isolation_level, judge
from curate.shards import read_jsonl, write_json, write_text
from eval.generation import Notify
from eval.passk import Estimate, estimate

INFRA = "infra"


@dataclass(frozen=True)
class Sample:
    """One whole program, offered as the solution of a task."""

    task_id: str
    index: int
    program: str


@dataclass(frozen=True)
class Result:
    """What became of one sample. The verdicts are those of curate/sandbox.py."""

    task_id: str
    index: int
    verdict: str
    detail: str
    cpu_s: float
    wall_s: float
    peak_mb: float


def score(samples: Path, tasks: str, out: Path, *, workers: int = 0, allow_weak: bool = False) -> str:
    """Judge a file of samples for a benchmark or a TASKS.jsonl, and return the summary as text.

    Every task of the test split needs a sample. Raises UserError for malformed rows, unknown tasks, duplicate or
    missing samples (with the line), and an `out` that is not a results file.
    """
    by_id = {task.task_id: task for task in load(tasks)}
    offered = read_samples(samples, by_id)
    results = judge_samples(offered, by_id, out, workers=workers, allow_weak=allow_weak)
    return summary_text(results)


def read_samples(path: Path, tasks: Mapping[str, Task]) -> list[Sample]:
    """Read SAMPLES.jsonl. Without `index`, a task's samples are numbered in file order. Errors as `score`."""
    found: dict[tuple[str, int], Sample] = {}
    count: Counter[str] = Counter()
    for number, row in read_rows(path):
        try:
            sample = _sample(row, tasks, count)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        key = (sample.task_id, sample.index)
        if key in found:
            raise UserError(f"{path}, line {number}: sample {sample.index} of {sample.task_id} is there twice")
        found[key] = sample
        count[sample.task_id] += 1
    missing = [task.task_id for task in tasks.values() if task.split == "test" and task.task_id not in count]
    if missing:
        raise UserError(f"{path}: no sample for {len(missing)} of the tasks, the first is {missing[0]}; add them")
    return list(found.values())


def _sample(row: Row, tasks: Mapping[str, Task], count: Counter[str]) -> Sample:
    task_id = str(row.get("task_id"))
    if task_id not in tasks:
        raise ValueError(f"unknown task_id {task_id!r}; the first known is {next(iter(tasks))!r}")
    index = row.get("index", count[task_id])
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise ValueError(f"index {index!r} is not a number from 0")
    given = [name for name in ("completion", "solution") if name in row]
    if len(given) != 1 or not isinstance(row[given[0]], str):
        raise ValueError("exactly one of `completion` and `solution` is needed, a string")
    prefix = tasks[task_id].prompt if given == ["completion"] else ""
    return Sample(task_id, index, prefix + row[given[0]])


def judge_samples(
    samples: Sequence[Sample],
    tasks: Mapping[str, Task],
    out: Path,
    *,
    workers: int = 0,
    allow_weak: bool = False,
    notify: Notify | None = None,
) -> list[Result]:
    """Judge what `out` does not hold yet and return all results in sample order. `workers` 0 means all cores.

    `notify(done, total)` is called after each verdict.
    """
    limits = Limits()
    trials = [_trial(sample, tasks[sample.task_id]) for sample in samples]
    stands = _open_results(out, _key(samples, trials, limits))
    waiting = [place for place, sample in enumerate(samples) if (sample.task_id, sample.index) not in stands]
    judgements = judge((trials[place] for place in waiting), limits, workers=workers, allow_weak=allow_weak)
    with out.open("a", encoding="utf-8") as file:
        for done, (place, judgement) in enumerate(zip(waiting, judgements, strict=True), len(stands) + 1):
            result = _result(samples[place], judgement)
            stands[result.task_id, result.index] = result
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            if notify:
                notify(done, len(samples))
    return [stands[sample.task_id, sample.index] for sample in samples]


def _trial(sample: Sample, task: Task) -> Trial:
    return Trial(source=sample.program, entry_point=task.entry_point, test=task.test, setup=task.setup)


def _result(sample: Sample, judgement: Judgement) -> Result:
    return Result(
        sample.task_id,
        sample.index,
        judgement.verdict,
        judgement.detail,
        round(judgement.cpu_s, 4),
        round(judgement.wall_s, 4),
        round(judgement.peak_mb, 1),
    )


def _key(samples: Sequence[Sample], trials: Iterable[Trial], limits: Limits) -> str:
    """Digest everything that decides the verdicts."""
    hasher = hashlib.sha256(f"{limits} {isolation_level()}".encode())
    for sample, trial in zip(samples, trials, strict=True):
        hasher.update(json.dumps([sample.task_id, sample.index, *astuple(trial)]).encode())
    return hasher.hexdigest()


def _open_results(out: Path, key: str) -> dict[tuple[str, int], Result]:
    """Return the results that stand, and leave `out` holding them alone: no torn line, no `infra`, no other samples."""
    meta = meta_path(out)
    if out.exists() and not meta.exists():
        raise UserError(f"{out} exists and is no results file of this tool; remove it or choose another --out")
    stands: dict[tuple[str, int], Result] = {}
    if out.exists() and json.loads(meta.read_text())["key"] == key:
        results = (Result(**row) for row in read_jsonl(out))
        stands = {(result.task_id, result.index): result for result in results if result.verdict != INFRA}
    else:
        out.unlink(missing_ok=True)
        write_json({"key": key, "sandbox_level": isolation_level()}, meta)
    write_text("".join(json.dumps(asdict(result)) + "\n" for result in stands.values()), out)
    return stands


def meta_path(out: Path) -> Path:
    """Return where the facts about a results file stand."""
    return out.with_name(out.name.removesuffix(".jsonl") + ".meta.json")


def counts(results: Iterable[Result]) -> list[tuple[int, int]]:
    """Return (samples, passed) of each task; `infra` counts for nothing, a task with nothing else is left out."""
    passed: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        if result.verdict != INFRA:
            passed[result.task_id].append(result.verdict == "pass")
    return [(len(values), sum(values)) for values in passed.values()]


def tally(results: Iterable[Result]) -> dict[str, int]:
    """Return how often each verdict was given, most frequent first."""
    return dict(Counter(result.verdict for result in results).most_common())


def estimates(results: Sequence[Result]) -> list[Estimate]:
    """Return pass@1, and pass@10 and pass@100 where every task has the samples for it."""
    tasks = counts(results)
    fewest = min((n for n, _ in tasks), default=1)
    return [estimate(tasks, k) for k in (1, 10, 100) if k <= fewest]


def summary_text(results: Sequence[Result]) -> str:
    """Return a few lines for a person: pass@k with intervals, the verdicts, the sandbox level."""
    found = estimates(results)
    lines = [f"{len(results)} samples of {found[0].tasks} tasks, sandbox: {isolation_level()}"]
    lines += [f"pass@{e.k} {e.value:.1%}, 95% interval {e.low:.1%} to {e.high:.1%}" for e in found]
    verdicts: dict[str, Any] = tally(results)
    lines.append(", ".join(f"{name} {number}" for name, number in verdicts.items()))
    if INFRA in verdicts:
        lines.append(f"{verdicts[INFRA]} samples could not be judged and are not counted; run again to judge them")
    return "\n".join(lines)
