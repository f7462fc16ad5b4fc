"""What a stage did with a few documents, as plain values: before, after, and why.

In: a bench on which the stage has worked. Out: a `Preview`, ready for JSON. Which documents are shown: dropped and kept
ones in turn, those of another reason first, and of the kept ones first those that were changed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from curate.files.shards import list_shards, read_shard
from curate.preview.bench import Bench, inputs_of
from curate.recipe import Node
from curate.report.documents.browse import PARENT, known_cut, plain
from curate.report.excerpts import difference
from curate.stage import Global, Maker, Source

EVIDENCE = ("reason", "score", "similarity", "survivor", "signal", "cut")


@dataclass(frozen=True)
class Looked:
    """One document."""

    id: str
    fate: str
    """`kept`, `changed` or `dropped` by a filter; `made` or `rejected` by a maker; `read` or `rejected` by a source."""
    why: dict[str, Any]
    """Of what is dropped or rejected: `reason`, and what there is of score, cut, signal, survivor, similarity."""
    made_from: str | None
    """The id of the document from which a maker made it."""
    before: str | None
    after: str | None
    """None where nothing is left of it."""
    diff: list[str] | None
    """Lines of a unified diff, where a text was changed."""
    gained: dict[str, Any]
    """Columns that the stage added or changed."""


@dataclass(frozen=True)
class Preview:
    """A stage, tried."""

    recipe: str
    stage: str
    use: str
    makes: bool
    """Whether it makes new documents of those that come in."""
    documents_in: int
    kept: int
    dropped: int
    dropped_by_reason: dict[str, int]
    read: dict[str, int]
    """Documents read of each source here."""
    taken: dict[str, dict[str, int]]
    """Documents taken of stages that stand in the run: how many, `of` how many."""
    worked: list[str]
    """Stages above that worked on the documents here, in order."""
    learnt_from_few: list[str]
    """Of these, and the stage itself, those that learn from all documents of a run, and here had a few."""
    asked: dict[str, str]
    """The models that the stage asked, each with its backend."""
    usage: dict[str, float]
    """What asking them came to: calls_made, prompt_tokens, completion_tokens, usd, as far as they are known."""
    shown: list[Looked]


def looked_at(bench: Bench, node: Node, count: int) -> Preview:
    """Return what became of the documents on the bench, `count` of them to look at."""
    before = inputs_of(bench, node)
    halves = {half: _rows(bench, node.name, half) for half in ("kept", "dropped")}
    kept, dropped = (
        [_looked(bench, node, row, before, half) for row in rows] for half, rows in halves.items()
    )  # fmt: skip
    recipe = bench.run.recipe
    sources = [each for each in recipe.nodes if isinstance(each.stage, Source) and bench.place(each.name).exists()]
    read = {each.name: len(_rows(bench, each.name, "kept")) for each in sources if each.name not in bench.taken}
    learning = [name for name in (*bench.worked, node.name) if isinstance(recipe.node(name).stage, Global)]
    models = {name: recipe.models[name] for name in node.models}
    return Preview(
        recipe=recipe.name,
        stage=node.name,
        use=node.use,
        makes=isinstance(node.stage, Maker),
        documents_in=len(before) or len(kept) + len(dropped),
        kept=len(kept),
        dropped=len(dropped),
        dropped_by_reason=dict(Counter(str(each.why["reason"]) for each in dropped).most_common()),
        read=read,
        taken={
            name: {"documents": len(_rows(bench, name, "kept")), "of": whole} for name, whole in bench.taken.items()
        },
        worked=bench.worked,
        learnt_from_few=learning,
        asked={name: f"{spec.backend}, {spec.model}" for name, spec in models.items()},
        usage={
            name: bench.metrics[name]
            for name in ("calls_made", "prompt_tokens", "completion_tokens", "usd")
            if name in bench.metrics
        },
        shown=_chosen(kept, dropped, count),
    )


def _rows(bench: Bench, stage: str, half: str) -> list[dict[str, Any]]:
    return [row for path in list_shards(bench.place(stage) / half) for row in read_shard(path).to_pylist()]


def _looked(bench: Bench, node: Node, row: dict[str, Any], inputs: Mapping[str, dict[str, Any]], half: str) -> Looked:
    maker, source = isinstance(node.stage, Maker), isinstance(node.stage, Source)
    parent = row.get(PARENT) if maker else row["id"]
    before = inputs.get(str(parent), {})
    gone = half == "dropped"
    changed = bool(before) and not maker and not gone and before["text"] != row["text"]
    told = {"id", "text", *(EVIDENCE if gone else ())}
    new = {
        name: value
        for name, value in row.items()
        if value is not None and name not in told and (maker or before.get(name) != value)
    }
    why = {name: row[name] for name in EVIDENCE if row.get(name) is not None} if gone else {}
    cut = known_cut(node.use, node.stage.model_dump(), bench.metrics)
    if "score" in why and "cut" not in why and cut is not None:
        why["cut"] = cut
    rejected = "rejected" if maker or source else "dropped"
    return Looked(
        id=row["id"],
        fate=rejected if gone else "made" if maker else "read" if source else "changed" if changed else "kept",
        why=plain(why),
        made_from=str(parent) if maker and before else None,
        before=before.get("text"),
        after=row["text"] if maker or source or not gone else None,
        diff=difference(before["text"], row["text"], context=2) if changed else None,
        gained=plain(new),
    )


def _chosen(kept: list[Looked], dropped: list[Looked], count: int) -> list[Looked]:
    """Return `count` documents: dropped and kept in turn, one of each reason before a second of any."""
    turns: list[tuple[int, int, Looked]] = []
    met: Counter[str] = Counter()
    for place, each in enumerate(dropped):
        reason = str(each.why["reason"])
        turns.append((met[reason], place, each))
        met[reason] += 1
    gone = [each for *_, each in sorted(turns, key=lambda turn: turn[:2])]
    stay = sorted(kept, key=lambda each: each.fate != "changed")
    mixed = [each for pair in zip_longest(gone, stay) for each in pair if each is not None]
    return mixed[:count]
