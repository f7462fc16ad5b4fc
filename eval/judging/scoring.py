"""Scoring: run samples against their tasks' tests, one verdict each, and sum them up.

In: SAMPLES.jsonl rows `{"task_id", "completion"}` (continues the prompt) or `{"task_id", "solution"}` (whole program),
`index` optional, and the tasks. Out: RESULTS.jsonl rows `{"task_id", "index", "verdict", "detail", "cpu_s", "wall_s",
"peak_mb"}`, one line as soon as a verdict is there, and beside it `RESULTS.meta.json`, which says what was judged, and
`RESULTS.scores.json`, which `curate table` reads.

Before any sample the reference solutions are judged: their score is the ceiling, their time sets the limits. Where plus
inputs count, a sample runs on the base inputs first, and what it did there stands as `base_verdict` in its row.

Killed at any moment and started again, rows that stand are kept and only missing ones are judged; `infra` rows (the
harness failed) are judged again. Other samples, tests or limits begin a new file. Not covered: generation
(eval/asking/generation.py) and the isolation of the code that runs (curate/sandbox/programs.py).
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.benchmarks.catalogue import Row, Task, digest, load, read_rows
from curate.errors import UserError
from curate.eval.asking.generation import Notify
from curate.eval.judging.oracle import with_tests
from curate.eval.judging.passk import Estimate, estimate
from curate.eval.judging.reference import CPU_S, FACTOR, SelfCheck, check
from curate.files.shards import read_jsonl, write_json, write_text
from curate.progress import Progress
from curate.sandbox.programs import Judgement, Trial, isolation_level, judge
from curate.table.rows import scores_path

INFRA = "infra"
GIVEN = "given"
"""The protocol of samples that something else wrote: nobody here knows how they were asked for."""


@dataclass(frozen=True)
class Sample:
    """One whole program, offered as the solution of a task."""

    task_id: str
    index: int
    program: str


@dataclass(frozen=True)
class Result:
    """What became of one sample. The verdicts are those of curate/sandbox/programs.py."""

    task_id: str
    index: int
    verdict: str
    detail: str
    cpu_s: float
    wall_s: float
    peak_mb: float
    base_verdict: str | None = None
    """The verdict on the base inputs alone, where plus inputs count too."""


@dataclass(frozen=True)
class Checks:
    """What decides the verdicts of a score."""

    tasks: Mapping[str, Task]
    base: Mapping[str, Task] = field(default_factory=dict)
    """The same tasks with their base inputs alone, where plus inputs count too."""
    self_check: SelfCheck = field(default_factory=SelfCheck)


def prepare(
    tasks: Sequence[Task], *, plus: bool, workers: int = 0, allow_weak: bool = False, notify: Notify | None = None
) -> Checks:
    """Give every task its tests and check them against the reference solutions. Tasks without inputs have theirs."""
    base = with_tests(tasks, plus=False, allow_weak=allow_weak)
    full = with_tests(tasks, plus=True, allow_weak=allow_weak) if plus else base
    found = check(full, workers=workers, allow_weak=allow_weak, notify=notify)
    by_id = {task.task_id: task for task in base if task.inputs} if plus else {}
    return Checks({task.task_id: task for task in full}, by_id, found)


def score(
    samples: Path,
    tasks: str,
    out: Path,
    *,
    name: str | None = None,
    parameters: float | None = None,
    dataset_tokens: float | None = None,
    workers: int = 0,
    allow_weak: bool = False,
    say: Callable[[str], None],
    progress: Progress = Progress(),  # noqa: B008 - it holds nothing
) -> str:
    """Judge a file of samples for a benchmark or a TASKS.jsonl, and return the summary as text.

    Every task of the test split needs a sample. `say` is told the ceiling before any sample is judged. `name` (default:
    the samples file's), `parameters` and `dataset_tokens` say in the table whose samples they are. Raises UserError
    for malformed rows, unknown tasks, duplicate or missing samples (with the line), and an `out` that is not a results
    file.
    """
    by_id = {task.task_id: task for task in load(tasks)}
    offered = read_samples(samples, by_id)
    asked = {sample.task_id for sample in offered}
    used = [task for task_id, task in by_id.items() if task_id in asked]
    tests = prepare(used, plus=True, workers=workers, allow_weak=allow_weak, notify=notes(progress, "self-check"))
    say(tests.self_check.text())
    notify = notes(progress, "samples judged")
    results = judge_samples(offered, tests, out, workers=workers, allow_weak=allow_weak, notify=notify)
    row = {
        "model": name or samples.name.removesuffix(".gz").removesuffix(".jsonl"),
        "model_parameters": parameters,
        "dataset_tokens": dataset_tokens,
        "benchmark": used[0].benchmark,
        "protocol": f"{used[0].benchmark}@{GIVEN}",
        "data_sha256": digest(tasks),
        **score_facts(results),
    }
    return write_scores(row, tests, results, out)


def write_scores(row: Mapping[str, Any], tests: Checks, results: Sequence[Result], out: Path) -> str:
    """Write a row of scores, with what it was judged by, beside the results in `out`; return the summary as text."""
    judged_by = {"ceiling": tests.self_check.ceiling, "sandbox_level": isolation_level(), "results": out.name}
    write_json([{**row, **judged_by}], scores_path(out))
    return summary_text(results)


def notes(progress: Progress, note: str) -> Notify:
    """Return what tells how far something is, under a note."""
    return lambda done, total: progress.update(done, total, note)


def score_facts(results: Sequence[Result]) -> dict[str, Any]:
    """Return the figures of a row of scores: pass@1 with its interval, pass@k, verdicts."""
    found = estimates(results)
    first = found[0]
    return {
        "n_tasks": first.tasks,
        "pass_at_1": first.value,
        "standard_error": first.standard_error,
        "low": first.low,
        "high": first.high,
        "pass_at_k": {str(each.k): each.value for each in found},
        "verdicts": tally(results),
    }


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
    tests: Checks,
    out: Path,
    *,
    workers: int = 0,
    allow_weak: bool = False,
    notify: Notify | None = None,
) -> list[Result]:
    """Judge what `out` does not hold yet and return all results in sample order. `workers` 0 means all cores.

    `notify(done, total)` is called after each verdict.
    """
    stands = _open_results(out, _key(samples, tests), tests.self_check)
    waiting = [sample for sample in samples if (sample.task_id, sample.index) not in stands]
    results = _judge(waiting, tests, workers, allow_weak)
    with out.open("a", encoding="utf-8") as file:
        for done, result in enumerate(results, len(stands) + 1):
            stands[result.task_id, result.index] = result
            file.write(_line(result))
            file.flush()
            if notify:
                notify(done, len(samples))
    return [stands[sample.task_id, sample.index] for sample in samples]


def _judge(samples: Sequence[Sample], tests: Checks, workers: int, allow_weak: bool) -> Iterator[Result]:
    """Judge each sample; where plus inputs count, on the base inputs first, and only what passes on all."""

    def judged(chosen: Sequence[Sample], tasks: Mapping[str, Task]) -> Iterator[Judgement]:
        trials = (_trial(sample, tasks[sample.task_id], tests.self_check) for sample in chosen)
        return judge(trials, workers=workers, allow_weak=allow_weak)

    two_steps = [sample for sample in samples if sample.task_id in tests.base]
    first = {(s.task_id, s.index): j for s, j in zip(two_steps, judged(two_steps, tests.base), strict=True)}
    failed = {key for key, judgement in first.items() if judgement.verdict != "pass"}
    final = judged([sample for sample in samples if (sample.task_id, sample.index) not in failed], tests.tasks)
    for sample in samples:
        key = (sample.task_id, sample.index)
        judgement = first[key] if key in failed else next(final)
        yield _result(sample, judgement, first[key].verdict if key in first else None)
    next(final, None)  # lets the sandbox end in order


def _trial(sample: Sample, task: Task, found: SelfCheck) -> Trial:
    return Trial(
        source=sample.program,
        entry_point=task.entry_point,
        test=task.test,
        setup=task.setup,
        limits=found.limits(task.task_id),
    )


def _result(sample: Sample, judgement: Judgement, base_verdict: str | None) -> Result:
    return Result(
        sample.task_id,
        sample.index,
        judgement.verdict,
        judgement.detail,
        round(judgement.cpu_s, 4),
        round(judgement.wall_s, 4),
        round(judgement.peak_mb, 1),
        base_verdict,
    )


def _line(result: Result) -> str:
    return json.dumps({name: value for name, value in asdict(result).items() if value is not None}) + "\n"


def _key(samples: Sequence[Sample], tests: Checks) -> str:
    """Digest everything that decides the verdicts. Of the limits only their rule: they follow measured times."""
    hasher = hashlib.sha256(f"{CPU_S} {FACTOR} {isolation_level()}".encode())
    for task in tests.tasks.values():
        hasher.update(json.dumps([task.task_id, task.entry_point, task.test, task.setup]).encode())
    for sample in samples:
        hasher.update(json.dumps(astuple(sample)).encode())
    return hasher.hexdigest()


def _open_results(out: Path, key: str, found: SelfCheck) -> dict[tuple[str, int], Result]:
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
        write_json({"key": key, "sandbox_level": isolation_level(), "self_check": found.facts()}, meta)
    write_text("".join(map(_line, stands.values())), out)
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
    if results and not tasks:
        raise UserError(f"none of the {len(results)} samples could be judged, the first is {_unjudged(results)}")
    fewest = min((n for n, _ in tasks), default=1)
    return [estimate(tasks, k) for k in (1, 10, 100) if k <= fewest]


def summary_text(results: Sequence[Result]) -> str:
    """Return a few lines for a person: pass@k with intervals, the verdicts, the sandbox level."""
    found = estimates(results)
    lines = [f"{len(results)} samples of {found[0].tasks} tasks, sandbox: {isolation_level()}"]
    lines += [f"pass@{e.k} {e.value:.1%}, 95% interval {e.low:.1%} to {e.high:.1%}" for e in found]
    verdicts: dict[str, Any] = tally(results)
    lines.append(", ".join(f"{name} {number}" for name, number in verdicts.items()))
    on_base = [replace(each, verdict=each.base_verdict) for each in results if each.base_verdict is not None]
    if on_base:
        lines.append(f"on the base inputs alone: pass@1 {estimates(on_base)[0].value:.1%}")
    if INFRA in verdicts:
        lines.append(
            f"{verdicts[INFRA]} samples could not be judged and are not counted, the first is {_unjudged(results)}; "
            "run again to judge them"
        )
    return "\n".join(lines)


def _unjudged(results: Iterable[Result]) -> str:
    first = next(result for result in results if result.verdict == INFRA)
    return f"sample {first.index} of {first.task_id} ({first.detail})"
