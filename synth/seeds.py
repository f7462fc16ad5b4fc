"""`synth.seeds`: what the teacher is asked about, with the variety that the teacher lacks.

In: the clean corpus. Out: as many seeds as asked for, spread evenly over the input shards; each joins an idea mined
from a document (a function's name and first sentence) with a subject, an audience and a constraint drawn for it.
Every idea found is accounted for: a seed, several seeds where the corpus has fewer ideas than seeds are wanted, or a
rejected row ("not chosen"). Seeds that no corpus can give (nothing documented in it) raise a UserError.
"""

from collections.abc import Mapping
from dataclasses import asdict
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.shards import REQUIRED, list_shards, read_shard, write_shard
from curate.stage import Context, GlobalMaker, Made, Map, Metrics, derive_seed
from synth.mining import ideas
from synth.topics import AUDIENCES, CONSTRAINTS, SUBJECTS

IDEAS = pa.schema([(name, pa.string()) for name in ("id", "seed_id", "function_name", "concept")])
"""A sketch. `seed_id` is the document that the idea was mined from."""
DRAWN = [(name, pa.string()) for name in ("topic", "audience", "constraint")]
REJECTED = pa.schema([*REQUIRED.items(), *list(IDEAS)[1:], ("reason", pa.string())])
SEEDS = pa.schema([*REQUIRED.items(), *list(IDEAS)[1:], *DRAWN, ("seed", pa.int64())])


class Seeds(GlobalMaker):
    """Draw what to write about: ideas from the corpus, joined with subjects, audiences and constraints."""

    count: int = Field(default=1000, ge=1)
    """Seeds to make."""
    per_document: int = Field(default=2, ge=1)
    """Ideas taken from one document, at most."""
    per_shard: int = Field(default=25, ge=1)
    """Fewer shards are drawn from rather than fewer seeds than this from each: a teacher works on a shard at a time,
    and a small batch takes nearly as long as a large one."""

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """List the ideas of a shard, in the order in which they are to be drawn."""
        documents = zip(shard["id"].to_pylist(), shard["text"].to_pylist(), strict=True)
        rows = [row for name, text in documents for row in self._ideas(name, text, context)]
        rows.sort(key=lambda row: derive_seed(context.seed, context.name, row["id"]))
        return pa.Table.from_pylist(rows, IDEAS)

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - a sort of ids needs no helpers
        """Give each idea its number of seeds: in turns over the shards, and over again until there are enough."""
        sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        ideas_found = pa.concat_tables(sketches) if sketches else IDEAS.empty_table()
        if not ideas_found.num_rows:
            raise UserError("the corpus holds no documented function to take ideas from; feed it more or other code")
        ranked = self._in_turns(sketches)
        every, extra = divmod(self.count, len(ranked))
        draws = {name: every + (index < extra) for index, name in enumerate(ranked)}
        column = pa.array([draws[name] for name in ideas_found["id"].to_pylist()], pa.int64())
        write_shard(ideas_found.append_column("draws", column), context.plan / "draws.parquet")
        return {"ideas": float(len(ranked)), "seeds": float(self.count)}

    def _in_turns(self, sketches: list[pa.Table]) -> list[str]:
        """Return ids of ideas in the order in which they are drawn: one from each shard in turn, those shards first
        that have the most, as many shards as `per_shard` allows; the other shards after them."""
        sketches = sorted(sketches, key=lambda sketch: -sketch.num_rows)
        first = max(1, self.count // self.per_shard)
        ranked = [
            (index >= first, rank, index, name)
            for index, sketch in enumerate(sketches)
            for rank, name in enumerate(sketch["id"].to_pylist())
        ]
        return [name for *_, name in sorted(ranked)]

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Return the seeds of one shard's ideas."""
        planned = read_shard(context.plan / "draws.parquet")
        mine = planned.filter(pc.is_in(planned["seed_id"], pc.unique(shard["id"].combine_chunks())))
        made: list[dict[str, Any]] = []
        rejected = []
        for idea in mine.to_pylist():
            draws = idea.pop("draws")
            if draws == 0:
                text = f"{idea['function_name']}: {idea['concept']}"
                rejected.append(idea | {"text": text, "source": context.name, "reason": "not chosen"})
            made += [_seed(context, f"{idea['id']}#{draw}", idea) for draw in range(draws)]
        return Made(pa.Table.from_pylist(made, SEEDS), pa.Table.from_pylist(rejected, REJECTED))

    def _ideas(self, document_id: str, text: str, context: Context) -> list[dict[str, str]]:
        """Return the rows of a document's ideas, at most `per_document`, drawn by hash."""
        found = ideas(text)
        if len(found) > self.per_document:
            found = Random(derive_seed(context.seed, document_id)).sample(found, self.per_document)
        return [
            {"id": f"{document_id}::{idea.function_name}", "seed_id": document_id, **asdict(idea)} for idea in found
        ]


def _seed(context: Context, seed_id: str, idea: Mapping[str, str]) -> dict[str, Any]:
    """Draw the rest of a seed; the same seed id draws the same."""
    seed = derive_seed(context.seed, context.name, seed_id)
    random = Random(seed)
    subject, audience, constraint = random.choice(SUBJECTS), random.choice(AUDIENCES), random.choice(CONSTRAINTS)
    words = idea["function_name"].replace("_", " ")
    text = f"About {subject}, for {audience}; {constraint}. An idea from real code is to {words}: {idea['concept']}"
    return {
        **idea,
        "id": seed_id,
        "text": text,
        "source": context.name,
        "topic": subject,
        "audience": audience,
        "constraint": constraint,
        "seed": seed,
    }
