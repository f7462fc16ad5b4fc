"""Asking the teacher: which seeds, in which words, and what the calls came to.

In: seeds and a template under prompts/. Out: requests, and rows sorted into documents and rejected. A template comes
in two styles: `chat`, an instruction for a chat model, and `completion`, the beginning of a file of worked examples
that any model continues. Where the model runs here, its answer to a chat is begun for it, so that it writes no more
than is wanted; endpoints do not take up such a beginning, and write the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from curate.errors import UserError
from curate.llm import Completion, Message, Model, ModelSpec, Request, check_model, open_model
from curate.llm.chat import chats
from curate.shards import REQUIRED, read_shard
from curate.stage import Context, Made, Maker, Metrics, ModelRef, derive_seed

Style = Literal["chat", "completion"]
PROMPTS = Path(__file__).parent / "prompts"
TEMPLATES = Environment(loader=FileSystemLoader(PROMPTS), undefined=StrictUndefined, trim_blocks=True)  # no HTML
FENCE = "```python\n"


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


class Asking(Maker):
    """What textbooks and exercises share: a teacher, how to ask it, and how much."""

    model: ModelRef
    """The teacher, one of the recipe's `models:`."""
    count: int | None = Field(default=None, ge=1)
    """Attempts, at most one a seed; default: every seed."""
    style: Style | None = None
    """`chat` or `completion`; default: chat for a model that has a chat template."""
    top_p: float = Field(default=0.95, gt=0, le=1)

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if the teacher cannot be had."""
        if self.model in models:
            check_model(models[self.model])

    def teacher(self, context: Context) -> tuple[Model, Voice]:
        """Open the teacher with this stage's call log."""
        spec = context.models[self.model]
        model = open_model(spec, context.calls, context.progress)
        style: Style = self.style or ("chat" if chats(spec) else "completion")
        return model, Voice(style, spec.backend != "openai", context.seed)

    def seeds(self, shard: pa.Table, context: Context) -> list[dict[str, Any]]:
        """Return the shard's rows that are to be tried: all, or its part of `count`, drawn over all shards by hash."""
        rows: list[dict[str, Any]] = shard.to_pylist()
        if self.count is None:
            return rows
        everywhere = [name for path in context.shards() for name in read_shard(path, ["id"])["id"].to_pylist()]
        ranked = sorted(everywhere, key=lambda name: derive_seed(context.seed, context.name, name))
        wanted = set(ranked[: self.count])
        return [row for row in rows if row["id"] in wanted]


def needs(shard: pa.Table, columns: Sequence[str], stage: str) -> None:
    """Raise UserError where an input lacks what a stage asks about."""
    missing = [name for name in columns if name not in shard.column_names]
    if missing:
        raise UserError(f"{stage} needs the column {missing[0]!r}, which its input lacks; let it read synth.seeds")


def sort_out(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pa.DataType], metrics: Metrics) -> Made:
    """Split attempts, each with a `reason` or None, into documents and rejected rows; `columns` are the documents' own.

    Shards without rows have the same columns as the others.
    """
    schema = pa.schema([*REQUIRED.items(), ("seed_id", pa.string()), ("topic", pa.string()), *columns.items()])
    kept = [row for row in rows if row["reason"] is None]
    failed = [row for row in rows if row["reason"] is not None]
    reasons = pa.schema([*list(schema)[: len(schema) - len(columns)], ("reason", pa.string())])
    return Made(pa.Table.from_pylist(kept, schema), pa.Table.from_pylist(failed, reasons), metrics)


def source_of(template: str, style: Style) -> str:
    """Return a template as it is written: what every answer has seen."""
    return (PROMPTS / f"{template}.{style}.jinja").read_text(encoding="utf-8")
