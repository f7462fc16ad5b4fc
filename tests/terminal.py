"""Running `curate` under a pseudo-terminal, and reading what a person would see on it."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.cells import cell_len

ROOT = Path(__file__).parent.parent
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
"""Sequences that colour, move or clear, and those that name a window or a link."""
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
DARK, LIGHT = "15;0", "0;15"
"""What terminals say of their colours in COLORFGBG, those that say anything."""
PLAIN = {"", "0", "1", "22", "39", "49"}
"""Weight, and the colours that the terminal has of itself."""
END = "\x1e"
SEVERAL = f"""
import json, sys
from curate.cli import _run
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["curate", *arguments]
    code = _run()
    sys.stderr.flush()
    print("{END}", code, "{END}", sep="", end="", flush=True)
"""
"""Runs commands one after the other in one process: what each takes to start is spent once."""


def in_terminal(
    arguments: Sequence[object], columns: int = 80, *, folder: Path = ROOT, colours: str = DARK, timeout_s: float = 300
) -> tuple[int, str]:
    """Run `curate ARGUMENTS...` in a folder, on a terminal of so many columns; return its exit code and all it drew."""
    command = [sys.executable, "-m", "curate", *map(str, arguments)]
    return command_in_terminal(command, columns, folder, _environment(colours), timeout_s)


def several_in_terminal(
    commands: Sequence[Sequence[object]],
    columns: int = 80,
    *,
    folder: Path = ROOT,
    colours: str = DARK,
    timeout_s: float = 300,
) -> list[tuple[int, str]]:
    """Run several commands one after the other on one terminal; return the exit code of each and all it drew."""
    text = json.dumps([[str(word) for word in command] for command in commands])
    command = [sys.executable, "-c", SEVERAL, text]
    code, screen = command_in_terminal(command, columns, folder, _environment(colours), timeout_s)
    parts = screen.split(END)
    drawn, codes = parts[0:-1:2], [int(code) for code in parts[1::2]]
    assert code == 0 and len(codes) == len(commands), screen
    return list(zip(codes, drawn, strict=True))


def _environment(colours: str) -> dict[str, str]:
    return {**os.environ, "COLORFGBG": colours, "PYTHONPATH": str(ROOT)}


def command_in_terminal(
    command: Sequence[str], columns: int, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> tuple[int, str]:
    """Run any command in a folder, on a terminal of so many columns; return its exit code and all it drew."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        list(command),
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=folder,
        env=kept | {"TERM": "xterm-256color"},
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
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(parent)


def plain(screen: str) -> str:
    """Return what was drawn without colours and movements."""
    return CONTROL.sub("", screen).replace("\r\n", "\n").replace("\r", "\n")


def widest(screen: str) -> int:
    """Return the columns of the widest line that was drawn."""
    return max((cell_len(line) for line in plain(screen).splitlines()), default=0)


def colours_of(screen: str) -> set[str]:
    """Return every colour that was asked for: `38;5;N` of the 256, `31` and the like."""
    found = set()
    for codes in COLOUR.findall(screen):
        words = codes.split(";")
        while words:
            if words[0] in ("38", "48"):
                size = 3 if words[1] == "5" else 5
                found.add(";".join(words[:size]))
                words = words[size:]
            else:
                found |= {words[0]} - PLAIN
                words = words[1:]
    return found
