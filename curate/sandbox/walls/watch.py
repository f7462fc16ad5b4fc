"""What the judge reads in /proc of the processes below it, where no limit of the kernel reaches.

In: a descriptor of a /proc; the judge's own root directory has none, and no sample has the descriptor. Out: what all the
processes of a program use together, which resource limits count for each one alone; and how long the program stood in
line for a processor, which is no fault of its own. Where /proc does not tell, the answer is zero.
"""

import os

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def usage(proc: int) -> tuple[float, float]:
    """Return the CPU seconds and the resident MB of all living descendants of this process together."""
    cpu_s = memory_mb = 0.0
    waiting = _children(proc, os.readlink("self", dir_fd=proc))
    while waiting:
        pid = waiting.pop()
        fields = _read(proc, f"{pid}/stat").rpartition(b")")[2].split()  # from the third on: proc_pid_stat(5)
        if fields:
            cpu_s += sum(map(int, fields[11:15])) / _TICKS_A_SECOND
            memory_mb += int(fields[21]) * _PAGE / 2**20
            waiting += _children(proc, pid)
    return cpu_s, memory_mb


def queued_s(proc: int, handle: int) -> float:
    """Return the seconds for which a process (its pidfd) was ready to run and had no processor."""
    lines = _read(proc, f"self/fdinfo/{handle}").splitlines()
    pid = next((line.split()[1].decode() for line in lines if line.startswith(b"Pid:")), "0")
    fields = _read(proc, f"{pid}/schedstat").split()
    return int(fields[1]) / 1e9 if len(fields) == 3 else 0.0


def _children(proc: int, pid: str) -> list[str]:
    try:
        folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    except OSError:  # it has ended meanwhile
        return []
    try:
        threads = os.listdir(folder)
    finally:
        os.close(folder)
    return [child.decode() for thread in threads for child in _read(proc, f"{pid}/task/{thread}/children").split()]


def _read(proc: int, path: str) -> bytes:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=proc)) as file:
            return file.read()
    except OSError:  # it has ended meanwhile, or this kernel does not tell
        return b""
