"""`synth.seeds`: what the teacher is asked about, with the variety that the teacher lacks.

In: the clean corpus. Out: as many seeds as asked for, spread evenly over the input shards; each joins an idea mined
from a document (a function's name and first sentence) with a subject, an audience and a constraint drawn for it.
Every idea found is accounted for: a seed, several seeds where the corpus has fewer ideas than seeds are wanted, or a
rejected row ("not chosen"). Seeds that no corpus can give (nothing documented in it) raise a UserError.
"""

from collections.abc import Iterator
from random import Random

import pyarrow as pa
from pydantic import Field

from curate.errors import UserError
from curate.shards import documents, list_shards, read_shard, write_shard
from curate.stage import Context, GlobalMaker, Made, Map, Metrics, derive_seed
from synth.mining import Idea, ideas
from synth.topics import AUDIENCES, CONSTRAINTS, SUBJECTS


class Seeds(GlobalMaker):
    """Draws what to write about: ideas from the corpus, joined with subjects, audiences and constraints."""

    count: int = Field(default=1000, ge=1)
    """Seeds to make."""
    per_document: int = Field(default=2, ge=1)
    """Ideas taken from one document, at most."""
    per_shard: int = Field(default=25, ge=1)
    """Fewer shards are drawn from rather than fewer seeds than this from each: a teacher works on a shard at a time,
    and a small batch takes nearly as long as a large one."""

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """List the ideas of a shard: id and a hash that orders them."""
        found = [idea_id for idea_id, _, _ in self._ideas(shard, context)]
        order = [derive_seed(context.seed, context.name, idea_id) for idea_id in found]
        return pa.table({"id": pa.array(found, pa.string()), "order": pa.array(order, pa.int64())})

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - a sort of ids needs no helpers
        """Give each idea its number of seeds: in turns over the shards, and over again until there are enough."""
        sketches = [read_shard(path).sort_by("order") for path in list_shards(context.plan / "sketches")]
        if not any(sketch.num_rows for sketch in sketches):
            raise UserError("the corpus holds no documented function to take ideas from; feed it more or other code")
        ranked = self._in_turns(sketches)
        every, extra = divmod(self.count, len(ranked))
        draws = [every + (index < extra) for index in range(len(ranked))]
        table = pa.table({"id": ranked, "draws": pa.array(draws, pa.int64())})
        write_shard(table, context.plan / "draws.parquet")
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
        table = read_shard(context.plan / "draws.parquet")
        draws = dict(zip(table["id"].to_pylist(), table["draws"].to_pylist(), strict=True))
        made, rejected = [], []
        for idea_id, parent, idea in self._ideas(shard, context):
            row = {"source": context.name, "seed_id": parent, "function_name": idea.function_name}
            if draws[idea_id] == 0:
                text = f"{idea.function_name}: {idea.concept}"
                rejected.append({"id": idea_id, "text": text, **row, "concept": idea.concept, "reason": "not chosen"})
            for draw in range(draws[idea_id]):
                made.append({"id": f"{idea_id}#{draw}", **_seed(context, f"{idea_id}#{draw}", idea), **row})
        return Made(documents(made), documents(rejected))

    def _ideas(self, shard: pa.Table, context: Context) -> Iterator[tuple[str, str, Idea]]:
        """Yield (idea id, document id, idea)."""
        for document_id, text in zip(shard["id"].to_pylist(), shard["text"].to_pylist(), strict=True):
            found = ideas(text)
            if len(found) > self.per_document:
                found = Random(derive_seed(context.seed, document_id)).sample(found, self.per_document)
            for idea in found:
                yield f"{document_id}::{idea.function_name}", document_id, idea


def _seed(context: Context, seed_id: str, idea: Idea) -> dict[str, str | int]:
    """Draw the rest of a seed; the same seed id draws the same."""
    seed = derive_seed(context.seed, context.name, seed_id)
    random = Random(seed)
    subject, audience, constraint = random.choice(SUBJECTS), random.choice(AUDIENCES), random.choice(CONSTRAINTS)
    words = idea.function_name.replace("_", " ")
    text = f"About {subject}, for {audience}; {constraint}. An idea from real code is to {words}: {idea.concept}"
    return {
        "text": text,
        "topic": subject,
        "audience": audience,
        "constraint": constraint,
        "concept": idea.concept,
        "seed": seed,
    }
