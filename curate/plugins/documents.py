"""Stages that look at one document at a time: the shapes to extend for a stage of your own.

    DocumentFilter   judge_document(document)   -> Keep, Drop     what stays, and why not
    DocumentMaker    make_documents(document)   -> New, Drop ...  new documents from one

A document is a dictionary of its columns. For work on whole columns (Arrow, numpy), or with something learnt from all
documents, extend the shapes of curate/stage.py; these two are written with them.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from curate.files.shards import REQUIRED
from curate.stage import Columns, Context, Filter, Made, Maker, Verdict

Document = Mapping[str, Any]
"""One row: `id`, `text`, `source`, and the columns that earlier stages added or a source kept."""
NOTHING = "nothing made"
Item = TypeVar("Item", "Keep | Drop", "New | Drop")


@dataclass(frozen=True)
class Keep:
    """The document stays."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    """Values of COLUMNS, by name."""


@dataclass(frozen=True)
class Drop:
    """The document goes, or an attempt to make one failed."""

    reason: str
    """A few words, the same for all documents of a kind: they are counted by it."""
    score: float | None = None
    """The value that decided."""
    cut: float | None = None
    """The bound that it broke."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    """Of a maker: what the attempt came to."""


@dataclass(frozen=True)
class New:
    """A new document."""

    text: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Values of COLUMNS, by name."""


class DocumentFilter(Filter):
    """Judges one document at a time.

    COLUMNS are those that Keep and Drop bring, with their Arrow types; one that the document has already is replaced.
    """

    COLUMNS: ClassVar[Mapping[str, pa.DataType]] = {}

    @abstractmethod
    def judge_document(self, document: Document, context: Context) -> Keep | Drop | None:
        """Return Drop to drop the document; Keep, or None, to keep it. Must depend on these two alone."""

    def adds(self) -> Columns:
        """List the columns."""
        return self.COLUMNS

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Judge the documents of a shard one after the other."""
        verdicts = [self._judge(document, context) for document in rows(shard)]
        drops = [verdict if isinstance(verdict, Drop) else None for verdict in verdicts]
        columns = {
            name: pa.array([verdict.columns[name] for verdict in verdicts], kind) for name, kind in self.COLUMNS.items()
        }
        evidence = {
            name: pa.array([drop and getattr(drop, name) for drop in drops], pa.float64()) for name in ("score", "cut")
        }
        return Verdict(pa.array([drop and drop.reason for drop in drops], pa.string()), columns, evidence)

    def _judge(self, document: Document, context: Context) -> Keep | Drop:
        with _named(document):
            verdict = self.judge_document(document, context)
            if not isinstance(verdict, Keep | Drop | None):
                raise TypeError(f"judge_document returned {verdict!r:.60}, neither Keep, Drop nor None")
            return _complete(verdict or Keep(), self.COLUMNS, document)


class DocumentMaker(Maker):
    """Makes new documents of one document at a time. They carry its id as `seed_id`.

    COLUMNS are those that New and Drop bring besides, with their Arrow types.
    """

    COLUMNS: ClassVar[Mapping[str, pa.DataType]] = {}

    @abstractmethod
    def make_documents(self, document: Document, context: Context) -> Iterator[New | Drop]:
        """Yield New for each document made, Drop for each attempt that failed. Must depend on these two alone: draw
        with `random.Random(derive_seed(context.seed, document["id"]))`."""

    def adds(self) -> Columns:
        """List the columns."""
        return {"seed_id": pa.string(), **self.COLUMNS}

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Make documents of those of a shard one after the other; where nothing comes of one, that is told."""
        made: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for document in rows(shard):
            for number, item in enumerate(self._items(document, context)):
                row = {"id": f"{document['id']}/{number}", "text": item.text, "source": context.name}
                row |= {"seed_id": document["id"], **item.columns}
                if isinstance(item, New):
                    made.append(row)
                else:
                    failed.append({**row, "reason": item.reason, "score": item.score, "cut": item.cut})
        schema = {**REQUIRED, "seed_id": pa.string(), **self.COLUMNS}
        why = {"reason": pa.string(), "score": pa.float64(), "cut": pa.float64()}
        return Made(_table(made, schema), _table(failed, {**schema, **why}))

    def _items(self, document: Document, context: Context) -> list[New | Drop]:
        with _named(document):
            items: list[New | Drop] = []
            for item in self.make_documents(document, context):
                if not isinstance(item, New | Drop):
                    raise TypeError(f"make_documents yielded {item!r:.60}, neither New nor Drop")
                items.append(_complete(item, self.COLUMNS))
            return items or [Drop(NOTHING)]


def rows(shard: pa.Table) -> Iterator[Document]:
    """Yield the documents of a shard, a batch at a time."""
    for batch in shard.to_batches(max_chunksize=1000):
        yield from batch.to_pylist()


@contextmanager
def _named(document: Document) -> Iterator[None]:
    """Say of an error on which document it came."""
    try:
        yield
    except Exception as error:
        error.add_note(f"document {document['id']!r:.200}")
        raise


def _complete(item: Item, columns: Mapping[str, pa.DataType], document: Document | None = None) -> Item:
    """Give every column a value: the one given, the document's own, or none. Raises TypeError for one too many."""
    unknown = set(item.columns) - set(columns)
    if unknown:
        raise TypeError(f"column {min(unknown)!r} is not in COLUMNS of the stage: add it with its Arrow type")
    values = {name: item.columns.get(name, (document or {}).get(name)) for name in columns}
    return replace(item, columns=values)


def _table(made: list[dict[str, Any]], schema: Mapping[str, pa.DataType]) -> pa.Table:
    return pa.Table.from_pylist(made, schema=pa.schema(list(schema.items())))
