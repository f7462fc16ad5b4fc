"""Energy used by this machine so far, where it can be read: NVIDIA GPUs through NVML, CPU packages through RAPL.

The counters are the machine's, so a difference charges a stage with all that ran meanwhile. Where no counter can be
read the answer is None, never a guess. A GPU counts since its driver loaded; a RAPL counter wraps after hours, and a
wrapped one makes the difference negative, which the caller sees as it is.
"""

from functools import cache
from pathlib import Path

RAPL = Path("/sys/class/powercap")


def joules_so_far() -> float | None:
    """Return the sum of all readable energy counters in joules, or None if there are none."""
    readings = [*_gpu_joules(), *_cpu_joules()]
    return sum(readings) if readings else None


def _cpu_joules() -> list[float]:
    values = []
    for counter in sorted(RAPL.glob("intel-rapl:?/energy_uj")):
        try:
            values.append(int(counter.read_text()) / 1e6)
        except OSError:  # readable by root only on most systems
            continue
    return values


def _gpu_joules() -> list[float]:
    if not gpu_handles():
        return []
    import pynvml

    return [pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3 for handle in gpu_handles()]


@cache
def gpu_handles() -> tuple[object, ...]:
    """Return NVML handles of the GPUs that count energy; none without a driver."""
    if not Path("/dev/nvidiactl").exists():
        return ()
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        for handle in handles:
            pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError:
        return ()
    return tuple(handles)
