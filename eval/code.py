"""Evaluation: a model in, scores out. The stage `eval.code`, and `evaluate` behind `curate eval`.

In: train stages (their `model/` folders), or any model that the LLM door opens. Out, in the stage's directory or DIR:

    scores.json                            one row a model and protocol: what the table and the report read
    <model>/<protocol>.samples.jsonl       raw, cut and whole text of every sample; `curate score` reads it too
    <model>/<protocol>.results.jsonl       one verdict a sample
    <model>/<protocol>.bits.jsonl          what each reference solution costs the model, in bits, and its bytes
    <model>/<protocol>.speed.json          tokens written, and the seconds it took
    exercises.jsonl                        the held-out exercises as tasks, where there are any
    calls/<model>-<stamp>.jsonl            the call log; a second run replays it and judges only what is missing

A row says under which protocol, with which data, prompts, sampling and sandbox its score was had, because a score
without them compares with nothing. It also says how many prompts end where the model's tokens do
(eval/asking/boundary.py) and how the samples ended and failed (eval/judging/outcomes.py). Not covered: several models
at once.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import BENCHMARKS
from curate.errors import UserError
from curate.eval.again import facts
from curate.eval.asking.generation import Generated, Sampling, Speed, generate, keep_speed, read_speed, write_samples
from curate.eval.asking.own import choose
from curate.eval.asking.protocols import Protocol, digest
from curate.eval.exam import Exam, Put, Say, pairs, put, set_exam
from curate.eval.held_out import write_tasks
from curate.eval.judging import outcomes
from curate.eval.judging.scoring import Sample, judge_samples
from curate.eval.subject import Subject, named, stamp, told_apart, trained
from curate.files.shards import write_json, write_text
from curate.llm import ModelSpec, check_model, open_model
from curate.progress import Progress
from curate.sandbox.programs import isolation_level
from curate.stage import Context, Job, Metrics, StageRef
from curate.table.leaderboard import table_text

if TYPE_CHECKING:
    from curate.eval.judging.bits import Cost


class EvalCode(Job):
    """Score models on benchmarks of code: generate, run in the sandbox, pass@1 with a 95% interval, bits per byte."""

    VERSION: ClassVar[int] = 3
    READS: ClassVar[str] = "a model"

    tasks: tuple[str, ...] = ("humaneval", "mbpp")
    """Benchmarks, each under its first protocol; protocols by name, such as `humaneval+@evalplus-chat`; files of your
    own tasks, alone or as `tasks.jsonl@completion` or `tasks.jsonl@doc`."""
    held_out: StageRef | None = None
    """A stage `select.holdout`: its exercises are asked too, as `exercises@completion` and `exercises@doc`."""
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
        if not self.tasks and self.held_out is None:
            raise UserError("tasks: nothing is asked; name benchmarks, such as humaneval, or a stage under held_out")
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
        held_out = context.references[self.held_out] if self.held_out is not None else None
        exercises = write_tasks(held_out, context.directory / "exercises.jsonl") if held_out is not None else []
        names = [*self.tasks, *exercises]
        rows = _score(
            self, subjects, names, context.directory, context.seed, progress, lambda line: progress.update(0, 0, line)
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
    progress: Progress = Progress(),  # noqa: B008 - it holds nothing
) -> str:
    """Score one model without a recipe, write the files named above into `out`, and return the table as text.

    `tasks` are benchmarks or protocols. More than one sample is drawn at temperature 0.2 where none is given, as Chen
    et al. (2021) do for pass@1. `say` is told each ceiling before the model is loaded, each speed and each score;
    `progress` how far it is.
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
    subject = named(model, backend, base_url)
    if isinstance(model, str) and not _log(subject, out).exists():  # answers that are logged need no model
        check_model(subject.spec)
    _score(job, [subject], job.tasks, out, 0, progress, say)
    return table_text([out])


def _log(subject: Subject, out: Path) -> Path:
    return out / "calls" / f"{subject.label}{stamp(subject)}.jsonl"


def _score(
    job: EvalCode, subjects: list[Subject], names: Sequence[str], out: Path, seed: int, progress: Progress, say: Say
) -> list[dict[str, Any]]:
    """Score each subject under each protocol and write `scores.json`."""
    exams = [_exam(job, name, progress, say) for name in names]
    rows = [row for each in told_apart(subjects) for row in _score_subject(job, each, exams, out, seed, progress, say)]
    write_json(rows, out / "scores.json")
    return rows


def _exam(job: EvalCode, name: str, progress: Progress, say: Say) -> Exam:
    notify = _notifier(progress, f"{name}: self-check")
    return set_exam(
        name, limit=job.limit, workers=job.workers, allow_weak=job.allow_weak_sandbox, notify=notify, say=say
    )


