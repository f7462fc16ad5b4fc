"""Which documents a deduplication compares: all of its inputs, or some of them, and those of earlier corpora.

`within: repo` compares documents that agree in that column and leaves duplicates in different repositories alone;
`across: repo` compares those that differ in it, so that a repository keeps its own duplicates. A document without a
value agrees with none. `within: path` keeps, of several versions of a package, one of each file that did not change.

`against` names earlier corpora. Their documents are read from Parquet, sketched like the others, and stand above all
of them: a document that duplicates one is dropped and names it as its survivor, with the corpus beside it. They are
not compared with each other and are not written anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from curate.dedup.drops import verdict
from curate.dedup.survivors import Ranked, order_columns, rank, sketched_shards
from curate.errors import UserError
from curate.files.contents import HashBy, Outside
from curate.files.shards import list_shards, read_schema, read_shard, write_shard
from curate.llm.types import ModelSpec
from curate.records.receipts import read_receipts, read_record
from curate.records.standing import standing
from curate.stage import Columns, Context, GlobalFilter, Map, Need, Verdict

Pairs = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpora:
    """The sketches and shards to compare: first those of the stage's inputs, then those of earlier corpora."""

    sketches: list[Path]
    shards: list[Path]
    names: list[str | None]
    """For each shard the entry of `against` that it belongs to; None for the inputs."""

    @property
    def own(self) -> int:
        """How many of the shards are the stage's inputs."""
        return self.names.count(None)


