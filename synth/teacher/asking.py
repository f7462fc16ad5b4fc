"""Asking the teacher: which seeds, in which words, and what the calls came to.

In: seeds and a template under prompts/. Out: requests, and rows sorted into documents and rejected. A template comes
in two styles: `chat`, an instruction for a chat model, and `completion`, the beginning of a file of worked examples
that any model continues. Where the model runs here, its answer to a chat is begun for it, so that it writes no more
than is wanted; endpoints do not take up such a beginning, and write the whole.
"""

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import REQUIRED, count_rows, read_shard
from curate.llm import Completion, Message, ModelSpec, Request, check_model, open_model
from curate.llm.chat import chats
from curate.sandbox.programs import Limits
from curate.stage import Columns, Context, Made, Metrics, ModelRef, Need, StreamMaker, derive_seed
from curate.synth.teacher.effects import Attempt
from curate.synth.teacher.faults import count_faults
from curate.synth.teacher.stream import by_shard

Style = Literal["chat", "completion"]
PROMPTS = Path(__file__).parents[1] / "prompts"
TEMPLATES = Environment(loader=FileSystemLoader(PROMPTS), undefined=StrictUndefined, trim_blocks=True)  # no HTML
FENCE = "```python\n"
MANY = 1000
"""Attempts from which on processes beside this one pay; they take two seconds to start."""
LANES_PER_CORE = 3 / 8
"""Of an attempt's CPU time a lane takes 13 ms, programs 9.5; five of eight cores are left to both beside engines."""
FROM = "let it read synth.seeds, or for synth.evolve exercises"


@dataclass(frozen=True)
class Voice:
    """How a teacher is spoken to."""

    style: Style
    continues: bool
    """Whether it takes up an answer that was begun for it."""
    seed: int
    """The run's."""

    def request(
        self, request_id: str, template: str, values: Mapping[str, Any], *, begun: str = "", **options: Any
    ) -> Request:
        """Render a template into a Request, whose sampling seed follows from the run's seed and its id.

        `begun` is the beginning of the answer, for a chat with a model that goes on from there.
        """
        text = TEMPLATES.get_template(f"{template}.{self.style}.jinja").render(values)
        seed = derive_seed(self.seed, request_id)
        if self.style == "completion":
            return Request(request_id, prompt=text, seed=seed, **options)
        turns = [Message("user", text.strip())]
        if begun and self.continues:
            turns.append(Message("assistant", begun))
        return Request(request_id, messages=tuple(turns), seed=seed, **options)

    def whole(self, reply: Completion, begun: str) -> str:
        """Return an answer with what was begun for it."""
        return f"{begun}{reply.text}" if self.style == "completion" or self.continues else reply.text


class Asking(StreamMaker):
    """What textbooks and exercises share: a teacher, how to ask it, and how much."""

    model: ModelRef
    """The teacher, one of the recipe's `models:`."""
    count: int | None = Field(default=None, ge=1)
    """Attempts, at most one a seed; default: every seed."""
    style: Style | None = None
    """`chat` or `completion`; default: chat for a model that has a chat template."""
    top_p: float = Field(default=0.95, gt=0, le=1)

    NEEDED: ClassVar[tuple[str, ...]]
    """Columns of the input that attempts are made from."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if the teacher cannot be had."""
        if self.model in models:
            check_model(models[self.model])

    def needs(self) -> list[Need]:
        """List the columns of which the teacher is told."""
        return [Need((name,), "from", advice=FROM) for name in self.NEEDED]

    def make_all(self, shards: Iterator[tuple[str, pa.Table]], context: Context) -> Iterator[tuple[str, Made]]:
        """Drive the attempts of all shards in one stream."""
        spec = context.models[self.model]
        model = open_model(spec, context.calls, context.progress, context.budgets)
        style: Style = self.style or ("chat" if chats(spec) else "completion")
        voice = Voice(style, spec.backend != "openai", context.seed)
        begin = Beginning(self, voice, context, self._drawn(context))
        expected = self.count or sum(map(count_rows, context.shards()))
        lanes = max(1, int(len(os.sched_getaffinity(0)) * LANES_PER_CORE)) if expected >= MANY else 0
        stream = by_shard(shards, begin, model, self.limits(), context, total=self.count or 0, lanes=lanes)
        for name, rows, metrics in stream:
            yield name, self.finish(rows, metrics)

    @abstractmethod
    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Return the attempts on the rows of a shard that are to be tried."""

    @abstractmethod
    def limits(self) -> Limits:
        """Return what a program may use."""

    @abstractmethod
    def finish(self, rows: list[dict[str, Any]], metrics: Metrics) -> Made:
        """Return what is made of a shard from the rows of its attempts."""

    def _drawn(self, context: Context) -> frozenset[str] | None:
        """Return the ids of the `count` rows that are to be tried, drawn over all shards by hash; None: all."""
        if self.count is None:
            return None
        everywhere = [name for path in context.shards() for name in read_shard(path, ["id"])["id"].to_pylist()]
        ranked = sorted(everywhere, key=lambda name: derive_seed(context.seed, context.name, name))
        return frozenset(ranked[: self.count])


@dataclass(frozen=True)
class Beginning:
    """How attempts begin on a shard: the same in every process."""

    stage: Asking
    voice: Voice
    context: Context
    drawn: frozenset[str] | None
    """The ids of the rows that are to be tried; None: all."""

    def __call__(self, shard: pa.Table) -> Sequence[Attempt]:
        """Return the attempts on the rows of a shard, none of which has begun."""
        missing = [name for name in self.stage.NEEDED if name not in shard.column_names]
        if missing:
            raise UserError(f"{self.context.name} needs the column {missing[0]!r}, which its input lacks; {FROM}")
        rows = [row for row in shard.to_pylist() if self.drawn is None or row["id"] in self.drawn]
        return self.stage.attempts(rows, self.voice, self.context)


def made_columns(columns: Mapping[str, pa.DataType]) -> Columns:
    """Return the columns of what `sort_out` makes, besides id, text and source."""
    return {"seed_id": pa.string(), "topic": pa.string(), **columns}


def sort_out(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pa.DataType], metrics: Metrics) -> Made:
    """Split attempts, each with a `reason` or None, into documents and rejected rows; `columns` are the documents' own.

    Rejected rows carry `reason` and `detail`, what went wrong in lines for a person (null where the reason says all).
    Shards without rows have the same columns as the others. Raises RuntimeError where our own code failed often.
    """
    schema = pa.schema([*REQUIRED.items(), *made_columns(columns).items()])
    kept = [row for row in rows if row["reason"] is None]
    failed = [row for row in rows if row["reason"] is not None]
    faults = count_faults(rows)
    reasons = pa.schema([*list(schema)[: len(schema) - len(columns)], ("reason", pa.string()), ("detail", pa.string())])
    metrics = {**metrics, "faults": float(faults)} if faults else metrics
    return Made(pa.Table.from_pylist(kept, schema), pa.Table.from_pylist(failed, reasons), metrics)


def source_of(template: str, style: Style) -> str:
    """Return a template as it is written: what every answer has seen."""
    return (PROMPTS / f"{template}.{style}.jinja").read_text(encoding="utf-8")
