"""Drawing for a terminal: colours that are readable on white and on black, and tables that fit.

In: values as text. Out: rich renderables, and text of them (`render`). A terminal has a width, and a table that is
wider loses whole columns, never a part of a number; what is left out is named. A pipe has no width and gets all.
Nothing here knows what the columns are about.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

from pygments.token import Comment, Keyword, Name, Number, Operator, String
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from curate.terminal.excerpts import excerpt

UNBOUNDED = 200
"""Columns where no terminal says how many it has: long lines wrap there."""
PALETTE = {"good": 28, "news": 130, "bad": 161, "live": 30, "quiet": 243}
"""Colours by what they say, of the 256 that terminals share. Each stands out from white and from black by a contrast of
4 or more (WCAG 2.2), as no terminal tells which of the two it has."""
THEME = Theme({name: f"color({number})" for name, number in PALETTE.items()})
GAP = 2
CODE = ANSISyntaxTheme(
    {
        kind: Style(color=f"color({PALETTE[name]})" if name else None, bold=bold)
        for kind, name, bold in (
            (Comment, "quiet", None),
            (Keyword, "live", True),
            (Name.Class, "", True),
            (Name.Decorator, "news", None),
            (Name.Function, "", True),
            (Number, "news", None),
            (Operator.Word, "live", True),
            (String, "good", None),
        )
    }
)
"""Of code all else has the colour that the terminal writes in."""
OF_A_LINE = 800
"""Characters shown of one line of a document: prose has its paragraphs in one."""


@dataclass(frozen=True)
class Column:
    """One column of a table: cells as text, numbers to the right. The higher its rank, the sooner it is left out."""

    title: str
    cells: Sequence[str]
    rank: int = 0
    """0 stays whatever the width."""
    left: bool = False

    @property
    def width(self) -> int:
        """Return how many columns of the terminal it takes."""
        return max(map(cell_len, [self.title, *self.cells]))


def open_console(file: TextIO | None = None) -> Console:
    """Return a console that knows the palette and makes no guesses about what is a number or a path."""
    return Console(file=file, theme=THEME, highlight=False)


def room() -> int | None:
    """Return the width of the terminal that standard output is, or None where it is none."""
    return open_console().width if sys.stdout.isatty() else None


def render(content: RenderableType, width: int | None = None) -> str:
    """Return rich content as text: coloured and as wide as the window in a terminal, plain and wide otherwise.

    `width` is for content that was laid out for another one.
    """
    in_terminal = sys.stdout.isatty()
    console = Console(
        file=StringIO(),
        theme=THEME,
        highlight=False,
        force_terminal=in_terminal or None,
        no_color=None if in_terminal else True,
        width=width or room() or UNBOUNDED,
    )
    with console.capture() as capture:
        console.print(content)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def width_of(columns: Sequence[Column]) -> int:
    """Return what a table of these columns takes."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fit(columns: Sequence[Column], width: int | None) -> tuple[list[Column], list[Column]]:
    """Return the columns that fit into the width, and those that had to go, both in their order."""
    shown = [column for column in columns if any(column.cells)]
    while width is not None and width_of(shown) > width and any(column.rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown, [column for column in columns if any(column.cells) and column not in shown]


def stack(columns: Sequence[Column], width: int | None) -> list[list[Column]]:
    """Return the columns in as many blocks as the width asks for; each begins with the first column."""
    first, *others = [column for column in columns if any(column.cells)]
    blocks = [[first]]
    for column in others:
        if width is not None and len(blocks[-1]) > 1 and width_of([*blocks[-1], column]) > width:
            blocks.append([first])
        blocks[-1].append(column)
    return blocks


def draw(columns: Sequence[Column], styles: Sequence[str] = ()) -> Table:
    """Return a table; `styles` has one for each row. Where it is too narrow, words wrap and numbers do not."""
    table = Table(box=None, pad_edge=False, header_style="quiet")
    for column in columns:
        side = "left" if column.left else "right"
        table.add_column(Text(column.title), justify=side, no_wrap=not column.left, overflow="fold")  # type: ignore[arg-type]
    for index, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        table.add_row(*map(Text, cells), style=styles[index] if styles else "")
    return table


def left_out(columns: Sequence[Column], how: str = "--wide shows all") -> list[Text]:
    """Return a line that names the columns which found no room, if there are any."""
    return [Text(f"no room for: {', '.join(column.title for column in columns)} ({how})", "quiet")] if columns else []


def code(text: str, lines: int) -> RenderableType:
    """Return the beginning of a document's text in colour; prose with code in fences is told from code."""
    found = excerpt(text, lines, width=OF_A_LINE)
    shown = "\n".join(found.lines)
    lexer = "markdown" if "```" in shown else "python"
    drawn = Syntax(shown, lexer, theme=CODE, background_color="default", word_wrap=True)
    if not found.after:
        return drawn
    return Group(drawn, Text(f"… {found.after:,} more line{'s' * (found.after > 1)} (--json prints all)", "quiet"))
