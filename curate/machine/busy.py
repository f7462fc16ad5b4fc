"""How busy the GPUs are: NVML's utilisation, sampled by a thread while a stage works.

Out: seconds of GPU time that passed and how many of them some kernel ran. A GPU that always runs some kernel may still
do little in each; tokens a second tell that. Without NVML both stay zero.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from curate.machine.energy import gpu_handles

EVERY_S = 0.5


class GpuWatch:
    """Watches GPUs while it is entered: the first of those that this process may use, as many as `count` says then."""

    def __init__(self, count: Callable[[], int]) -> None:
        self.gpu_s = self.busy_s = 0.0
        self._count, self._handles = count, _visible()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gpu-watch", daemon=True)

    def __enter__(self) -> Self:
        if self._handles:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._handles:
            self._thread.join()

    def _watch(self) -> None:
        import pynvml

        before = time.monotonic()
        while not self._end.wait(EVERY_S):
            try:
                watched = self._handles[: self._count()]
                shares = [pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100 for handle in watched]
            except pynvml.NVMLError:  # a driver that does not tell
                return
            now = time.monotonic()
            self.gpu_s += (now - before) * len(shares)
            self.busy_s += (now - before) * sum(shares)
            before = now


def gpu_names() -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; none without a driver."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part.strip() for part in named.split(",") if part.strip())
    return tuple(str(number) for number in range(len(gpu_handles())))


def gpu_memory_bytes(names: Sequence[str | None]) -> int | None:
    """Return the memory of the smallest of some GPUs; None where it is not known."""
    handles = gpu_handles()
    if not names or any(name is None or not name.isdigit() or int(name) >= len(handles) for name in names):
        return None
    import pynvml

    return min(int(pynvml.nvmlDeviceGetMemoryInfo(handles[int(name or 0)]).total) for name in names)


def _visible() -> list[Any]:
    """Return the handles of those GPUs, as far as they are named by number."""
    handles = list(gpu_handles())
    return [handles[int(name)] for name in gpu_names() if name.isdigit() and int(name) < len(handles)]
