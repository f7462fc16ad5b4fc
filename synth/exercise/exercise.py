"""`synth.exercise`: functions with a docstring, tests and a solution, each believed only after running.

In: seeds. For each, one attempt: the teacher writes a signature and a docstring; two solutions of it run in the
sandbox; what they agree on is held against what the docstring states and against what stands already; more solutions
are asked for only where they can decide. Or the code comes first, and is described (`first_comes: code`). Examples and
asserts are printed from execution, never taken from the teacher.
Out: one row an attempt, kept or rejected with a reason; the course of an attempt is in synth/exercise/attempt.py.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from curate.llm import ModelSpec
from curate.sandbox.programs import Limits
from curate.stage import Columns, Context, Made, Metrics
from curate.synth.exercise.attempt import COLUMNS, Course
from curate.synth.exercise.avoid import Avoid, digests
from curate.synth.exercise.coded import CODE_STOPS, CodeFirst
from curate.synth.exercise.trial import Settings
from curate.synth.exercise.unverified import formatted
from curate.synth.item.form import tidy
from curate.synth.item.item import Item, read_item
from curate.synth.item.item import row as item_row
from curate.synth.item.proof import HASH_SEED, LIMITS, proof_of, proves
from curate.synth.teacher.asking import FENCE, Asking, Voice, made_columns, sort_out, source_of
from curate.synth.teacher.effects import Attempt, Batch, Row, Run
from curate.synth.teacher.faults import guarded

STUB_STOPS = ('"""\n', "\n# ", "\n```\n")
DULL = tuple(f"\n{value}" for value in ("[]", "{}", "()", "''", "0", "0.0", "False", "set()"))
CHAT_STOPS = (
    '."""\n',
    "\n```",
    "\n    pass",
    "\n    ...",
    *(f'"""\n    {word}' for word in ("return", "#", "if ", "for ", "result")),
)


