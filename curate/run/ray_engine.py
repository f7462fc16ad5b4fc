"""The Ray engine: the same `map` on one machine or a cluster (extra `[ray]`).

Every worker must see the run directory under the same path (one machine, or a shared file system). A task whose
worker dies is retried by Ray; a second death fails the item alone. Deduplication maps files of a plan into memory: a
file system shared by machines must keep such maps coherent once a task has ended. Tests have two nodes, on one
machine.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from curate.errors import UserError, how_to_install
from curate.machine.network import unreachable
from curate.plugins.finding import importable_from
from curate.run.engine import ATTEMPTS, Outcome, attempt

NO_RAY = f"engine 'ray' needs the package ray: {how_to_install('ray>=2.44')}, or use --engine local"
JOIN = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
ray.shutdown()
"""
ANSWER_S = 18.0


def check_ray(address: str | None) -> None:
    """Raise UserError, soon, where Ray or its cluster is not there; None and `auto` are Ray's to find."""
    if find_spec("ray") is None:
        raise UserError(NO_RAY)
    if address and ":" in address:
        why = unreachable(f"http://{address.removeprefix('ray://')}")
        if why is not None:
            raise UserError(f"engine.address: no Ray cluster at {address!r} ({why}); start it or mend the address")


def must_answer(address: str, answer_s: float = ANSWER_S) -> None:
    """Join a cluster from another process. Raises UserError where that does not succeed in time.

    Ray itself goes on trying for ten minutes, in native code that no Ctrl-C reaches.
    """
    check_ray(address)
    try:
        command = [sys.executable, "-c", JOIN, address]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=answer_s, check=False
        )
        told = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = "" if done.returncode == 0 else (told[-1] if told else f"its client ended with {done.returncode}")
    except subprocess.TimeoutExpired:
        why = f"no answer within {answer_s:g} s"
    if why:
        raise UserError(
            f"no Ray cluster at {address!r} ({why[:200]}); start it, mend engine.address, or leave that out"
        )


def _attempt(shared: tuple[bytes, list[str]], item: Any) -> Outcome:
    """Run a function that may come from a module beside the recipe; it is unpickled where that can be imported."""
    function, folders = shared
    importable_from(folders)
    return attempt(partial(_call, function), item)


def _call(function: bytes, item: Any) -> Any:
    return pickle.loads(function)(item)


class RayEngine:
    """Ray Core tasks, at most two in flight for each worker.

    Without a number of workers there are as many as a cluster has CPUs, or this process may use.
    """

    def __init__(self, workers: int | None, address: str | None) -> None:
        try:
            import ray
        except ImportError as error:
            raise UserError(NO_RAY) from error
        self._ray = ray
        self.workers = workers or len(os.sched_getaffinity(0))
        self.chosen = workers
        self.address = address

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:
        """Yield outcomes as tasks finish; the function is stored once in the object store,
        with the folders in which this process finds modules."""
        ray = self._ray
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=ATTEMPTS - 1)(_attempt)
        shared = ray.put((pickle.dumps(function), sys.path))
        waiting = list(items)[::-1]
        running: dict[Any, Any] = {}
        while waiting or running:
            while waiting and len(running) < 2 * self.workers:
                item = waiting.pop()
                running[remote.remote(shared, item)] = item
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                item = running.pop(reference)
                try:
                    yield ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield Outcome(item, error=f"the worker died: {' '.join(str(error).split())[:300]}")

    def __enter__(self) -> Self:
        address = self.address or os.environ.get("RAY_ADDRESS")
        joins = bool(address and address != "local")
        if address and joins:
            must_answer(address)
        settings: dict[str, Any] = {"address": address} if joins else {"address": "local", "num_cpus": self.workers}
        self._ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False, **settings)
        if joins and self.chosen is None:
            self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()
