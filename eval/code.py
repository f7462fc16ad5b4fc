"""Evaluation: a model in, scores out. The stage `eval.code`, and `evaluate` behind `curate eval`.

In: train stages (their `model/` folders), or any model that the LLM door opens. Out, in the stage's directory or DIR:

    scores.json                            one row a model and benchmark: what the table and the report read
    <model>/<benchmark>.samples.jsonl      raw, cut and whole text of every sample; `curate score` reads it too
    <model>/<benchmark>.results.jsonl      one verdict a sample
    calls/<model>-<stamp>.jsonl            the call log; a second run replays it and judges only what is missing

A row says under which protocol, with which data, prompts, sampling and sandbox its score was had, because a score
without them compares with nothing. Not covered: several models at once, and tasks without a known protocol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from curate import benchmarks
from curate.benchmarks import Task
from curate.errors import UserError
from curate.llm import ModelSpec, open_model
from curate.sandbox import isolation_level
from curate.shards import write_json
from curate.stage import Context, Job, Metrics, Progress
from curate.table import table_text
from eval.generation import Generated, Sampling, generate, write_samples
from eval.protocols import Protocol, choose, digest
from eval.scoring import Result, Sample, estimates, judge_samples, tally
from eval.subject import Subject, fitted, named, stamp, told_apart, trained


class EvalCode(Job):
    """Score models on benchmarks of code: generate, run in the sandbox, pass@1 with a 95% interval, bits per byte."""

    READS: ClassVar[str] = "a model"

    tasks: tuple[str, ...] = Field(default=("humaneval", "mbpp"), min_length=1)
    """The benchmarks."""
    protocols: dict[str, str] = Field(default={})
    """Benchmark -> protocol, where the benchmark's first one is not wanted."""
    samples: int = Field(default=1, ge=1)
    """Samples a task. More than one needs a temperature."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy decoding."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling."""
    max_tokens: int = Field(default=256, ge=1)
    """The most tokens a sample may have."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first N tasks of each benchmark; for a quick look, not for a score."""
    bits: bool = True
    """Measure the bits per byte of the reference solutions (models that run in process)."""
    workers: int = Field(default=0, ge=0)
    """Processes that run samples; 0 for all cores."""
    allow_weak_sandbox: bool = False
    """Run with resource limits alone where the machine offers no isolation."""

    def fingerprint(self) -> str:
        """Digest of the benchmarks' problems."""
        return " ".join(benchmarks.digest(name) for name in self.tasks)

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if a benchmark or protocol is not to be had, or if greedy samples would all be the same."""
        del models  # an evaluation takes its models from the stages above
        if len(set(self.tasks)) < len(self.tasks):
            raise UserError(f"tasks: {', '.join(self.tasks)} names one twice; drop it")
        for name in self.protocols:
            if name not in self.tasks:
                raise UserError(
                    f"a protocol is given for {name!r}, which is not among the tasks: {', '.join(self.tasks)}"
                )
        for name in self.tasks:
            choose(name, self.protocols)
            benchmarks.load(name)
        if self.samples > 1 and self.temperature == 0:
            raise UserError(f"samples: {self.samples} at temperature 0 are all alike; give a temperature, such as 0.2")

    def run(self, context: Context, progress: Progress) -> Metrics:
        """Score every input's model."""
        subjects = [trained(name, directory / "model") for name, directory in context.inputs.items()]
        rows = _score(self, subjects, context.directory, context.seed, progress)
        alone = len(subjects) == 1
        return {
            f"{'' if alone else row['label'] + '_'}{row['benchmark']}_{name}": float(row[name])
            for row in rows
            for name in ("pass_at_1", "bits_per_byte")
            if row[name] is not None
        }


def evaluate(
    model: str | ModelSpec,
    tasks: list[str],
    out: Path,
    *,
    protocol: str | None = None,
    samples: int = 1,
    limit: int | None = None,
    allow_weak: bool = False,
) -> str:
    """Score one model without a recipe, write the files named above into `out`, and return the table as text.

    More than one sample is drawn at temperature 0.2, as Chen et al. (2021) do for pass@1.
    Raises UserError for a model, benchmark or protocol that is not there.
    """
    chosen = {protocol.partition("@")[0]: protocol} if protocol else {}
    job = EvalCode(
        tasks=tuple(tasks),
        protocols=chosen,
        samples=samples,
        temperature=0.2 if samples > 1 else 0.0,
        limit=limit,
        allow_weak_sandbox=allow_weak,
    )
    job.check({})
    _score(job, [named(model)], out, 0, Progress())
    return table_text([out])


@dataclass(frozen=True)
class Exam:
    """What one benchmark asks under one protocol."""

    protocol: Protocol
    tasks: list[Task]
    prompts: dict[str, str]


