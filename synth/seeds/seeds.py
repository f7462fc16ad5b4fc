"""`synth.seeds`: what the teacher is asked about, with the variety that the teacher lacks.

In: the clean corpus. Out: as many seeds as asked for. Each takes an idea from real code (a function's name, signature
and first sentence), files it under a topic, one of the words that are common among the ideas, and joins it with a
second idea, a setting, a level and a kind of result drawn for it. Topics are filled evenly, large ones no more than
the square root of their size, so that what the corpus is full of does not fill the seeds.
Every idea found is accounted for: a seed, several seeds where the corpus has fewer ideas than seeds are wanted, or a
rejected row ("not chosen"). Seeds that no corpus can give (nothing documented in it) raise a UserError.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import REQUIRED, list_shards, read_shard, write_shard
from curate.stage import Columns, Context, GlobalMaker, Made, Map, Metrics, derive_seed
from curate.synth.seeds.ideas import ideas, topic_words
from curate.synth.seeds.topics import AUDIENCES, LEVELS, RESULTS, SETTINGS, TECHNIQUES

IDEAS = pa.schema([(name, pa.string()) for name in ("id", "seed_id", "function_name", "concept", "signature")])
"""A sketch. `seed_id` is the document that the idea was mined from."""
DRAWN = [(name, pa.string()) for name in ("topic", "second", "setting", "level", "result", "audience", "technique")]
REJECTED = pa.schema([*REQUIRED.items(), *list(IDEAS)[1:], ("reason", pa.string())])
SEEDS = pa.schema([*REQUIRED.items(), *list(IDEAS)[1:], *DRAWN, ("wording", pa.int64()), ("seed", pa.int64())])
WORDINGS = 1 << 16
"""`wording` is drawn below this; a template takes it modulo the number of its wordings."""


class Seeds(GlobalMaker):
    """Draw what to write about: two ideas from the corpus, joined with a setting, a level and a kind of result."""

    VERSION = 4

    count: int = Field(default=1000, ge=1)
    """Seeds to make."""
    per_document: int = Field(default=2, ge=1)
    """Ideas taken from one document, at most."""
    per_shard: int = Field(default=25, ge=1)
    """Fewer shards are drawn from rather than fewer seeds than this from each, as far as their ideas reach: a teacher
    that works on a shard at a time takes nearly as long for a small batch as for a large one."""
    topics: int = Field(default=400, ge=1)
    """Words that are topics, at most: those that the most ideas hold."""

    def adds(self) -> Columns:
        """List what a seed says of the piece to be written."""
        return {field.name: field.type for field in SEEDS if field.name not in REQUIRED}

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """List the ideas of a shard, in the order in which they are to be drawn."""
        documents = zip(shard["id"].to_pylist(), shard["text"].to_pylist(), strict=True)
        rows = [row for name, text in documents for row in self._ideas(name, text, context)]
        rows.sort(key=lambda row: derive_seed(context.seed, context.name, row["id"]))
        return pa.Table.from_pylist(rows, IDEAS)

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - counting words needs no helpers
        """File every idea under a topic and give it its number of seeds."""
        sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        found = pa.concat_tables(sketches) if sketches else IDEAS.empty_table()
        if not found.num_rows:
            raise UserError("the corpus holds no documented function to take ideas from; feed it more or other code")
        topics = topics_of(found.to_pylist(), self.topics)
        draws = fill(self._allowed(sketches), topics, self.count)
        names = found["id"].to_pylist()
        found = found.append_column("topic", pa.array([topics[name] for name in names], pa.string()))
        found = found.append_column("draws", pa.array([draws[name] for name in names], pa.int64()))
        write_shard(found, context.plan / "draws.parquet")
        drawn = {topics[name] for name, number in draws.items() if number}
        return {"ideas": float(len(names)), "topics": float(len(drawn)), "seeds": float(self.count)}

    def _allowed(self, sketches: Sequence[pa.Table]) -> list[str]:
        """Return ids of the ideas to draw from, one of each shard in turn: of as many shards as `per_shard` allows,
        those first that have the most, and of more as long as there are fewer ideas than seeds are wanted. What two
        documents say alike is one idea."""
        allowed: list[tuple[int, int, str]] = []
        seen: set[tuple[str, str]] = set()
        for number, sketch in enumerate(sorted(sketches, key=lambda sketch: -sketch.num_rows)):
            if number < max(1, self.count // self.per_shard) or len(allowed) < self.count:
                for rank, row in enumerate(sketch.to_pylist()):
                    said = row["function_name"], row["concept"]
                    allowed += [] if said in seen else [(rank, number, row["id"])]
                    seen.add(said)
        return [name for *_, name in sorted(allowed)]

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Return the seeds of one shard's ideas."""
        planned = read_shard(context.plan / "draws.parquet")
        mine = planned.filter(pc.is_in(planned["seed_id"], pc.unique(shard["id"].combine_chunks())))
        others = list(zip(*(planned[name].to_pylist() for name in ("topic", "function_name", "concept")), strict=True))
        made: list[dict[str, Any]] = []
        rejected = []
        for idea in mine.to_pylist():
            draws = idea.pop("draws")
            if draws == 0:
                text = f"{idea['function_name']}: {idea['concept']}"
                rejected.append(idea | {"text": text, "source": context.name, "reason": "not chosen"})
            made += [_seed(context, f"{idea['id']}#{context.seed}.{draw}", idea, others) for draw in range(draws)]
        return Made(pa.Table.from_pylist(made, SEEDS), pa.Table.from_pylist(rejected, REJECTED))

    def _ideas(self, document_id: str, text: str, context: Context) -> list[dict[str, str]]:
        """Return the rows of a document's ideas, at most `per_document`, drawn by hash."""
        found = ideas(text)
        if len(found) > self.per_document:
            found = Random(derive_seed(context.seed, document_id)).sample(found, self.per_document)
        return [
            {"id": f"{document_id}::{idea.function_name}", "seed_id": document_id, **asdict(idea)} for idea in found
        ]


