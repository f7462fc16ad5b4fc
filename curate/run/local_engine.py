"""The local engine: in this process for one worker, else a pool of processes, or of threads where a stage allows it.

When a worker dies (out of memory, a crash in native code), what was in flight is tried again one item at a time; an
item whose worker then dies twice fails, and the others go on.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self

from curate.machine.workers import start_worker
from curate.run.engine import ATTEMPTS, Outcome, attempt
from curate.run.fresh import Fresh


class LocalEngine:
    """Works here: in this process for one worker, else in that many processes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:  # noqa: ARG002 - one machine's GPUs need no scheduling
        """Yield outcomes as they finish, at most two items per worker in flight, so that memory stays bounded."""
        if self.workers == 1:
            yield from (attempt(function, item) for item in items)
            return
        waiting = list(items)[::-1]
        running: dict[Future[Outcome], Any] = {}
        while waiting or running:
            while waiting and len(running) < 2 * self.workers:
                try:
                    future = self._workers().submit(attempt, function, waiting[-1])
                except BrokenProcessPool:  # a worker died while it had nothing to do
                    if running:
                        break  # they were lost with it, as is seen below
                    self._stop(now=True)
                    continue
                running[future] = waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            lost = []
            for future in done:
                item = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    lost.append(item)
            if lost:
                yield from self._after_a_death([*lost, *running.values()], function)
                running.clear()

    def _after_a_death(self, items: list[Any], function: Callable[[Any], Any]) -> Iterator[Outcome]:
        """Try what was in flight again, one item at a time, so that the next death has one culprit."""
        self._stop(now=True)
        for item in items:
            yield self._alone(function, item)

    def _alone(self, function: Callable[[Any], Any], item: Any) -> Outcome:
        for _ in range(ATTEMPTS):
            try:
                future = self._workers().submit(attempt, function, item)
            except BrokenProcessPool:  # a worker died while it had nothing to do
                self._stop(now=True)
                future = self._workers().submit(attempt, function, item)
            try:
                return future.result()
            except BrokenProcessPool:
                self._stop(now=True)
        return Outcome(item, error=f"its worker died {ATTEMPTS} times (out of memory, or a crash in native code)")

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, mp_context=Fresh(), initializer=start_worker)
        return self._pool

    def _stop(self, *, now: bool) -> None:
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        processes = list((getattr(pool, "_processes", None) or {}).values())
        if now:
            for process in processes:
                process.kill()
        pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(now=kind is not None)


class ThreadEngine(LocalEngine):
    """Works in threads of this process, for what spends its time in Arrow and compiled loops.

    Both let the interpreter go, so threads are as fast as processes, and save each one's start and its own copy of
    compiled loops and Arrow: 0.8 s and 200 MB. A crash in native code ends the run; run it again to go on.
    """

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:  # noqa: ARG002
        """Yield outcomes as they finish."""
        import pyarrow

        pool = ThreadPoolExecutor(self.workers)
        try:
            for future in as_completed([pool.submit(attempt, function, item) for item in items]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
            pyarrow.default_memory_pool().release_unused()  # else what these threads set free stays theirs: 100 MB