def _score(job: EvalCode, subjects: list[Subject], out: Path, seed: int, progress: Progress) -> list[dict[str, Any]]:
    """Score each subject on each benchmark and write `scores.json`."""
    exams = [_exam(job, name) for name in job.tasks]
    rows = [row for subject in told_apart(subjects) for row in _score_subject(job, subject, exams, out, seed, progress)]
    write_json(rows, out / "scores.json")
    return rows


def _exam(job: EvalCode, benchmark: str) -> Exam:
    protocol = choose(benchmark, job.protocols)
    tasks = benchmarks.load(benchmark)
    scored = protocol.scored(tasks)[: job.limit]
    prompts = protocol.prompts(tasks)
    return Exam(protocol, scored, {task.task_id: prompts[task.task_id] for task in scored})


def _score_subject(
    job: EvalCode, subject: Subject, exams: list[Exam], out: Path, seed: int, progress: Progress
) -> list[dict[str, Any]]:
    """Generate, judge and measure one model; one row of `scores.json` for each exam."""
    asked = [fitted(subject, exam.prompts, job.max_tokens) for exam in exams]
    written = _write(job, subject, exams, asked, out, seed, progress)
    bits = _bits(subject, exams) if job.bits else [None for _ in exams]
    rows = []
    for exam, prompts, generated, measured in zip(exams, asked, written, bits, strict=True):
        name = f"{subject.label}/{exam.protocol.benchmark}.results.jsonl"
        results = judge_samples(
            [Sample(sample.task_id, sample.index, sample.solution) for sample in generated],
            {task.task_id: task for task in exam.tasks},
            out / name,
            workers=job.workers,
            allow_weak=job.allow_weak_sandbox,
            notify=_notifier(progress, f"{subject.label} {exam.protocol.name}: judging"),
        )
        rows.append(
            {
                **_model_facts(subject),
                **_protocol_facts(job, exam),
                **_score_facts(results, generated),
                "prompts_cut": sum(prompts[task_id] != prompt for task_id, prompt in exam.prompts.items()),
                "bits_per_byte": measured,
                "sandbox_level": isolation_level(),
                "results": name,
            }
        )
    return rows


def _write(
    job: EvalCode,
    subject: Subject,
    exams: list[Exam],
    asked: list[dict[str, str]],
    out: Path,
    seed: int,
    progress: Progress,
) -> list[list[Generated]]:
    """Let the model write its samples for each exam. `asked`: the exam's prompts as they fit into its context."""
    llm = open_model(subject.spec, out / "calls" / f"{subject.label}{stamp(subject)}.jsonl")
    sampling = Sampling(job.samples, job.temperature, job.top_p, job.max_tokens)
    written = []
    for exam, prompts in zip(exams, asked, strict=True):
        notify = _notifier(progress, f"{subject.label} {exam.protocol.name}: generating")
        generated = generate(llm, exam.protocol, exam.tasks, prompts, sampling, seed, notify)
        write_samples(generated, out / subject.label / f"{exam.protocol.benchmark}.samples.jsonl")
        written.append(generated)
    return written


def _notifier(progress: Progress, note: str) -> Callable[[int, int], None]:
    return lambda done, total: progress.update(done, total, note)


def _bits(subject: Subject, exams: list[Exam]) -> list[float | None]:
    """Return the bits per byte of each exam's reference solutions, None where the weights are not at hand."""
    if subject.folder is None:
        return [None for _ in exams]
    from eval import bits

    model, tokenizer = bits.load(subject.folder)
    return [
        bits.measure(model, tokenizer, [(exam.prompts[task.task_id], task.solution or "") for task in exam.tasks])
        for exam in exams
    ]


def _model_facts(subject: Subject) -> dict[str, Any]:
    return {
        "model": subject.name,
        "label": subject.label,
        "model_parameters": subject.facts.get("parameters"),
        **{name: subject.facts.get(name) for name in ("dataset_tokens", "unique_tokens", "tokens_seen")},
    }


def _protocol_facts(job: EvalCode, exam: Exam) -> dict[str, Any]:
    protocol = exam.protocol
    return {
        "benchmark": protocol.benchmark,
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "data_sha256": benchmarks.digest(protocol.benchmark),
        "prompts_sha256": digest(exam.prompts),
        "stop": list(protocol.stop),
        "samples": job.samples,
        "temperature": job.temperature,
        "top_p": job.top_p,
        "max_tokens": job.max_tokens,
        "limit": job.limit,
    }


def _score_facts(results: list[Result], generated: list[Generated]) -> dict[str, Any]:
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
        "cut_off": sum(sample.finish_reason == "length" for sample in generated),
    }
