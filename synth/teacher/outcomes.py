"""What a clock had a say in: outcomes of programs that ran out of time or memory, or came close, kept beside the calls.

In: a program with its limits, and its outcomes. Out: `outcomes.jsonl`, and the outcomes found in it. All other
programs give the same wherever they run and are run again; these are taken from here, so that a run that is continued
on a busier machine gives the same rows.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, astuple
from pathlib import Path
from typing import BinaryIO

from curate.errors import from_os_error
from curate.sandbox.programs import CallOutcome, Limits, Program


def digest(program: Program, limits: Limits) -> str:
    """Return a hash of all that could change the outcomes.

    >>> digest(("a", "f", [(1,)]), Limits()) == digest(("a", "f", [(True,)]), Limits())
    False
    """
    source, entry_point, arguments = program
    text = "\0".join(
        [source, entry_point, repr(list(map(tuple, arguments))), json.dumps(asdict(limits), sort_keys=True)]
    )
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class OutcomeLog:
    """The outcomes in one file; a line that a crash tore is passed over. Raises UserError where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, list[CallOutcome]] = {}
        self._file: BinaryIO | None = None
        for line in path.read_bytes().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
                self._known[row["digest"]] = [CallOutcome(*outcome) for outcome in row["outcomes"]]
            except (ValueError, KeyError, TypeError):
                continue

    def find(self, name: str) -> list[CallOutcome] | None:
        """Return the outcomes of the program of this digest, if they stand here."""
        return self._known.get(name)

    def append(self, pairs: Iterable[tuple[str, list[CallOutcome]]]) -> None:
        """Add outcomes by digest; they are with the system when this returns."""
        rows = [{"digest": name, "outcomes": [astuple(each) for each in outcomes]} for name, outcomes in pairs]
        if not rows:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab")
                self._file.write(b"\n" if self._file.tell() else b"")  # ends a line that a crash tore
            self._file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
            self._file.flush()
        except OSError as error:
            raise from_os_error(error) from error
