"""`dedup.behaviour`: functions that do the same are one, however they are written and called.

In: documents that hold a function (the one that the column `function_name` names, or the last one at the left margin).
Sketch: each runs once in the sandbox on inputs that follow from its parameters' types alone (inputs.py); what it gives
is its behaviour. Its syntax tree in normal form (curate/text/trees.py) is its structure. Plan: documents are gone
through best first; one whose behaviour, structure or name has been kept as often as allowed goes, and names the first
that was kept with it. Best is what more solutions agree on (`tier`, `agreement`), then the shorter text, then the id.

Out: beside the verdicts the column `behaviour`, a digest, or null where it is not known: no known types, fewer than
LEAST inputs give a value, always the same value, or the program did not end well. Such a function is compared by
structure and name alone. Results count as the same with 1 for 1.0 and any exception for any other.
"""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.dedup.inputs import inputs, type_name
from curate.files.shards import list_shards, read_shard, write_shard
from curate.sandbox.programs import CallOutcome, Limits, call_many
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Verdict
from curate.text.trees import labels, parse

LEAST = 4
"""Inputs that must give a value."""
SKETCH = pa.schema(
    [(name, pa.string()) for name in ("id", "name", "behaviour", "structure", "why")]
    + [("rank", pa.float64()), ("length", pa.int64())]
)
DROPS, ALL = "drops.parquet", "behaviours.parquet"
TIERS = {"gold": 2.0, "silver": 1.0}
KEYS = {"behaviour": "same behaviour", "structure": "same structure", "name": "same name too often"}


class Behaviour(GlobalFilter):
    """Drop functions that do what another one does, or are built like it. The shortest that most agree on stays."""

    VERSION: ClassVar[int] = 2
    ALONE: ClassVar[bool] = True

    most: int = Field(default=1, ge=1, description="documents kept of one behaviour, and of one structure")
    most_per_name: int | None = Field(default=None, ge=1, description="documents kept whose functions have one name")
    rows: int = Field(default=32, ge=8, description="inputs of a function, about")
    cpu_s: float = Field(default=1.0, gt=0, description="CPU seconds of a function for all its inputs")

    def adds(self) -> Columns:
        """List the digest."""
        return {"behaviour": pa.string()}

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Run the functions of a shard."""
        names = _column(shard, "function_name")
        functions = [_function(text, name) for text, name in zip(shard["text"].to_pylist(), names, strict=True)]
        behaviours = self._run(shard["text"].to_pylist(), functions)
        rows = [
            {
                "id": row,
                "name": function.name if function else None,
                "structure": _digest(labels(function, values=True).tobytes()) if function else None,
                "behaviour": None if why else behaviour,
                "why": why,
                "rank": TIERS.get(tier or "", 0.0) + float(agreement or 0.0),
                "length": len(text),
            }
            for row, text, function, (behaviour, why), tier, agreement in zip(
                shard["id"].to_pylist(),
                shard["text"].to_pylist(),
                functions,
                behaviours,
                _column(shard, "tier"),
                _column(shard, "agreement"),
                strict=True,
            )
        ]
        return pa.Table.from_pylist(rows, SKETCH)

    def _run(self, texts: list[str], functions: list[ast.FunctionDef | None]) -> Iterator[tuple[str, str | None]]:
        """Yield for each function its behaviour, or why it has none."""
        types = [_types(function) if function else () for function in functions]
        given = [inputs(each, self.rows) for each in types]
        work = (
            (text, function.name, rows)
            for text, function, rows in zip(texts, functions, given, strict=True)
            if function and rows
        )
        outcomes = call_many(work, Limits(cpu_s=self.cpu_s, memory_mb=512, leash_s=self.cpu_s / 4))
        for function, signature, rows in zip(functions, types, given, strict=True):
            if function is None or not rows:
                yield "", "no function" if function is None else "no inputs for its types"
            else:
                yield _behaviour(signature, next(outcomes))

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - a sort needs no helpers
        """Go through all documents, best first."""
        tables = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        table = pa.concat_tables(tables) if tables else SKETCH.empty_table()
        order = [("rank", "descending"), ("length", "ascending"), ("id", "ascending")]
        kept: dict[tuple[str, str], list[str]] = {}
        drops = []
        for row in table.sort_by(order).to_pylist():
            found = self._spent(row, kept)
            if found:
                key, survivor = found
                similarity = None if key == "name" else 1.0
                drops.append({"id": row["id"], "why": KEYS[key], "survivor": survivor, "similarity": similarity})
                continue
            for key in KEYS:
                if row[key] is not None:
                    kept.setdefault((key, row[key]), []).append(row["id"])
        texts = [(name, pa.string()) for name in ("id", "why", "survivor")]
        write_shard(
            pa.Table.from_pylist(drops, pa.schema([*texts, ("similarity", pa.float64())])), context.plan / DROPS
        )
        write_shard(table.select(["id", "behaviour"]), context.plan / ALL)
        unknown = Counter(why for why in table["why"].to_pylist() if why)
        kinds = Counter(key for key, _ in kept)
        return {
            "behaviours": float(kinds["behaviour"]),
            "names": float(kinds["name"]),
            **{f"unknown: {why}": float(count) for why, count in sorted(unknown.items())},
        }

    def _spent(self, row: Mapping[str, Any], kept: Mapping[tuple[str, str], list[str]]) -> tuple[str, str] | None:
        """Return by what a document is one too many, and the first that was kept with it."""
        most = {"behaviour": self.most, "structure": self.most, "name": self.most_per_name}
        for key, allowed in most.items():
            before = kept.get((key, row[key]), [])
            if allowed is not None and len(before) >= allowed:
                return key, before[0]
        return None

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what the plan lists; add the column `behaviour`."""
        drops, known = (read_shard(context.plan / name) for name in (DROPS, ALL))
        place = pc.index_in(shard["id"], value_set=drops["id"].combine_chunks()).combine_chunks()
        found = {name: drops[name].combine_chunks().take(place) for name in ("why", "survivor", "similarity")}
        own = pc.index_in(shard["id"], value_set=known["id"].combine_chunks()).combine_chunks()
        behaviour = known["behaviour"].combine_chunks().take(own)
        return Verdict(found.pop("why"), {"behaviour": behaviour}, evidence=found)


def _column(shard: pa.Table, name: str) -> list[Any]:
    return shard[name].to_pylist() if name in shard.column_names else [None] * shard.num_rows


def _function(text: str, name: str | None) -> ast.FunctionDef | None:
    tree = parse(text)
    found = {node.name: node for node in (tree.body if tree else ()) if isinstance(node, ast.FunctionDef)}
    return found.get(name or "", next(reversed(found.values()), None))


def _types(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(type_name(each.annotation) for each in [*function.args.posonlyargs, *function.args.args])


def _behaviour(types: tuple[str, ...], outcomes: list[CallOutcome]) -> tuple[str, str | None]:
    values = [outcome.value for outcome in outcomes if outcome.status == "value"]
    bad = next((outcome.status for outcome in outcomes if outcome.status not in ("value", "raised")), None)
    if bad:
        return "", f"ended by {bad}" if bad != "error" else "value that is not plain"
    if len(values) < LEAST or len(set(values)) == 1:
        return "", "too few values" if len(values) < LEAST else "one value"
    results = [re.sub(r"(?<=\d)\.0\b", "", each.value) if each.status == "value" else "raised" for each in outcomes]
    return _digest(repr((types, results)).encode("utf-8", "surrogatepass")), None


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
