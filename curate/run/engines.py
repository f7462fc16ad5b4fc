"""The engines by name: `local` and `ray`."""

import os

from curate.run.engine import Engine
from curate.run.local_engine import LocalEngine
from curate.run.ray_engine import RayEngine, check_ray


def open_engine(kind: str, workers: int | None = None, address: str | None = None) -> Engine:
    """Return the engine of that kind with that many workers (default: the cores this process may use, or the CPUs of
    the cluster)."""
    if kind == "ray":
        return RayEngine(workers, address)
    return LocalEngine(workers or len(os.sched_getaffinity(0)))


def check_engine(kind: str, address: str | None) -> None:
    """Raise UserError, soon, for an engine whose package or cluster is not there."""
    if kind == "ray":
        check_ray(address)
