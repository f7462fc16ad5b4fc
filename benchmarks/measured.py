"""Running a command and measuring it with all its children: wall time, processor time, peak memory.

Memory is the proportional set size summed over the processes of the command's session, sampled: memory that several
share counts once, mapped files count as far as they are resident.
"""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 0.05


@dataclass(frozen=True)
class Measured:
    """What one run of a command took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(command: Sequence[str | Path]) -> Measured:
    """Run a command to its end. Raises CalledProcessError with its output where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    peaks = [0.0]
    sampler = threading.Thread(target=_sample, args=(process.pid, peaks), daemon=True)
    sampler.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    sampler.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, output.decode())
    return Measured(wall, usage.ru_utime + usage.ru_stime, max(peaks))


def _sample(session: int, peaks: list[float]) -> None:
    """Append the session's memory until it has no process left."""
    while members := _members(session):
        peaks.append(sum(map(_resident_mb, members)))
        time.sleep(EVERY_S)


def _members(session: int) -> list[Path]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, owner = (place / "stat").read_bytes().rpartition(b")")[2].split()[:4]
            if int(owner) == session and state != b"Z":
                found.append(place)
    return found


def _resident_mb(place: Path) -> float:
    with contextlib.suppress(OSError):
        for line in (place / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0