def _score_subject(
    job: EvalCode, subject: Subject, exams: list[Exam], out: Path, seed: int, progress: Progress, say: Say
) -> list[dict[str, Any]]:
    """Generate, judge and measure one model; one row of `scores.json` for each exam."""
    taken = {exam.protocol.name for exam in exams}
    asked = [put(exam, subject, job.max_tokens, taken) for exam in exams]
    for each in asked:
        say(f"{each.protocol.name}: {each.boundary.text()}")
    written = _write(job, subject, asked, out, seed, progress, say)
    costs = _bits(subject, asked) if job.bits else [None for _ in asked]
    rows = []
    for each, generated, cost in zip(asked, written, costs, strict=True):
        name = f"{subject.label}/{each.protocol.name}.results.jsonl"
        results = judge_samples(
            [Sample(sample.task_id, sample.index, sample.solution) for sample in generated],
            each.exam.tests,
            out / name,
            workers=job.workers,
            allow_weak=job.allow_weak_sandbox,
            notify=_notifier(progress, f"{subject.label} {each.protocol.name}: judging"),
        )
        row = {
            **_model_facts(subject),
            **_protocol_facts(job, each),
            **facts(results, generated),
            "tokens_per_s": read_speed(_speed_path(out, subject, each.protocol)).tokens_per_s,
            "ceiling": each.exam.tests.self_check.ceiling,
            "self_check": each.exam.tests.self_check.facts(),
            **_bits_facts(cost, each, subject, out),
            "sandbox_level": isolation_level(),
            "results": name,
        }
        say(f"{each.protocol.name}: {outcomes.text(row['outcomes'])}")
        say(f"{each.protocol.name}: pass@1 {row['pass_at_1']:.1%} ({row['low']:.1%} to {row['high']:.1%})")
        rows.append(row)
    return rows


def _write(
    job: EvalCode, subject: Subject, asked: list[Put], out: Path, seed: int, progress: Progress, say: Say
) -> list[list[Generated]]:
    """Let the model write its samples for each exam."""
    llm = open_model(subject.spec, _log(subject, out))
    written = []
    for each in asked:
        protocol = each.protocol
        notify = _notifier(progress, f"{subject.label} {protocol.name}: generating")
        sampling = Sampling(job.samples, job.temperature, job.top_p, job.max_tokens or protocol.max_tokens)
        before = Speed(llm.answered_tokens, llm.answering_s)
        generated = generate(llm, each.questions, sampling, seed, notify)
        write_samples(generated, out / subject.label / f"{protocol.name}.samples.jsonl")
        written.append(generated)
        speed = keep_speed(_speed_path(out, subject, protocol), before, Speed(llm.answered_tokens, llm.answering_s))
        say(f"{protocol.name}: {len(generated)} samples{speed.text()}")
    return written


def _speed_path(out: Path, subject: Subject, protocol: Protocol) -> Path:
    return out / subject.label / f"{protocol.asks}.speed.json"


def _bits(subject: Subject, asked: list[Put]) -> "list[list[Cost] | None]":
    """Return what each exam's reference solutions cost, each after its prompt.

    None where the weights are not at hand, for tasks without a solution, and for chats: a solution does not follow on
    a question.
    """
    wanted = [pairs(each) for each in asked]
    if subject.folder is None or not any(wanted):
        return [None for _ in asked]
    from curate.eval.judging import bits

    model, tokenizer = bits.load(subject.folder)
    known = {each: bits.measure(model, tokenizer, each) for each in dict.fromkeys(wanted) if each}
    return [known.get(each) if each else None for each in wanted]


def _bits_facts(costs: "list[Cost] | None", put: Put, subject: Subject, out: Path) -> dict[str, Any]:
    """Write down what each task's solution costs; return the bits per byte of all and where they stand."""
    if costs is None:
        return {"bits_per_byte": None}
    from curate.eval.judging.bits import per_byte

    name = f"{subject.label}/{put.protocol.name}.bits.jsonl"
    rows = [
        {"task_id": task.task_id, "bits": round(cost.bits, 4), "bytes": cost.bytes}
        for task, cost in zip(put.exam.tasks, costs, strict=True)
    ]
    write_text("".join(json.dumps(row) + "\n" for row in rows), out / name)
    return {"bits_per_byte": per_byte(costs), "bits": name}


def _notifier(progress: Progress, note: str) -> Callable[[int, int], None]:
    return lambda done, total: progress.update(done, total, note)


def _model_facts(subject: Subject) -> dict[str, Any]:
    return {
        "model": subject.name,
        "label": subject.label,
        "model_parameters": subject.facts.get("parameters"),
        **{name: subject.facts.get(name) for name in ("dataset_tokens", "unique_tokens", "tokens_seen")},
    }


def _protocol_facts(job: EvalCode, put: Put) -> dict[str, Any]:
    protocol, begun = put.protocol, put.questions.begun
    own = protocol.benchmark not in BENCHMARKS
    return {
        # Forms of your own tasks are as different as benchmarks, and none of them is the one that others report.
        "benchmark": protocol.name.removesuffix("-stripped") if own else protocol.benchmark,
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "data": Path(protocol.data).name if own else protocol.data,
        "data_sha256": benchmarks.digest(protocol.data),
        "prompts_sha256": digest(put.questions.prompts),
        "prompts_cut": put.cut,
        "boundary": put.boundary.facts(),
        "answer_begun": protocol.chat and begun,
        "stop": list(protocol.stops(begun=begun)),
        "extraction": protocol.extraction,
        "samples": job.samples,
        "temperature": job.temperature,
        "top_p": job.top_p,
        "max_tokens": job.max_tokens or protocol.max_tokens,
        "limit": job.limit,
    }
