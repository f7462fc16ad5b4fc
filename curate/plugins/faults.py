"""What went wrong in code that is not this tool's, in one line: the error, and the file and line that raised it."""

import sysconfig
import traceback
from pathlib import Path

OURS = Path(__file__).resolve().parents[1]
OTHERS = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib"))
LONGEST = 300


def told(error: BaseException) -> str:
    """Return `ValueError: why (mine.py:12, document 'a.py')`; without the place where only known code took part."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1] if lines and lines[0].startswith("Traceback") else " ".join(lines[:1])
    text = f"{type(error).__name__}: {said[:LONGEST]}" if said else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        text = f"{type(error).__name__}: {error.msg}"
    where = [*filter(None, [place(error)]), *getattr(error, "__notes__", [])]
    return f"{text} ({', '.join(where)})" if where else text


def place(error: BaseException) -> str:
    """Return `file:line` of the innermost frame outside this tool and what is installed; empty where there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(Path(error.filename))}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_foreign(frame.filename):
            return f"{_short(Path(frame.filename))}:{frame.lineno}"
    return ""


def _is_foreign(name: str) -> bool:
    if name.startswith("<"):
        return False
    path = Path(name).resolve()
    # An environment may lie within a project: what is installed is told by its folder, not by its parents.
    return not any(path.is_relative_to(known) for known in (OURS, *OTHERS)) and path.is_file()


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
