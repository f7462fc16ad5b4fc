"""Evaluation: a model in, scores out. The stage `eval.code`, and `evaluate` behind `curate eval`.

In: train stages (their `model/` folders), or any model that the LLM door opens. Out, in the stage's directory or DIR:

    scores.json                            one row a model and protocol: what the table and the report read
    <model>/<protocol>.samples.jsonl       raw, cut and whole text of every sample; `curate score` reads it too
    <model>/<protocol>.results.jsonl       one verdict a sample
    <model>/<protocol>.speed.json          tokens written, and the seconds it took
    calls/<model>-<stamp>.jsonl            the call log; a second run replays it and judges only what is missing

A row says under which protocol, with which data, prompts, sampling and sandbox its score was had, because a score
without them compares with nothing. Not covered: several models at once, and tasks without a known protocol.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from curate import benchmarks
from curate.benchmarks import Task
from curate.errors import UserError
from curate.llm import ModelSpec, open_model
from curate.progress import Progress
from curate.sandbox import isolation_level
from curate.shards import write_json
from curate.stage import Context, Job, Metrics
from curate.table import table_text
from eval.generation import Generated, Questions, Sampling, Speed, generate, keep_speed, read_speed, write_samples
from eval.protocols import Protocol, choose, digest
from eval.scoring import Checks, Result, Sample, estimates, judge_samples, prepare, tally
from eval.subject import Subject, fitted, named, stamp, told_apart, trained

Say = Callable[[str], None]
"""Is told a line for a person, when it is true."""


class EvalCode(Job):
    """Score models on benchmarks of code: generate, run in the sandbox, pass@1 with a 95% interval, bits per byte."""

    READS: ClassVar[str] = "a model"

    tasks: tuple[str, ...] = Field(default=("humaneval", "mbpp"), min_length=1)
    """Benchmarks, each under its first protocol, or protocols by name, such as `humaneval+@evalplus-chat`."""
    samples: int = Field(default=1, ge=1)
    """Samples a task. More than one needs a temperature."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy decoding."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The most tokens a sample may have, where the protocol's own length is not wanted."""
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
        return " ".join(benchmarks.digest(choose(name).data) for name in self.tasks)

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if a benchmark or protocol is not to be had, or if greedy samples would all be the same."""
        del models  # an evaluation takes its models from the stages above
        protocols = [choose(name) for name in self.tasks]
        if len({protocol.name for protocol in protocols}) < len(protocols):
            raise UserError(f"tasks: {', '.join(self.tasks)} names one twice; drop it")
        for protocol in protocols:
            benchmarks.sample(protocol.data)
        if self.samples > 1 and self.temperature == 0:
            raise UserError(f"samples: {self.samples} at temperature 0 are all alike; give a temperature, such as 0.2")

    def run(self, context: Context, progress: Progress) -> Metrics:
        """Score every input's model."""
        subjects = [trained(name, directory / "model") for name, directory in context.inputs.items()]
        rows = _score(
            self, subjects, context.directory, context.seed, progress, lambda line: progress.update(0, 0, line)
        )
        alone = len(subjects) == 1
        asked = Counter((row["label"], row["benchmark"]) for row in rows)
        return {
            "_".join([*([] if alone else [row["label"]]), _short(row, asked), name]): float(row[name])
            for row in rows
            for name in ("pass_at_1", "bits_per_byte")
            if row[name] is not None
        }


def _short(row: Mapping[str, Any], asked: Mapping[tuple[str, str], int]) -> str:
    """Return a row's benchmark, or its protocol where the benchmark has several."""
    return str(row["benchmark"] if asked[row["label"], row["benchmark"]] == 1 else row["protocol"])


def evaluate(
    model: str | ModelSpec,
    tasks: list[str],
    out: Path,
    *,
    backend: str = "transformers",
    base_url: str | None = None,
    samples: int = 1,
    temperature: float | None = None,
    max_tokens: int | None = None,
    limit: int | None = None,
    bits: bool = True,
    allow_weak: bool = False,
    say: Say = lambda _: None,
) -> str:
    """Score one model without a recipe, write the files named above into `out`, and return the table as text.

    `tasks` are benchmarks or protocols. More than one sample is drawn at temperature 0.2 where none is given, as Chen
    et al. (2021) do for pass@1. `say` is told each ceiling before the model is loaded, each speed and each score.
    Raises UserError for a model, benchmark or protocol that is not there.
    """
    job = EvalCode(
        tasks=tuple(tasks),
        samples=samples,
        temperature=temperature if temperature is not None else 0.2 if samples > 1 else 0.0,
        max_tokens=max_tokens,
        limit=limit,
        bits=bits,
        allow_weak_sandbox=allow_weak,
    )
    job.check({})
    _score(job, [named(model, backend, base_url)], out, 0, Progress(), say)
    return table_text([out])


@dataclass(frozen=True)
class Exam:
    """One protocol with its tasks, whose tests have been checked against the reference solutions."""

    protocol: Protocol
    every: list[Task]
    """The whole benchmark, examples included."""
    tasks: list[Task]
    """Those that are scored."""
    tests: Checks


def _score(
    job: EvalCode, subjects: list[Subject], out: Path, seed: int, progress: Progress, say: Say
) -> list[dict[str, Any]]:
    """Score each subject under each protocol and write `scores.json`."""
    exams = [_exam(job, choose(name), progress, say) for name in job.tasks]
    rows = [row for each in told_apart(subjects) for row in _score_subject(job, each, exams, out, seed, progress, say)]
    write_json(rows, out / "scores.json")
    return rows


