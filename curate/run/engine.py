"""Engines: where shards are worked on. `map(function, items)` and nothing more.

`local` works in this process for one worker, else in a pool of processes, or of threads for stages that say they let
the interpreter go; `ray` sends Ray Core tasks to one machine or a cluster (extra `[ray]`). Results come in any order;
what a stage writes does not depend on it. Counting, resume and progress live above, in curate/run/runner.py, so all
engines look the same to the user.

When a worker dies (out of memory, a crash in native code), what was in flight is tried again one item at a time; an
item whose worker then dies twice fails, and the others go on.
"""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Protocol, Self

from curate.errors import Trouble, UserError, from_os_error, how_to_install
from curate.machine.network import unreachable
from curate.machine.workers import start_worker

ATTEMPTS = 2
NO_RAY = f"engine 'ray' needs the package ray: {how_to_install('ray>=2.44')}, or use --engine local"


@dataclass(frozen=True)
class Outcome:
    """What became of one item: its value, or the error that stopped it.

    `mistake` marks an error that the user can mend (a UserError); `detail` is the traceback for the log.
    """

    item: Any
    value: Any = None
    error: str | None = None
    mistake: bool = False
    detail: str = ""


class Engine(Protocol):
    """The seam between the runner and the machines."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:
        """Yield one Outcome for each item, as they finish. `function` must be picklable."""
        ...

    def __enter__(self) -> Self:
        """Start nothing yet: workers start with the first map."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the workers; at once if an exception is on its way out."""
        ...


def open_engine(kind: str, workers: int | None = None, address: str | None = None) -> Engine:
    """Return the engine of that kind with that many workers (default: the cores this process may use)."""
    count = workers or len(os.sched_getaffinity(0))
    if kind == "ray":
        from curate.run.engine_ray import RayEngine

        return RayEngine(count, address)
    return LocalEngine(count)


def attempt(function: Callable[[Any], Any], item: Any) -> Outcome:
    """Run the function on one item and fold any error into the Outcome."""
    try:
        return Outcome(item, function(item))
    except UserError as error:
        return Outcome(item, error=str(error), mistake=True)
    except Trouble as error:
        return Outcome(item, error=str(error), detail=traceback.format_exc())
    except OSError as error:
        return Outcome(item, error=str(from_os_error(error)), mistake=True, detail=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - one broken shard must not take the others with it; it is reported
        message = " ".join(str(error).split())[:300]
        return Outcome(item, error=f"{type(error).__name__}: {message}", detail=traceback.format_exc())


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
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=start_worker)
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


def check_engine(kind: str, address: str | None) -> None:
    """Raise UserError, soon, for an engine whose package or cluster is not there; None and `auto` are Ray's to find."""
    if kind != "ray":
        return
    if find_spec("ray") is None:
        raise UserError(NO_RAY)
    if address and ":" in address:
        why = unreachable(f"http://{address.removeprefix('ray://')}")
        if why is not None:
            raise UserError(f"engine.address: no Ray cluster at {address!r} ({why}); start it or mend the address")


def ordered(
    engine: Engine,
    function: Callable[[Any], Any],
    items: Iterable[Any],
    tell: Callable[[int, int], None] = lambda *_: None,
) -> list[Any]:
    """Map and return the values in item order; the first error is raised. This is what a stage's `plan` is given.

    `tell(done, total)` is called after each item.
    """
    numbered = list(enumerate(items))
    values: dict[int, Any] = {}
    for outcome in engine.map(partial(_on_second, function), numbered):
        if outcome.error is not None:
            raise UserError(outcome.error) if outcome.mistake else RuntimeError(outcome.detail or outcome.error)
        values[outcome.item[0]] = outcome.value
        tell(len(values), len(numbered))
    return [values[index] for index, _ in numbered]


def _on_second(function: Callable[[Any], Any], pair: tuple[int, Any]) -> Any:
    return function(pair[1])
