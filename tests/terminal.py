"""Running `curate` under a pseudo-terminal, and reading what a person would see on it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len

ROOT = Path(__file__).parent.parent
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
"""Sequences that colour, move or clear, and those that name a window or a link."""


def in_terminal(
    arguments: Sequence[object], columns: int = 80, *, folder: Path = ROOT, timeout_s: float = 300
) -> tuple[int, str]:
    """Run `curate ARGUMENTS...` in a folder, on a terminal of so many columns; return its exit code and all it drew."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "curate", *map(str, arguments)],
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=folder,
        env=environment | {"TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(child)
    drawn, deadline = bytearray(), time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline:
            if select.select([parent], [], [], 0.2)[0]:
                try:
                    drawn += os.read(parent, 1 << 16)
                except OSError:  # the other end is closed
                    break
            elif process.poll() is not None:
                break
        return process.wait(max(1.0, deadline - time.monotonic())), drawn.decode(errors="replace")
    finally:
        process.kill()
        os.close(parent)


def plain(screen: str) -> str:
    """Return what was drawn without colours and movements."""
    return CONTROL.sub("", screen).replace("\r\n", "\n").replace("\r", "\n")


def widest(screen: str) -> int:
    """Return the columns of the widest line that was drawn."""
    return max((cell_len(line) for line in plain(screen).splitlines()), default=0)
