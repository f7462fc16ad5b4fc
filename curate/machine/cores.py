"""Which processor cores belong to inference engines, so that they and hundreds of sandboxes do not starve each other.

In: the engines' processes. Out: each of them and all below it keep to a few cores of their own; this process, and what
it starts from then on, keeps to the others. Where there are too few cores to divide nothing is changed. Linux only.
"""

import os
from contextlib import suppress
from pathlib import Path

FOR_ENGINE = (3, 2)
"""Cores of one engine: its scheduler, its text, and one for the threads of both; fewer where they are scarce."""


class Cores:
    """The division, until `give_back`."""

    def __init__(self, engines: list[int]) -> None:
        self._all = sorted(os.sched_getaffinity(0))
        each = next((count for count in FOR_ENGINE if 2 * count * len(engines) <= len(self._all)), 0)
        if not each:
            return
        for place, pid in enumerate(engines):
            own = set(self._all[place * each : (place + 1) * each])
            for process in (pid, *_below(pid)):
                _keep_to(own, process)
        os.sched_setaffinity(0, self._all[each * len(engines) :])

    def give_back(self) -> None:
        """Let this process use all cores again."""
        os.sched_setaffinity(0, self._all)


def keep_with_this(pids: list[int]) -> None:
    """Bind processes, and all below them, to the cores that this one may use now."""
    for pid in pids:
        for process in (pid, *_below(pid)):
            _keep_to(os.sched_getaffinity(0), process)


def _keep_to(cores: set[int], pid: int) -> None:
    """Bind all threads of a process."""
    with suppress(OSError):  # it has just ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(thread.name), cores)


def _below(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they did."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children = (thread / "children").read_text(encoding="ascii").split()
            found += [process for child in map(int, children) for process in (child, *_below(child))]
    return found
