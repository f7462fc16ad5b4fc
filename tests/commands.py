"""Commands of `curate`, not in a terminal, without a process for each: to start one takes longer than most commands do.

In: a command's words. Out: its exit code and what it printed. They run in this process, or, for those that need an
environment of their own, one after the other in a second one (`Apart`), which is this module as a program.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parent.parent
Done = subprocess.CompletedProcess
LONGEST_S = 300


def run_here(words: Sequence[str]) -> "Done[str]":
    """Run a command in this process."""
    from curate import cli

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", how) for how in ("strict", "backslashreplace"))
    with (
        mock.patch.object(sys, "argv", ["curate", *words]),
        mock.patch.object(sys.modules["__main__"], "__package__", None),  # as where the installed command starts
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli._run()
    printed, told = (stream.detach().getvalue().decode() for stream in (out, err))
    return Done(list(words), code, printed, told)


class Apart:
    """A process with an environment of its own, for one command after the other."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=dict(environment),
        )

    def run(self, words: Sequence[str]) -> "Done[str]":
        """Run a command there."""
        assert self._process.stdin is not None and self._process.stdout is not None
        late = threading.Timer(LONGEST_S, self._process.kill)
        late.start()
        self._process.stdin.write(json.dumps(list(words)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        late.cancel()
        assert line, f"{words}: the process ended with {self._process.wait()}"
        return Done(list(words), *json.loads(line))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Places:
    """The processes that were asked for last, by environment."""

    MOST = 2

    def __init__(self) -> None:
        self._open: dict[frozenset[tuple[str, str]], Apart] = {}

    def at(self, added: Mapping[str, str]) -> Apart:
        """Return the process that has this environment's variables and these."""
        whole = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"} | dict(added)
        place = frozenset(whole.items())
        found = self._open.pop(place, None) or Apart(whole)
        self._open[place] = found
        while len(self._open) > self.MOST:
            self._open.pop(next(iter(self._open))).close()
        return found

    def close(self) -> None:
        """End all."""
        for place in self._open.values():
            place.close()


def main() -> None:
    """Run the commands that come on standard input, one a line, and answer each with a line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed past Python's streams is no answer
    for line in sys.stdin:
        done = run_here(json.loads(line))
        answers.write(json.dumps([done.returncode, done.stdout, done.stderr]) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
