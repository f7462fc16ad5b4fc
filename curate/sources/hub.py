"""Data sets of the Hugging Face hub (or a local folder in the hub's layout) as a source, through `datasets`.

Streamed, nothing is stored: with a limit, parts are row ranges of the stream; without one, each file of the data set
is one part. Not streamed, the data set is downloaded into the cache of `datasets` first, and parts are row ranges.
A streamed row range is reached by reading past what stands before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.machine.network import missing_on_hub, unreachable_hub
from curate.sources.rows import Cut
from curate.sources.values import as_ids

WHOLE = "*"
"""The unit that stands for the whole stream; other units are numbers of the data set's files."""
BATCH_ROWS = 1000


@dataclass(frozen=True)
class Dataset:
    """Which data set, and how it is read."""

    hub: str
    config: str | None
    split: str
    revision: str | None
    streaming: bool

    def check(self) -> None:
        """Raise UserError for a data set that is not there. One that was downloaded before needs no network."""
        if Path(self.hub).is_dir():
            return
        why = unreachable_hub()
        if why is None:
            missing = missing_on_hub(self.hub, "dataset", self.revision)
            if missing is not None:
                raise UserError(f"data set {self.hub!r}: {missing}")
        elif self.streaming:
            raise UserError(
                f"data set {self.hub!r} is read over the network, and the hub cannot be reached ({why}); "
                f"name a folder or files instead (folder:, path:)"
            )

    def cuts(
        self, columns: Sequence[str], id_column: str | None, shard_rows: int, limit: int | None
    ) -> Iterator[tuple[str, Cut]]:
        """Yield (unit, cut); a cut without rows is a whole file of unknown length. Raises UserError."""
        opened = self._open(columns)
        if not self.streaming or limit is not None:
            rows = limit if self.streaming else min(limit or len(opened), len(opened))
            yield from self._cut(opened, WHOLE, id_column, shard_rows, rows)
            return
        for index in range(opened.num_shards):
            if id_column is None:
                yield str(index), Cut(0, 0)
            else:
                yield from self._cut(opened.shard(opened.num_shards, index), str(index), id_column, shard_rows, None)

    def read(self, unit: str, start: int, stop: int | None, columns: Sequence[str]) -> pa.Table:
        """Return the rows of a unit from `start` to `stop`."""
        opened = self._open(columns)
        if unit != WHOLE:
            opened = opened.shard(opened.num_shards, int(unit))
        return pa.concat_tables(_tables(opened, start, stop), promote_options="permissive")

    def _cut(
        self, opened: Any, unit: str, id_column: str | None, step: int, rows: int | None
    ) -> Iterator[tuple[str, Cut]]:
        if id_column is None:
            for start in range(0, rows or 0, step):
                stop = min(start + step, rows or 0)
                yield unit, Cut(start, stop, stop - start)
            return
        ids: list[str | None] = []
        start = 0
        for table in _tables(opened.select_columns([id_column]), 0, rows):
            ids += as_ids(table.column(0))[0].to_pylist()
            while len(ids) >= step:
                yield unit, Cut(start, start + step, step, ids[:step])
                start, ids = start + step, ids[step:]
        if ids:
            yield unit, Cut(start, start + len(ids), len(ids), ids)

    def _open(self, columns: Sequence[str]) -> Any:
        """Return the data set with just these columns."""
        import datasets

        quiet()
        try:
            opened = datasets.load_dataset(
                self.hub, self.config, split=self.split, revision=self.revision, streaming=self.streaming
            )
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            detail = " ".join(str(error).split())[:300]
            raise UserError(
                f"cannot open data set {self.hub!r}, split {self.split!r}: {detail}; "
                f"check the name, the config and the network (HF_TOKEN for gated ones)"
            ) from error
        names = opened.column_names or list(next(iter(opened.take(1)), {}))
        for name in columns:
            if name not in names:
                raise UserError(f"data set {self.hub!r} has no column {name!r}; its columns are: {', '.join(names)}")
        return opened.select_columns(list(columns))


def quiet() -> None:
    """Keep the hub's libraries from writing to the terminal: what goes wrong is raised, and told in one line."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity_error()
    huggingface_hub.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def _tables(opened: Any, start: int, stop: int | None) -> Iterator[pa.Table]:
    """Yield the rows from `start` to `stop` as Arrow tables; at least one, perhaps empty."""
    opened = opened.skip(start) if start else opened
    if stop is not None:
        opened = opened.take(stop - start)
    empty = True
    for table in opened.with_format("arrow").iter(batch_size=BATCH_ROWS):
        empty = False
        yield table
    if empty:
        yield pa.table({name: pa.array([], pa.string()) for name in opened.column_names or ()})
