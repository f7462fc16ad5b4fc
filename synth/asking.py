"""Asking the teacher: which seeds, in which words, and what the calls came to.

In: seeds and a template under prompts/. Out: completions by request id. A template comes in two styles: `chat`, an
instruction for a chat model, and `completion`, the beginning of a file of worked examples that any model continues.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from curate.llm import Completion, Message, Model, ModelSpec, Request, check_model, open_model
from curate.shards import REQUIRED, read_shard
from curate.stage import Context, Made, Maker, Metrics, ModelRef, derive_seed

Style = Literal["chat", "completion"]
PROMPTS = Path(__file__).parent / "prompts"
TEMPLATES = Environment(loader=FileSystemLoader(PROMPTS), undefined=StrictUndefined, trim_blocks=True)  # no HTML


class Asking(Maker):
    """What textbooks and exercises share: a teacher, how to ask it, and how much."""

    model: ModelRef
    """The teacher, one of the recipe's `models:`."""
    count: int | None = Field(default=None, ge=1)
    """Attempts, at most one a seed; default: every seed."""
    style: Style | None = None
    """`chat` or `completion`; default: chat for `openai` endpoints, completion for models that run here."""
    top_p: float = Field(default=0.95, gt=0, le=1)

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if the teacher cannot be had."""
        if self.model in models:
            check_model(models[self.model])

    def teacher(self, context: Context) -> tuple[Model, Style]:
        """Open the teacher with this stage's call log."""
        spec = context.models[self.model]
        return open_model(spec, context.calls, context.progress), self.style or (
            "chat" if spec.backend == "openai" else "completion"
        )

    def seeds(self, shard: pa.Table, context: Context) -> list[dict[str, Any]]:
        """Return the shard's rows that are to be tried: all, or its part of `count`, drawn over all shards by hash."""
        rows: list[dict[str, Any]] = shard.to_pylist()
        if self.count is None:
            return rows
        everywhere = [name for path in context.shards() for name in read_shard(path, ["id"])["id"].to_pylist()]
        ranked = sorted(everywhere, key=lambda name: derive_seed(context.seed, context.name, name))
        wanted = set(ranked[: self.count])
        return [row for row in rows if row["id"] in wanted]


def request(
    request_id: str, template: str, style: Style, values: Mapping[str, Any], *, run_seed: int, **options: Any
) -> Request:
    """Render a template in a style into a Request, whose sampling seed follows from the run's seed and its id."""
    text = TEMPLATES.get_template(f"{template}.{style}.jinja").render(values)
    seed = derive_seed(run_seed, request_id)
    if style == "chat":
        return Request(request_id, messages=(Message("user", text),), seed=seed, **options)
    return Request(request_id, prompt=text, seed=seed, **options)


def answers(model: Model, requests: Sequence[Request]) -> dict[str, Completion]:
    """Ask everything at once; return the completions by request id."""
    return {completion.id: completion for completion in model.generate(requests)}


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