class Solving(Asking):
    """What exercises and their second wave share: how solutions are asked for, and what is believed."""

    solutions: int = Field(default=4, ge=2)
    """Solutions asked for each exercise, at most."""
    first: int = Field(default=2, ge=2)
    """Solutions asked for at first; the others only where these leave something to decide."""
    agreement: float = Field(default=0.75, gt=0, le=1)
    """Share of the solutions that must agree on every input; where all agree, and three at least, the tier is `gold`,
    else `silver`."""
    inputs: int = Field(default=20, ge=6)
    """Inputs that the solutions run on, beside those that are the same for all functions of the same types."""
    per_name: int = Field(default=2, ge=1)
    """Exercises whose names consist of the same words, at most."""
    avoid: list[str] = Field(default=[])
    """Benchmarks, or JSONL files of tasks, to keep away from: a stub that is near one of their tasks is refused."""
    truth: bool = False
    """Ask the teacher whether description, code and examples agree; its probability of Yes is the column `truth`."""
    min_truth: float = Field(default=0.0, ge=0, le=1)
    """Reject what the teacher gives less; needs `truth`."""
    round_trip: bool = False
    """Let the teacher describe the code anew and solve that description once; whether the results are the same is the
    column `round_trip` (Zhao et al. 2026, BatCoder)."""
    first_comes: Literal["description", "code"] = "description"
    """What the teacher writes first. `code`: a function, then the description of it, then solutions of that; see
    synth/exercise/coded.py."""
    described_by: Literal["rule", "teacher", "either"] = "rule"
    """Who says what code does, where that comes first. `rule`: synth/words, what follows from the syntax tree and from
    runs; a function that it has no words for is rejected, and no solution is asked for. `either`: the teacher where
    no rule has words."""
    descriptions: int = Field(default=2, ge=1)
    """Where the code comes first: descriptions of it that are tried, at most. A first one gave 3.2 exercises for 1,000
    tokens, a second 1.2, a third 0.8: less than another function."""
    verify: bool = True
    """`false`: believe what the teacher wrote, its first solution or its code with the words of a rule, and run
    nothing; to learn what verification is worth (synth/exercise/unverified.py)."""
    distinct: bool = True
    """`false`: let exercises have one name, do the same and be written alike; to learn what distinctness is worth."""
    stub_temperature: float = Field(default=0.9, ge=0)
    temperature: float = Field(default=0.6, ge=0)
    """Of the solutions: low enough to be right, high enough to differ where the teacher is unsure."""
    stub_tokens: int = Field(default=160, ge=16)
    max_tokens: int = Field(default=200, ge=16)
    """Of one solution."""
    cpu_s: float = Field(default=1.0, gt=0)
    """CPU seconds of one solution over all its inputs."""

    @model_validator(mode="after")
    def _nothing_to_check(self) -> Self:
        if not self.verify and (self.truth or self.round_trip):
            raise ValueError("verify: false checks nothing; leave out truth and round_trip")
        return self

    def fingerprint(self) -> str:
        """Return the digests of the benchmarks."""
        return digests(tuple(self.avoid))

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if the teacher or a benchmark cannot be had."""
        super().check(models)
        digests(tuple(self.avoid))

    def adds(self) -> Columns:
        """List where an exercise comes from, and what proves it."""
        return made_columns(COLUMNS)

    def settings(self) -> Settings:
        """Return what an attempt needs to know."""
        names = set(Settings.__dataclass_fields__) & set(type(self).model_fields)
        given = {name: getattr(self, name) for name in names} | {"avoid": Avoid(tuple(self.avoid)).ready()}
        return Settings(**given)

    def limits(self) -> Limits:
        """Return what a solution may use."""
        return Limits(cpu_s=self.cpu_s, memory_mb=512)

    def finish(self, rows: list[dict[str, Any]], metrics: Metrics) -> Made:
        """Sort the rows of a shard."""
        return sort_out(rows, COLUMNS, {**metrics, **histogram(rows)})

    def begin(
        self,
        template: str,
        values: Mapping[str, Any],
        known: dict[str, Any],
        copied: str,
        voice: Voice,
        settings: Settings,
    ) -> Attempt:
        """Begin an attempt with what a template asks for; it is the description or the code, whichever comes first.

        `known` are the columns of its row that are known; functions in `copied` are no answer.
        """
        chat, coded = voice.style == "chat", self.first_comes == "code"
        begun = f"{FENCE}def" if chat else "def"
        asked = partial(
            voice.request, f"{known['id']}/stub", template, values, begun=begun,
            stop=CODE_STOPS if coded else CHAT_STOPS if chat else STUB_STOPS,
            max_tokens=self.max_tokens if coded else self.stub_tokens,
            temperature=self.stub_temperature, top_p=self.top_p,
        )  # fmt: skip
        course = CodeFirst if coded else Course
        attempt = course(known, asked, begun, copied, settings, voice, self.top_p).run()
        return guarded(known, formed(attempt, verify=self.verify))


class Exercise(Solving):
    """Let the teacher write exercises and keep those whose solutions agree when they run."""

    VERSION: ClassVar[int] = 15
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "concept", "signature", "second", "topic", "setting", "level", "result", "technique",
        "wording",
    )  # fmt: skip

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin an attempt a seed."""
        template = "code" if self.first_comes == "code" else "stub"
        copied = source_of(template, voice.style) + source_of("solution", voice.style)
        settings = self.settings()
        made = []
        for seed in seeds:
            known = {"id": f"{seed['id']}/{context.name}", "source": context.name, "seed_id": seed["id"]}
            made.append(self.begin(template, seed, known | {"topic": seed["topic"]}, copied, voice, settings))
        return made


def formed(attempt: Attempt, *, verify: bool = True) -> Attempt:
    """Let an attempt go its way; give its exercise the form of synth/item/form.py, or reject it for what that says, or
    where what it shows rests on the order of a set. One that is not verified is formatted, and no more."""
    row: Row = yield from attempt
    if row["reason"] is not None:
        return row
    if not verify:
        row = yield Batch(formatted, row)
        return row
    made: Item | str = yield Batch(tidy, read_item(row))
    if isinstance(made, str) or not telling(made):
        return row | {"reason": made if isinstance(made, str) else "no telling example"}
    same = {name: row[name] for name in ("id", "source", "seed_id", "topic", "agreement", "distinct", "tier")}
    row = row | item_row(made, **same)
    [[outcome]] = yield Run((proof_of(made),), LIMITS, HASH_SEED)
    return row if proves(made, outcome) else row | {"reason": "other values under another hash seed"}


def telling(item: Item) -> bool:
    """Tell whether an example gives something other than nothing, for which many functions could stand."""
    return any(not example.endswith(DULL) for example in item.doctests())


def histogram(rows: list[dict[str, Any]]) -> Metrics:
    """Count attempts by how many of the solutions asked for agreed: `agree_3_of_4`; and the kept ones by tier."""
    counts = Counter(f"agree_{row['agree']}" for row in rows if row.get("agree"))
    counts.update(str(row["tier"]) for row in rows if row["reason"] is None)
    return {name: float(count) for name, count in sorted(counts.items())}