class Comparison(GlobalFilter):
    """What all deduplication has in common."""

    keep_best: list[str] = Field(
        default=["license", "stars"], description="columns that choose the survivor, before length and id"
    )
    within: str | None = Field(default=None, description="compare only documents that agree in this column, say repo")
    across: str | None = Field(default=None, description="compare only documents that differ in this column, say repo")
    against: list[str] = Field(
        default=[], description="earlier corpora whose duplicates go too: RUN/STAGE, or folders of Parquet files"
    )

    hash: HashBy = Field(
        default="listing",
        description="how a changed file of `against` is known: by its size and time, or (content) by its bytes",
    )
    memory_mb: float = Field(
        default=1000,
        ge=50,
        description="memory to put documents in order, else it is done on disk; a quarter holds decoded shards",
    )

    PLACES: ClassVar[frozenset[str]] = frozenset({"hash"})
    REASON: ClassVar[str]
    """Why a row is dropped, as its `reason` says it."""

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if self.within is not None and self.across is not None:
            raise ValueError(f"within {self.within!r} and across {self.across!r} exclude each other; leave one out")
        return self

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where an earlier corpus is not there."""
        for place in self.against:
            for directory in {path.parent.parent for path in earlier_shards(place)}:
                if (stands := standing(directory)).damaged:
                    raise UserError(
                        f"against: {place!r} is damaged: {stands.told()}; run its recipe again, which makes that anew"
                    )

    def needs(self) -> list[Need]:
        """List the column that groups, and those that choose the survivor where the recipe names them."""
        chosen = self.keep_best if "keep_best" in self.model_fields_set else []
        wanted = [(f"keep_best: {name}", name) for name in chosen]
        if self.grouping is not None:
            wanted.append((f"{'within' if self.within else 'across'}: {self.grouping}", self.grouping))
        return [Need((name,), asked_by) for asked_by, name in wanted]

    def adds(self) -> Columns:
        """Nothing: what is dropped carries the evidence."""
        return {}

    def outside(self) -> list[Outside]:
        """List the earlier corpora's files; those of a run are marked by the digests in its receipts."""
        return [file for place in self.against for file in _earlier_files(place)]

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what the plan lists."""
        return verdict(shard, context, self.REASON)

    @property
    def shelf_bytes(self) -> float:
        """A quarter of `memory_mb`: shards that were sketched are read again to be compared and judged."""
        return self.memory_mb * 1e6 / 4

    @property
    def grouping(self) -> str | None:
        """The column by which documents are compared or not."""
        return self.within or self.across

    def order_columns(self, shard: pa.Table) -> dict[str, pa.Array]:
        """Return what the sketch needs besides its digest or signature: the survivor order, and `group` if any."""
        columns = order_columns(shard, self.keep_best)
        if self.grouping is None:
            return columns
        if self.grouping not in shard.column_names:
            raise UserError(
                f"{'within' if self.within else 'across'}: {self.grouping!r} is no column of the documents; "
                f"the columns are: {', '.join(shard.column_names)}"
            )
        return {**columns, "group": shard.column(self.grouping).combine_chunks().cast(pa.string())}

    def corpora(self, context: Context, map: Map) -> Corpora:
        """Sketch the earlier corpora and return all that is to be compared."""
        own = sketched_shards(context)
        earlier = [(place, path) for place in self.against for path in earlier_shards(place)]
        sketches = [context.plan / "earlier" / f"{number:06}.parquet" for number in range(len(earlier))]
        shards = [path for _, path in earlier]
        map(partial(_sketch_earlier, self, context), list(zip(shards, sketches, strict=True)))
        return Corpora(
            [sketch for sketch, _ in own] + sketches,
            [shard for _, shard in own] + shards,
            [None] * len(own) + [place for place, _ in earlier],
        )

    def ranked(self, context: Context, corpora: Corpora) -> Ranked:
        """Return all documents, best first."""
        grouped = self.grouping is not None
        return rank(
            context.plan, corpora.sketches, self.keep_best, corpora.own, grouped=grouped, memory_mb=self.memory_mb
        )

    def corpus_column(self, corpora: Corpora, ranked: Ranked, survivors: Offsets) -> dict[str, pa.Array]:
        """Return the column that names the earlier corpus of each survivor, where there are earlier corpora."""
        if not self.against:
            return {}
        return {"corpus": pa.array(corpora.names, pa.string()).take(pa.array(ranked.shard[survivors]))}

    def comparable(self, ranked: Ranked, pairs: Pairs) -> npt.NDArray[np.bool_]:
        """Tell which pairs (better, worse) may lead to a drop."""
        better, worse = pairs[:, 0], pairs[:, 1]
        new = worse >= ranked.earlier
        if ranked.groups is None:
            return new
        same = ranked.groups[better] == ranked.groups[worse]
        allowed: npt.NDArray[np.bool_] = new & (same if self.within is not None else ~same)
        return allowed


def _sketch_earlier(stage: Comparison, context: Context, item: tuple[Path, Path]) -> None:
    path, sketch = item
    columns = ["id", "text", *filter(None, [stage.grouping])]
    have = read_schema(path).names
    for name in columns:
        if name not in have:
            raise UserError(f"against: {path} has no column {name!r}; the columns are: {', '.join(have)}")
    write_shard(stage.sketch(read_shard(path, columns), context), sketch)


def _earlier_files(place: str) -> list[Outside]:
    shards = earlier_shards(place)
    directory = shards[0].parent.parent
    of_run = (Path(place).parent / "run.json").exists()
    digests = (
        {receipt.shard: receipt.kept_sha256 + receipt.base_sha256 for receipt in read_receipts(directory)}
        if of_run
        else {}
    )
    statuses = [path.stat() for path in shards]
    return [
        Outside(str(path), status.st_size, digests.get(path.stem, str(status.st_mtime_ns)), str(path))
        for path, status in zip(shards, statuses, strict=True)
    ]


def earlier_shards(place: str) -> list[Path]:
    """Return the Parquet files of an earlier corpus: the kept rows of `RUN/STAGE`, or the files of a folder."""
    from curate.records.status import read_run  # what draws its tables takes 0.07 s to load

    path = Path(place)
    if (path / "run.json").exists():
        names = ", ".join(stage.name for stage in read_run(path).stages)
        raise UserError(
            f"against: {place!r} is a run; name one of its stages behind it, such as {path}/STAGE ({names})"
        )
    if (path.parent / "run.json").exists():
        stage = read_run(path.parent).stage(path.name)
        record = read_record(stage.directory)
        if record is None or record.state != "done":
            raise UserError(f"against: stage {path.name!r} of {path.parent} is not done; finish that run first")
        path = stage.directory / "kept"
    shards = list_shards(path) if path.is_dir() else []
    if not shards:
        raise UserError(f"against: no Parquet files at {place!r}; give RUN/STAGE, or a folder of Parquet files")
    return shards
