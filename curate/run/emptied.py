"""Stages that kept nothing: said at once, because all that reads them has nothing to work on.

In: a stage and the sum of its receipts. Out: one line with the commonest reason and the command that shows the rows.
Whether a run that emptied a stage has failed is for its caller to say.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.recipe import Node
from curate.stage import Job, Source

NOT_PYTHON = ("does not parse", "not Python", "markup", "Python 2")
"""How reasons begin that text in other languages is dropped for."""


@dataclass(frozen=True)
class Emptied:
    """A stage that had rows and kept none of them, so that all below it has nothing to work on."""

    stage: str
    rows_in: int
    reasons: Mapping[str, int]

    @staticmethod
    def is_one(node: Node, stats: Mapping[str, Any]) -> bool:
        """Tell whether a stage kept nothing; one that nothing came to is not to blame, unless it is a source."""
        if isinstance(node.stage, Job):
            return False
        return not stats["rows_kept"] and bool(stats["rows_in"] or isinstance(node.stage, Source))

    def text(self, run: Path) -> str:
        """Say so, with the commonest reason and the command that shows what fell for it."""
        if not self.reasons:
            return f"{self.stage} kept nothing: it found no documents"
        reason, count = max(self.reasons.items(), key=lambda pair: pair[1])
        command = f"curate show {shlex.quote(str(run))} {self.stage} --reason {shlex.quote(reason)}"
        most = "all" if count == self.rows_in else f"{count:,} of them"
        python = "; only Python is read here" if reason.startswith(NOT_PYTHON) else ""
        return f"{self.stage} kept none of its {self.rows_in:,} rows, {most} for {reason!r}{python}; see: {command}"
