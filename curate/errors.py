"""The exceptions that are told in one line: a user's mistake, and trouble that may pass; and the "did you mean"."""

import errno
import shlex
import sys
from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend. The message is one line: the offending value and the next step."""


class DamagedFile(UserError):
    """A file whose own bytes cannot be read: cut, or not what its name says."""


class Trouble(Exception):
    """A machine or a network failed on the way. It may pass: what was asked for is tried again by the next run.

    It is never a verdict on a document. The message is one line.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, else `; known: a, b, c`.

    >>> did_you_mean("treshold", ["threshold", "bands"])
    "; did you mean 'threshold'?"
    """
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""


def how_to_install(requirement: str) -> str:
    """Return a command that installs a package for the interpreter that runs this, whatever is activated."""
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(requirement)}"


def from_os_error(error: OSError) -> UserError:
    """Turn what the operating system refused into one line with the path and the next step."""
    where = f"{error.filename}: " if error.filename else ""
    why = error.strerror or str(error)
    steps = {
        errno.ENOSPC: "free space there and run again; what is finished is kept",
        errno.EDQUOT: "free space there and run again; what is finished is kept",
        errno.EROFS: "choose a writable place with --runs DIR",
        errno.EACCES: "mend its permissions or choose another place with --runs DIR",
        errno.EPERM: "mend its permissions or choose another place with --runs DIR",
        errno.EMFILE: "raise the limit on open files (ulimit -n) and run again",
        errno.ENOENT: "check the path",
    }
    return UserError(f"{where}{why}; {steps.get(error.errno or 0, 'mend that and run again')}")