def _exam(job: EvalCode, protocol: Protocol, progress: Progress, say: Say) -> Exam:
    every = benchmarks.load(protocol.data)
    tasks = protocol.scored(every)[: job.limit]
    notify = _notifier(progress, f"{protocol.name}: self-check")
    tests = prepare(tasks, plus=protocol.plus, workers=job.workers, allow_weak=job.allow_weak_sandbox, notify=notify)
    say(f"{protocol.name}: {tests.self_check.text()}")
    return Exam(protocol, every, tasks, tests)


def _score_subject(
    job: EvalCode, subject: Subject, exams: list[Exam], out: Path, seed: int, progress: Progress, say: Say
) -> list[dict[str, Any]]:
    """Generate, judge and measure one model; one row of `scores.json` for each exam."""
    asked = [_questions(job, subject, exam) for exam in exams]
    written = _write(job, subject, asked, out, seed, progress, say)
    bits = _bits(subject, exams) if job.bits else [None for _ in exams]
    rows = []
    for exam, questions, generated, measured in zip(exams, asked, written, bits, strict=True):
        name = f"{subject.label}/{exam.protocol.name}.results.jsonl"
        results = judge_samples(
            [Sample(sample.task_id, sample.index, sample.solution) for sample in generated],
            exam.tests,
            out / name,
            workers=job.workers,
            allow_weak=job.allow_weak_sandbox,
            notify=_notifier(progress, f"{subject.label} {exam.protocol.name}: judging"),
        )
        row = {
            **_model_facts(subject),
            **_protocol_facts(job, exam, questions),
            **_score_facts(results, generated),
            "tokens_per_s": read_speed(_speed_path(out, subject, exam.protocol)).tokens_per_s,
            "ceiling": exam.tests.self_check.ceiling,
            "self_check": exam.tests.self_check.facts(),
            "bits_per_byte": measured,
            "sandbox_level": isolation_level(),
            "results": name,
        }
        say(f"{exam.protocol.name}: pass@1 {row['pass_at_1']:.1%} ({row['low']:.1%} to {row['high']:.1%})")
        rows.append(row)
    return rows


def _questions(job: EvalCode, subject: Subject, exam: Exam) -> Questions:
    """Return what a protocol asks this model: its prompts as they fit into the context."""
    begun = subject.spec.backend != "openai"
    prompts = exam.protocol.prompts(exam.every, begun=begun)
    scored = {task.task_id: prompts[task.task_id] for task in exam.tasks}
    return Questions(exam.protocol, exam.tasks, fitted(subject, scored, _length(job, exam.protocol)), begun)


def _length(job: EvalCode, protocol: Protocol) -> int:
    return job.max_tokens or protocol.max_tokens


def _write(
    job: EvalCode,
    subject: Subject,
    asked: list[Questions],
    out: Path,
    seed: int,
    progress: Progress,
    say: Say,
) -> list[list[Generated]]:
    """Let the model write its samples for each exam."""
    llm = open_model(subject.spec, out / "calls" / f"{subject.label}{stamp(subject)}.jsonl")
    written = []
    for questions in asked:
        protocol = questions.protocol
        notify = _notifier(progress, f"{subject.label} {protocol.name}: generating")
        sampling = Sampling(job.samples, job.temperature, job.top_p, _length(job, protocol))
        before = Speed(llm.answered_tokens, llm.answering_s)
        generated = generate(llm, questions, sampling, seed, notify)
        write_samples(generated, out / subject.label / f"{protocol.name}.samples.jsonl")
        written.append(generated)
        speed = keep_speed(_speed_path(out, subject, protocol), before, Speed(llm.answered_tokens, llm.answering_s))
        say(f"{protocol.name}: {len(generated)} samples{speed.text()}")
    return written


def _speed_path(out: Path, subject: Subject, protocol: Protocol) -> Path:
    return out / subject.label / f"{protocol.asks}.speed.json"


def _bits(subject: Subject, exams: list[Exam]) -> list[float | None]:
    """Return the bits per byte of each exam's reference solutions, each after its prompt.

    None where the weights are not at hand, and for chats: a solution does not follow on a question.
    """
    if subject.folder is None or all(exam.protocol.chat for exam in exams):
        return [None for _ in exams]
    from eval import bits

    model, tokenizer = bits.load(subject.folder)
    known: dict[tuple[tuple[str, str], ...], float] = {}
    found: list[float | None] = []
    for exam in exams:
        prompts = exam.protocol.prompts(exam.every)
        pairs = tuple((str(prompts[task.task_id]), task.solution or "") for task in exam.tasks)
        if not exam.protocol.chat and pairs not in known:
            known[pairs] = bits.measure(model, tokenizer, pairs)
        found.append(known.get(pairs))
    return found


def _notifier(progress: Progress, note: str) -> Callable[[int, int], None]:
    return lambda done, total: progress.update(done, total, note)


def _model_facts(subject: Subject) -> dict[str, Any]:
    return {
        "model": subject.name,
        "label": subject.label,
        "model_parameters": subject.facts.get("parameters"),
        **{name: subject.facts.get(name) for name in ("dataset_tokens", "unique_tokens", "tokens_seen")},
    }


def _protocol_facts(job: EvalCode, exam: Exam, questions: Questions) -> dict[str, Any]:
    protocol = exam.protocol
    whole = exam.protocol.prompts(exam.every, begun=questions.begun)
    return {
        "benchmark": protocol.benchmark,
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "data": protocol.data,
        "data_sha256": benchmarks.digest(protocol.data),
        "prompts_sha256": digest(questions.prompts),
        "prompts_cut": sum(whole[task_id] != prompt for task_id, prompt in questions.prompts.items()),
        "answer_begun": protocol.chat and questions.begun,
        "stop": list(protocol.stops(begun=questions.begun)),
        "extraction": protocol.extraction,
        "samples": job.samples,
        "temperature": job.temperature,
        "top_p": job.top_p,
        "max_tokens": _length(job, protocol),
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
