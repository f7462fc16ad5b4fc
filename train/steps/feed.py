"""Feeding: the batches of the next steps, read from the rows by a thread while the device computes.

A batch is (rows, length) int32 in pinned memory, copied without waiting: half a megabyte a step. Processes whose share
is a row shorter get one of padding, so that all make as many passes of the same shape.
"""

import queue
import threading

import torch

from curate.train.corpus.rows import Rows
from curate.train.steps.place import Place
from curate.train.steps.schedule import Schedule

AHEAD = 4


class Feed:
    """A context in which `next` gives this process's rows of one step after another, from `first` on."""

    def __init__(self, rows: Rows, schedule: Schedule, first: int, place: Place) -> None:
        self.rows, self.schedule, self.first, self.place = rows, schedule, first, place
        self.ready: queue.Queue[tuple[torch.Tensor, int] | BaseException] = queue.Queue(AHEAD)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Feed":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        while self.thread.is_alive():
            try:
                self.ready.get(timeout=0.05)
            except queue.Empty:
                continue
        self.thread.join()

    def next(self) -> tuple[torch.Tensor, int]:
        """Return the next step's rows on the device, and the tokens to predict in the whole batch."""
        found = self.ready.get()
        if isinstance(found, BaseException):
            raise found
        ids, predicted = found
        return ids.to(self.place.device, non_blocking=True), predicted

    def _work(self) -> None:
        try:
            if self.place.device.index is not None:  # a thread begins on the first GPU
                torch.cuda.set_device(self.place.device)
            for step in range(self.first, self.schedule.steps):
                start = step * self.schedule.batch_rows
                first, last = self.place.share(self.schedule.batch_rows)
                ids = torch.from_numpy(self.rows.read(start + first, start + last))
                if missing := -(-self.schedule.batch_rows // self.place.world) - len(ids):
                    ids = torch.nn.functional.pad(ids, (0, 0, 0, missing), value=self.rows.pad)
                if self.place.device.type == "cuda":
                    ids = ids.pin_memory()
                self._give((ids, self.rows.predicted(start, start + self.schedule.batch_rows)))
                if self.ended.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - it is raised where the batch is asked for
            self._give(error)

    def _give(self, item: tuple[torch.Tensor, int] | BaseException) -> None:
        while not self.ended.is_set():
            try:
                self.ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue
