"""What went wrong in code that is not this tool's, in one line: the error, and the file and line that raised it."""

import sysconfig
import traceback
from pathlib import Path

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
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _is_foreign(str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename):
            return f"{_short(Path(frame.f_code.co_filename))}:{line}"
    return ""


def _is_foreign(module: str, file: str) -> bool:
    path = Path(file).resolve()
    ours = module.partition(".")[0] == "curate"
    return not ours and path.is_file() and not any(path.is_relative_to(known) for known in OTHERS)


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
