"""A data set from start to end: documents of one or several stages, shuffled, in files of one size, with a card.

    FOLDER/
        README.md                           the card
        data/train-00000-of-00004.parquet   the documents: id, text, source, their other columns, `stage`
        recipe.yaml                         what made them
        export.json                         what was asked for, counts, and the sha256 of each file

In: stages of a run that are done. Out: that folder, whole or not at all. Rows are counted against the receipts, and
every byte that is read is compared with them. No time and no place of this machine enters: the same run gives the same
bytes.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate import __version__
from curate.errors import Trouble, UserError, did_you_mean
from curate.export.choice import Goods, receipts_of
from curate.export.files import DATA, MANIFEST, Shards, whole_folder
from curate.export.shuffle import buckets_for, gather, scatter
from curate.files.shards import REQUIRED, list_shards, read_schema, read_shard, write_json, write_text
from curate.progress import Progress
from curate.records.receipts import Receipt
from curate.records.status import StageFiles

STAGE = "stage"
LICENCES = ("license_spdx", "license", "licence", "licenses", "max_stars_repo_licenses", "license_expression")
"""Columns that hold a document's licence, the most telling first."""
SHARD_MB = 256.0
"""Text in a file, unless another size is asked for."""
MOST_COUNTED = 10_000
"""Different values of a column that are counted apart."""
Card = Callable[[dict[str, Any], "Tally"], str]


@dataclass
class Tally:
    """What is counted while documents go by."""

    by_stage: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[str | None] = field(default_factory=Counter)
    """None for documents that state none."""

    def add(self, stage: str, table: pa.Table) -> None:
        """Count one shard."""
        self.by_stage[stage] += table.num_rows
        _count(self.sources, table["source"])
        name = next((name for name in LICENCES if name in table.column_names), None)
        if name is None:
            self.licences[None] += table.num_rows
        else:
            _count(self.licences, table[name])


def _count(counter: Counter[Any], column: pa.ChunkedArray) -> None:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = ["; ".join(map(str, value)) if value else None for value in column.to_pylist()]
        column = pa.chunked_array([pa.array(values, pa.string())])
    for pair in pc.value_counts(column).to_pylist():
        value = str(pair["values"]) if pair["values"] else None
        known = value in counter or value is None or len(counter) < MOST_COUNTED
        counter[value if known else "others"] += pair["counts"]


def asked_for(goods: Goods, kind: str, columns: Sequence[str], shard_mb: float) -> dict[str, Any]:
    """Return all that decides the bytes of an export: two that are asked for the same are the same."""
    return {
        "run": goods.files.facts.get("name", goods.files.directory.name),
        "seed": goods.files.facts.get("seed", 0),
        "stages": {stage.name: f"{stage.use} {stage.key}" for stage in goods.stages},
        "format": kind,
        "columns": list(columns),
        "shard_mb": shard_mb,
        "curate_version": __version__,
    }


def write_corpus(goods: Goods, to: Path, asked: dict[str, Any], card: Card, progress: Progress) -> dict[str, Any]:
    """Write the folder and return its manifest. Raises UserError for damage, a column that there is not, doubles."""
    progress.update(0, 0, "checking")
    held = {stage.name: receipts_of(stage) for stage in goods.stages}
    expected = sum(receipt.rows_kept for receipts in held.values() for receipt in receipts)
    text_bytes = sum(receipt.bytes_kept for receipts in held.values() for receipt in receipts)
    schema = _schema(goods, asked["columns"])
    tally, count = Tally(), buckets_for(text_bytes)
    with whole_folder(to) as folder:
        tables = _tables(goods, held, schema, tally, text_bytes, progress)
        scattered = scatter(tables, schema, folder / ".buckets", count, int(asked["seed"]))
        shards = Shards(folder / DATA, schema, asked["format"], asked["shard_mb"] * 1e6)
        for number, table in enumerate(gather(folder / ".buckets", count)):
            shards.write(table)
            progress.update(text_bytes + text_bytes * (number + 1) / count, 2 * text_bytes, "bytes of text")
        (folder / ".buckets").rmdir()
        files = shards.close()
        if not expected == scattered == sum(file["rows"] for file in files):
            raise Trouble(f"{expected:,} documents by the receipts, {scattered:,} read; run it again")
        recipe = goods.recipe()
        manifest = {
            "kind": "dataset",
            "asked": asked,
            "rows": expected,
            "text_bytes": text_bytes,
            "rows_by_stage": dict(tally.by_stage),
            "columns": {name: str(schema.field(name).type) for name in schema.names},
            "recipe_sha256": hashlib.sha256(recipe.encode()).hexdigest(),
            "files": files,
            "digest": digest_of(files),
        }
        write_text(recipe, folder / "recipe.yaml")
        write_json(manifest, folder / MANIFEST)
        write_text(card(manifest, tally), folder / "README.md")
    return manifest


def digest_of(files: Sequence[dict[str, Any]]) -> str:
    """Return one sha256 for all files: that of their names and digests."""
    lines = json.dumps([[file["path"], file["sha256"]] for file in files])
    return hashlib.sha256(lines.encode()).hexdigest()


def _schema(goods: Goods, columns: Sequence[str]) -> pa.Schema:
    """Return the columns of all stages together, or the chosen ones of them, the required ones and `stage` first."""
    schemas = [read_schema(path) for stage in goods.stages for path in list_shards(stage.directory / "kept")]
    try:
        united = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UserError(
            f"the stages hold different kinds of values under one name ({' '.join(str(error).split())[:150]}); "
            f"name the columns that you want with --columns, or export the stages apart"
        ) from error
    head = [*REQUIRED, STAGE]
    known = [name for name in united.names if name not in head]
    for name in columns:
        if name not in [*known, *head]:
            raise UserError(f"--columns: no column {name!r}{did_you_mean(name, known)}")
    rest = [name for name in known if not columns or name in columns]
    fields = [*(pa.field(name, kind) for name, kind in REQUIRED.items()), pa.field(STAGE, pa.string())]
    return pa.schema([*fields, *(united.field(name).with_nullable(True) for name in rest)])


def _tables(
    goods: Goods,
    held: dict[str, list[Receipt]],
    schema: pa.Schema,
    tally: Tally,
    text_bytes: int,
    progress: Progress,
) -> Iterator[pa.Table]:
    done = 0
    for stage in goods.stages:
        for receipt in held[stage.name]:
            table = read_shard(stage.directory / "kept" / f"{receipt.shard}.parquet")
            tally.add(stage.name, table)
            yield _fitted(table, stage, schema)
            done += receipt.bytes_kept
            progress.update(done, 2 * text_bytes, "bytes of text")


def _fitted(table: pa.Table, stage: StageFiles, schema: pa.Schema) -> pa.Table:
    """Return a shard with the columns of all, nulls where it has none, and the name of its stage."""
    rows = table.num_rows
    columns = []
    for place in schema:
        if place.name == STAGE:
            columns.append(pa.array([stage.name] * rows, pa.string()))
        elif place.name in table.column_names:
            columns.append(table[place.name].cast(place.type))
        else:
            columns.append(pa.nulls(rows, place.type))
    return pa.table(columns, schema=schema)
