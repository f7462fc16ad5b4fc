"""The shapes of a stage: what the author of one writes, and what the runner gives it.

A stage is a frozen, keyword-only, validated record of its parameters with one method that does the work:

    Source        read(part)        -> Made       outside data in, Documents out
    Filter        judge(shard)      -> Verdict    keep or drop each row, with a reason
    Maker         make(shard)       -> Made       new Documents from old ones (seeds, textbooks, exercises)
    StreamMaker   make_all(shards)  -> Made each  the same, all shards in one stream
    GlobalFilter, GlobalMaker                     the same, after `sketch` and `plan` have learnt from all shards
    Job           run(context)      -> metrics    everything else: training, evaluation

The runner (curate/run/runner.py) owns the rest: shards, receipts, resume, counting, progress. A stage never writes into
`kept/` or `dropped/`, never sees which engine runs it, and keeps no state between shards, so that any number of
workers in any order give the same bytes.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curate.files.contents import Outside
from curate.files.shards import list_shards
from curate.files.shelf import Shelf
from curate.llm.budget import Budget
from curate.llm.types import ModelSpec
from curate.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")
Metrics = dict[str, float]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]
"""What `plan` may use to spread its own work: map(function, items) -> results in item order.

The function must be picklable: a module-level function or a `functools.partial` of one."""


@dataclass(frozen=True)
class Reference:
    """Marks a parameter that names another part of the recipe, so that it is checked and ordered before it runs."""

    kind: str


StageRef = Annotated[str, Reference("stage")]
ModelRef = Annotated[str, Reference("model")]


Columns = Mapping[str, pa.DataType | None]
"""Columns by name, with their types; None for a type that is known only when the data are read."""


@dataclass(frozen=True)
class Need:
    """A column that a stage must find in what it reads."""

    columns: tuple[str, ...]
    """Any one of these will do."""
    asked_by: str
    """What asks for it, as the recipe writes it: `within: repo`."""
    numbers: bool = False
    """Whether it must hold numbers."""
    of: str | None = None
    """The stage that must carry it; by default each of those under `from:`."""
    advice: str = "keep it in the source with `keep:`"


@dataclass(frozen=True)
class Context:
    """What a stage may know besides its parameters and the shard in hand. Picklable; the same for every shard."""

    name: str
    """The stage's name in the recipe."""
    seed: int
    """The run's seed; draw from `derive_seed(context.seed, document_id)`, never from global state."""
    directory: Path
    """The stage's own directory: `plan/`, `calls/` and, for jobs, output files live here."""
    inputs: Mapping[str, Path] = field(default_factory=dict)
    """The stages under `from:`, in order: name -> that stage's directory."""
    references: Mapping[str, Path] = field(default_factory=dict)
    """The stages that StageRef parameters name: name -> that stage's directory."""
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    """The recipe's `models:`."""
    budgets: tuple[Budget, ...] = ()
    """What its models may cost, by `usd:` of the stage and of the run."""
    shelf: Shelf = field(default_factory=Shelf, compare=False)
    """Where shards are read that are read again."""
    whole: bool = True
    """Whether its kept rows are written with their text, though they could rest on an earlier stage's."""
    progress: Progress = field(default_factory=Progress, compare=False)
    """Where `plan` says how far it is, and what an ALONE stage does within a shard; silent elsewhere."""

    @property
    def plan(self) -> Path:
        """The folder that `GlobalFilter.plan` fills and `judge` reads."""
        return self.directory / "plan"

    @property
    def calls(self) -> Path:
        """The folder of the LLM call log."""
        return self.directory / "calls"

    def shards(self) -> list[Path]:
        """The kept shards of all inputs, in input order, then name order."""
        return [path for directory in self.inputs.values() for path in list_shards(directory / "kept")]


@dataclass(frozen=True)
class Verdict:
    """What a filter says of each row of one shard, columnar.

    reasons   string array, one per row: why the row is dropped, or null to keep it
    columns   new or replaced columns (scores), written to kept and dropped rows alike
    evidence  columns for dropped rows only: `score` (the value that broke the rule), `survivor`, `similarity`
    metrics   sums for the receipt (tokens, calls, ...)
    """

    reasons: pa.Array
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    evidence: Mapping[str, pa.Array] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=dict)

    def split(self, shard: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return (kept, dropped); together they hold every row of the shard, in its order."""
        if len(self.reasons) != shard.num_rows:
            raise ValueError(f"{len(self.reasons)} verdicts for {shard.num_rows} rows")
        for name, values in self.columns.items():
            position = shard.column_names.index(name) if name in shard.column_names else None
            shard = shard.append_column(name, values) if position is None else shard.set_column(position, name, values)
        marked = shard.append_column("reason", self.reasons)
        for name, values in self.evidence.items():
            marked = marked.append_column(name, values)
        keep = pc.is_null(self.reasons)
        return shard.filter(keep), marked.filter(pc.invert(keep))


@dataclass(frozen=True)
class Made:
    """New Documents and, beside them, the attempts that failed: rows that carry a `reason` column.

    Every attempt stands in exactly one of the two tables, so attempts = documents + rejected.
    """

    documents: pa.Table
    rejected: pa.Table
    metrics: Metrics = field(default_factory=dict)


class Stage(BaseModel, ABC):
    """Base of all stages. Subclass fields are the YAML parameters; the docstring is what `curate stages` prints.

    VERSION is part of the cache key: raise it whenever the same input would give other bytes.
    ALONE stages run one shard at a time in the driver process, because they use the whole machine themselves
    (an LLM in process, a pool of sandboxes).
    THREADS stages spend their time in code that lets the interpreter go (Arrow, compiled loops), so that the workers of
    the local engine are threads.
    PLACES are the parameters that say where outside files lie: the files count, wherever they are.
    READS and YIELDS say what may stand above and below it: `documents`, `a model` or `scores`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)

    VERSION: ClassVar[int] = 1
    ALONE: ClassVar[bool] = False
    THREADS: ClassVar[bool] = False
    PLACES: ClassVar[frozenset[str]] = frozenset()
    READS: ClassVar[str] = "documents"
    YIELDS: ClassVar[str] = "documents"

    def fingerprint(self) -> str:
        """Digest of outside data that the stage reads besides its inputs (source files, benchmark files)."""
        return ""

    def outside(self) -> Sequence[Outside]:
        """List the files outside that it reads besides its inputs. Where there are any, they stand for `fingerprint`,
        and are compared with those of earlier runs (curate/files/contents.py)."""
        return ()

    def needs(self) -> Sequence[Need]:
        """List the columns, besides id, text and source, without which it cannot work (curate/run/columns.py
        checks)."""
        return ()

    def adds(self) -> Columns | None:
        """List the columns that its kept rows have besides those that it reads (a source, a maker: besides id, text and
        source). None where only a run can tell: then nothing below is refused for want of a column."""
        return None

    def fewest(self) -> int:
        """Return the number of documents with fewer of which it refuses to work."""
        return 0

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError before anything runs if something outside is missing (a file, a benchmark, a model)."""

    def check_inputs(self, inputs: tuple[str, ...]) -> None:
        """Raise UserError while the recipe is read if a parameter does not suit the names under `from:`."""


@dataclass(frozen=True)
class Part:
    """One unit of a source: what becomes one shard. `name` is the shard's name; `paths` and `rows` say what to read."""

    name: str
    paths: tuple[str, ...]
    start: int = 0
    stop: int | None = None
    repeats: tuple[int, ...] = ()
    """Rows of this part whose id stood earlier in the source; `read` rejects them."""


