"""Untrusted text in Markdown: names of files, licences and reasons come from other people's documents.

In: any value. Out: Markdown that shows it and does nothing else: a code span knows no links, no HTML and no emphasis,
and its fence is longer than any run of backticks inside.
"""

import re
from typing import Any

from curate.terminal.display import one_line, printable

TICKS = re.compile(r"`+")


def code(value: Any, width: int = 100) -> str:
    """Return a value as one code span that may stand in a table.

    >>> code("a|b"), code("`<b>`"), code("")
    ('`a\\\\|b`', '`` `<b>` ``', '(none)')
    """
    text = one_line(value, width)
    if not text:
        return "(none)"
    ticks = _fence(text, 1)
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{room}{text}{room}{ticks}".replace("|", "\\|")


def block(text: str, language: str) -> str:
    """Return a text as a fenced block."""
    text = printable(text).rstrip("\n")
    fence = _fence(text, 3)
    return f"{fence}{language}\n{text}\n{fence}"


def _fence(text: str, least: int) -> str:
    longest = max(map(len, TICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)
