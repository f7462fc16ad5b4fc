"""Excerpts of texts for people: so many lines, each so wide, whatever the document is like.

A text is cut by characters as well as by lines, so that a document of one line of 5 MB costs what any other costs; what
was left out is said where it is missing.
"""

from dataclasses import dataclass

from curate.terminal.display import printable

LINES, WIDTH = 22, 160
"""Lines of an excerpt and characters of a line, by default."""


@dataclass(frozen=True)
class Excerpt:
    """Lines of a text, ready to print, the number of the first one, and how many stand before and after them."""

    lines: tuple[str, ...]
    first: int
    before: int
    after: int


def excerpt(text: str, lines: int = LINES, *, first: int = 1, width: int = WIDTH) -> Excerpt:
    """Cut lines out of a text, and each to `width` characters.

    >>> excerpt("a\\nbcdefghij\\nc\\nd", 2, first=2, width=6)
    Excerpt(lines=('bcdefg … 3 more characters', 'c'), first=2, before=1, after=1)
    """
    every = text.splitlines()
    start = max(0, min(first - 1, len(every) - lines))
    shown = every[start : start + lines]
    return Excerpt(
        tuple(map(_narrowed, shown, [width] * len(shown))), start + 1, start, len(every) - start - len(shown)
    )


def _narrowed(line: str, width: int) -> str:
    """Cut a line before its control characters are spelled out: that makes them up to ten times as long."""
    more = f" … {len(line) - width:,} more characters" if len(line) > width else ""
    return printable(line[:width]) + more