@dataclass(frozen=True)
class Volume:
    """How much a source holds; None for what is not known without reading it."""

    documents: float | None = None
    text_bytes: float | None = None


class Source(Stage):
    """Reads outside data."""

    def volume(self) -> Volume:
        """Return how much there is to read, as far as listings and footers tell."""
        return Volume()

    def extent(self) -> str:
        """Say how much there is to read, as far as that is known without reading: `12 files, 340 MB`."""
        return ""

    def prepare(self, progress: Progress) -> None:
        """Fetch what must be near before `parts` can list it. It may be killed, and is called again."""

    @abstractmethod
    def parts(self) -> list[Part]:
        """List the units to read, in a stable order. Raises UserError where there is nothing to read."""

    @abstractmethod
    def read(self, part: Part) -> Made:
        """Read one part: Documents, and beside them what could not be one, with a reason."""


class Filter(Stage):
    """Judges rows, one shard at a time."""

    @abstractmethod
    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Return a verdict for every row of the shard."""


class Maker(Stage):
    """Makes new Documents from the rows of a shard, one attempt or more per row."""

    def passes_on(self, column: str) -> bool:  # noqa: ARG002 - most pass on none
        """Tell whether its Documents have a column of the rows that they come from, where these have it."""
        return False

    @abstractmethod
    def make(self, shard: pa.Table, context: Context) -> Made:
        """Return new Documents and rejected attempts."""


class StreamMaker(Maker):
    """A maker that works on all shards at once, so that what answers it (a GPU, a pool of sandboxes) never runs empty
    between two of them. Each shard still gets its own receipt, as soon as its last attempt ends."""

    ALONE: ClassVar[bool] = True

    @abstractmethod
    def make_all(self, shards: Iterator[tuple[str, pa.Table]], context: Context) -> Iterator[tuple[str, Made]]:
        """Yield what is made of each shard, under its name, in the order of the shards; they may be read ahead.

        `shards` holds those without a receipt. What a shard's rows owe to earlier shards must not depend on whether
        those are in the stream or were done by an earlier run.
        """

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Work on one shard alone."""
        [(_, made)] = self.make_all(iter([("shard", shard)]), context)
        return made


class Global(Stage):
    """A stage that must learn something from all shards before it can work on one.

    `sketch` runs once per shard (in parallel, resumable); the runner stores each sketch as
    `plan/sketches/<shard name>.parquet`. `plan` runs once, reads `context.plan / "sketches"` (and the shards, if it
    must), and writes what it learnt into `context.plan`, where `judge` or `make` reads it.
    """

    @property
    def shelf_bytes(self) -> float:
        """How much of the decoded shards may stay in memory from `sketch` on, where all is done in one process."""
        return 0

    @abstractmethod
    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """Return the small part of a shard that `plan` needs."""

    @abstractmethod
    def plan(self, context: Context, map: Map) -> Metrics:
        """Learn from all sketches, write files into `context.plan`, return figures for the report."""


class GlobalFilter(Global, Filter):
    """A filter that learns from all shards first."""


class GlobalMaker(Global, Maker):
    """A maker that learns from all shards first."""


class Job(Stage):
    """Anything that reads whole inputs and leaves files in `context.directory`: training, evaluation.

    A job may be killed at any moment and is then run again in the same directory; it must resume from what it finds
    there or start afresh, and must write its final files atomically.
    """

    ALONE: ClassVar[bool] = True
    YIELDS: ClassVar[str] = "scores"

    @abstractmethod
    def run(self, context: Context, progress: Progress) -> Metrics:
        """Do the work and return the figures that the report and `curate status` show."""


def derive_seed(seed: int, *parts: object) -> int:
    """Return a 63-bit seed that depends on the run's seed and the parts alone.

    >>> derive_seed(17, "doc-1") == derive_seed(17, "doc-1") != derive_seed(18, "doc-1")
    True
    """
    text = "\x1f".join([str(seed), *map(str, parts)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
