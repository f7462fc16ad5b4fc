"""`select.holdout`: keeps groups of exercises away from training, to score models on them.

In: verified exercises (or any Documents). Out: the same without the held-out ones. Groups are drawn, not rows: the
group of a row is the value of the first column under `by` that it has, the topic say, and all its rows are dropped with
the reason "held out". Rows that are like one of those in any other column under `by`, such as the behaviour or the
name, are dropped as "like held out", so that no kept row shares a value with a held-out one. `eval.code` asks the
former (`held_out: NAME`) and nobody sees the latter.

Several sets of exercises share what is held out: with `like`, the name of another `select.holdout`, nothing is drawn,
and what is in the groups that were held out there, or like them, is dropped as "like held out".

Which groups are held out depends on the run's seed and their values alone. Rows without any of these columns are kept.
Not covered: likeness that no column tells; put a deduplication before this stage.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_json
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Need, StageRef, Verdict, derive_seed

HELD_OUT, ALIKE = "held out", "like held out"
GROUPS = "groups.json"
Group = tuple[str, str]
"""A column and its value there."""


class Holdout(GlobalFilter):
    """Hold whole groups of documents out of training, and drop what is like them, for a benchmark of one's own."""

    share: float = Field(default=0.02, gt=0, lt=1)
    """At least this share of the documents is held out, in whole groups."""
    count: int | None = Field(default=None, ge=1)
    """At least so many documents, where a share is not wanted."""
    like: StageRef | None = None
    """Another `select.holdout`: hold out nothing, but drop what is like what that stage held out."""
    by: tuple[str, ...] = Field(default=("topic", "behaviour", "function_name"), min_length=1)
    """Columns: groups are drawn by the first that a document has, and what is equal in another goes with them. By
    default those of these three that there are."""

    def needs(self) -> list[Need]:
        """List the columns by which groups are told: those that the recipe names, else any of the usual ones."""
        if "by" in self.model_fields_set:
            return [Need((name,), f"by: {name}") for name in self.by]
        return [Need(self.by, "by", advice="let it read exercises, or name columns with `by`")]

    def adds(self) -> Columns:
        """Nothing: what is dropped carries the evidence."""
        return {}

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return the columns that tell groups, as text."""
        return pa.table({name: pa.array(values, pa.string()) for name, values in self._values(shard).items()})

    def _values(self, shard: pa.Table) -> dict[str, list[str | None]]:
        """Return each column under `by` as text; one that the shard lacks is empty."""
        missing = [name for name in self.by if name not in shard.column_names]
        if missing and ("by" in self.model_fields_set or len(missing) == len(self.by)):
            known = ", ".join(shard.column_names)
            raise UserError(f"`by: {', '.join(self.by)}`: no column {missing[0]!r}; the columns are: {known}")
        empty: list[str | None] = [None] * shard.num_rows
        return {
            name: empty if name in missing else [_text(value) for value in shard.column(name).to_pylist()]
            for name in self.by
        }

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002
        """Draw groups until there are enough documents, and note every value that these have; or take another's."""
        if self.like is not None:
            return _taken(context.references[self.like] / "plan" / GROUPS, context.plan / GROUPS)
        sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        rows = [row for sketch in sketches for row in _rows(sketch.to_pydict())]
        sizes = Counter(group for row in rows if (group := _group(row)) is not None)
        wanted = self.count or max(1, round(self.share * sizes.total()))
        drawn: set[Group] = set()
        held = 0
        for group in sorted(sizes, key=lambda group: (derive_seed(context.seed, "held out", *group), group)):
            if held >= wanted:
                break
            drawn.add(group)
            held += sizes[group]
        if len(drawn) == len(sizes):
            raise UserError(
                f"holding out {wanted} of {len(rows)} documents leaves none to train on: there are {len(sizes)} groups "
                f"by {', '.join(self.by)}; hold out fewer, or by columns of more values"
            )
        alike = {group for row in rows if _group(row) in drawn for group in row}
        write_json({"drawn": sorted(drawn), "alike": sorted(alike)}, context.plan / GROUPS)
        return {"documents": float(len(rows)), "groups": float(len(sizes)), "groups_held_out": float(len(drawn))}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop the held-out groups and what is like them."""
        drawn, alike = _read(context.plan / GROUPS)
        found = [_verdict(row, set() if self.like else drawn, alike) for row in _rows(self._values(shard))]
        return Verdict(
            reasons=pa.array([reason for reason, _ in found], pa.string()),
            evidence={"group": pa.array([group for _, group in found], pa.string())},
        )


def _taken(theirs: Path, mine: Path) -> Metrics:
    """Take the groups that another stage held out."""
    if not theirs.exists():
        raise UserError(f"like: {theirs.parents[1].name} held no groups out; name a stage `select.holdout`")
    groups = json.loads(theirs.read_text(encoding="utf-8"))
    write_json(groups, mine)
    return {"groups_held_out": float(len(groups["drawn"]))}


def _verdict(row: list[Group], drawn: set[Group], alike: set[Group]) -> tuple[str | None, str | None]:
    """Return why a row is dropped, and by which column and value."""
    group = _group(row)
    if group in drawn:
        return HELD_OUT, "=".join(group)
    shared = next((each for each in row if each in alike), None)
    return (ALIKE, "=".join(shared)) if shared else (None, None)


def _group(row: list[Group]) -> Group | None:
    return row[0] if row else None


def _rows(values: Mapping[str, list[str | None]]) -> Iterator[list[Group]]:
    """Yield each row's columns and values, without the empty ones, in the order of `by`."""
    for row in zip(*values.values(), strict=True):
        yield [(name, value) for name, value in zip(values, row, strict=True) if value is not None]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, sort_keys=True, default=str)


@lru_cache(maxsize=1)
def _read(path: Path) -> tuple[set[Group], set[Group]]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return {(name, value) for name, value in found["drawn"]}, {(name, value) for name, value in found["alike"]}
