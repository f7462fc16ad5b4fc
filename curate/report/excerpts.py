"""Examples in the report: excerpts of documents as HTML and as Markdown.

In: an Example, a document and why it is shown. Out: HTML that is escaped and coloured by a lexer, or a fenced block of
Markdown. Texts are cut as in a terminal (curate/terminal/excerpts.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import unified_diff

from markupsafe import Markup

from curate.terminal.excerpts import LINES, WIDTH, Excerpt, excerpt

BEFORE = 5
"""Lines shown above the one that an excerpt is about."""
DIFFED_LINES = 3000
"""Of each text: the time of a comparison grows with the product of both."""


@dataclass(frozen=True)
class Example:
    """One document to look at, and why it is shown."""

    id: str
    note: str
    text: str
    language: str = "python"
    first: int = 1
    """The line to begin with."""
    marked: frozenset[int] = frozenset()
    """Numbers of lines to point at."""


def around(example: Example, line: int) -> Example:
    """Return the example opened at a line of it, which is pointed at."""
    return replace(example, first=max(1, line - BEFORE), marked=frozenset({line}))


def difference(old: str, new: str, context: int = 1) -> list[str]:
    """Return the lines of a unified diff, without its two headings; none where both hold the same lines.

    Of very long texts the first lines alone are compared, and a last line says so.
    """
    before, after = (text.splitlines() for text in (old, new))
    longest = max(len(before), len(after))
    rest = [f"@@ the first {DIFFED_LINES:,} of {longest:,} lines were compared"] if longest > DIFFED_LINES else []
    found = unified_diff(before[:DIFFED_LINES], after[:DIFFED_LINES], lineterm="", n=context)
    return [*list(found)[2:], *rest]


def highlighted(example: Example, lines: int = LINES, width: int = WIDTH) -> Markup:
    """Return an example as escaped HTML, with a class on every token and a `mark` around the lines pointed at."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    cut = excerpt(example.text, lines, first=example.first, width=width)
    lexer = get_lexer_by_name(example.language, stripnl=False, ensurenl=False)
    coloured = highlight("\n".join(cut.lines), lexer, HtmlFormatter(nowrap=True)).rstrip("\n").split("\n")
    marked = (
        f"<mark>{line}</mark>" if number in example.marked and line.strip() else line
        for number, line in enumerate(coloured, cut.first)
    )
    return Markup("\n").join(_framed(map(Markup, marked), cut, Markup('<span class="more">{}</span>')))


def fenced(example: Example, lines: int = LINES) -> str:
    """Return an example as a Markdown code block whose fence is longer than any run of backticks within."""
    cut = excerpt(example.text, lines, first=example.first)
    text = "\n".join(_framed(cut.lines, cut, "{}"))
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{example.language}\n{text}\n{fence}"


def _framed(lines: Iterable[str], cut: Excerpt, form: str) -> list[str]:
    """Say above and below the lines how many were left out there."""
    above = [form.format(f"… {cut.before:,} lines before")] if cut.before else []
    below = [form.format(f"… {cut.after:,} more lines")] if cut.after else []
    return [*above, *lines, *below]