def topics_of(found: Sequence[Mapping[str, str]], most: int) -> dict[str, str]:
    """Return the topic of each idea by its id: the rarest of its words among the `most` that the most ideas hold, or
    its name where none is among them."""
    words = {row["id"]: topic_words(row["function_name"], row["concept"]) for row in found}
    held = Counter(word for own in words.values() for word in own)
    ranked = sorted(held, key=lambda word: (-held[word], word))[:most]
    rank = {word: place for place, word in enumerate(ranked)}
    return {
        row["id"]: max(
            (word for word in words[row["id"]] if word in rank),
            key=lambda word: rank[word],
            default=row["function_name"].replace("_", " "),
        )
        for row in found
    }


def fill(names: Sequence[str], topics: Mapping[str, str], count: int) -> Counter[str]:
    """Return how often each idea is drawn: a topic's turns grow with the square root of its ideas, which come in the
    order of `names`, over and over where there are fewer than its turns."""
    members: dict[str, list[str]] = defaultdict(list)
    for name in names:
        members[topics[name]].append(name)
    queue = [(1 / len(ideas) ** 0.5, topic, 0) for topic, ideas in members.items()]
    heapq.heapify(queue)
    draws: Counter[str] = Counter()
    for _ in range(count):
        _, topic, given = queue[0]
        ideas = members[topic]
        draws[ideas[given % len(ideas)]] += 1
        heapq.heapreplace(queue, ((given + 2) / len(ideas) ** 0.5, topic, given + 1))
    return draws


def _seed(
    context: Context, seed_id: str, idea: Mapping[str, str], others: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    """Draw the rest of a seed; the same seed id draws the same."""
    seed = derive_seed(context.seed, context.name, seed_id)
    random = Random(seed)
    topic, name, concept = min(random.sample(others, min(2, len(others))), key=lambda other: other[0] == idea["topic"])
    drawn = {
        "second": f"{name.replace('_', ' ')} ({concept.rstrip('.')})" if topic != idea["topic"] else "",
        "setting": random.choice(SETTINGS),
        "level": random.choice(LEVELS),
        "result": random.choice(RESULTS),
        "audience": random.choice(AUDIENCES),
        "technique": random.choice(TECHNIQUES),
        "wording": random.randrange(WORDINGS),
    }
    words = idea["function_name"].replace("_", " ")
    text = (
        f"An idea from real code: {words} ({idea['concept']}) Setting: {drawn['setting']}. Result: {drawn['result']}."
    )
    return {**idea, **drawn, "id": seed_id, "text": text, "source": context.name, "seed": seed}
