"""Docstring prose by rule: one margin, filled lines, sections set as Google's style has them.

In: the prose of a docstring, however it is indented, with or without examples. Out: the same words, unindented, on
lines that fit a docstring of a function at the left margin. Lines under a heading or an item of a list are indented;
any other line that stood deeper does so no more. Examples go: those that are shown come from execution.
"""

import inspect
import re
from textwrap import wrap

from curate.synth.item.item import MARGIN, WIDTH

ROOM = WIDTH - len(MARGIN)
QUOTES = 4
"""Characters before the first line: the quotes, and an `r` where there are backslashes."""
HEADING = re.compile(r"[A-Z][A-Za-z ]{0,30}:")
SECTION = re.compile(
    r"(Args|Arguments|Param(?:eter)?s|Returns?|Yields?|Raises|Notes?|Inputs?|Outputs?|Special cases|Edge cases):",
    re.IGNORECASE,
)
SHOWING = re.compile(r"\W*(Examples?|Usage|Doctests?|Test cases?|For example|Sample)( usage)?\W*", re.IGNORECASE)
ENTRY = re.compile(r"([-*•]|\d{1,2}[.)]) +")
PROMPT = re.compile(r">>> ?")


def tidy_prose(text: str) -> str:
    """Return prose with one margin, on lines that fit.

    >>> print(tidy_prose("    Add two.\\n\\n  Args:\\n  a (int): one of them"))
    Add two.
    <BLANKLINE>
    Args:
        a (int): one of them
    """
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in text.replace("\r", "").expandtabs(4))
    paragraphs = re.split(r"\n[ ]*\n", inspect.cleandoc(text.replace('"""', "'''")).strip("\n"))
    kept = [lines for paragraph in paragraphs if (lines := _without_examples(paragraph.splitlines()))]
    kept = [lines for place, lines in enumerate(kept) if not _shows_nothing(lines, kept[place + 1 :])]
    set_lines = [_fill(_nested(lines), QUOTES * (place == 0)) for place, lines in enumerate(kept)]
    return "\n\n".join(map("\n".join, set_lines))


def _without_examples(lines: list[str]) -> list[str]:
    """Leave out doctest prompts and what they print, which goes to the paragraph's end."""
    start = next((place for place, line in enumerate(lines) if PROMPT.match(line.strip())), len(lines))
    kept = [line.rstrip() for line in lines[:start] if line.strip()]
    while kept and start < len(lines) and SHOWING.fullmatch(kept[-1]):
        kept.pop()
    return kept


def _shows_nothing(lines: list[str], after: list[list[str]]) -> bool:
    """Tell whether a paragraph is a heading of examples that are gone."""
    return len(lines) == 1 and bool(SHOWING.fullmatch(lines[0])) and not (after and after[0][0].startswith(" "))


def _nested(lines: list[str]) -> list[tuple[int, str]]:
    """Return (level, text) of a paragraph's lines: level 1 under a heading, one more where an entry goes on."""
    found: list[tuple[int, str]] = []
    section = False
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    opened: int | None = None  # where the entry begins that a deeper line goes on with
    for line in lines:
        text, depth = line.strip(), len(line) - len(line.lstrip())
        if SECTION.fullmatch(text) or (HEADING.fullmatch(text) and depth == margin and len(lines) > 1):
            found.append((0, text))
            section, opened = True, None
        elif opened is not None and depth > opened and not ENTRY.match(text):
            level, above = found[-1]
            found[-1] = (level, f"{above} {text}")
        else:
            found.append((int(section), text))
            opened = depth if section or ENTRY.match(text) else None
    return found


def _fill(lines: list[tuple[int, str]], taken: int) -> list[str]:
    """Set lines; running text is filled anew where one of its lines is too long. `taken`: room that the first lacks."""
    found: list[str] = []
    place = 0
    while place < len(lines):
        level, text = lines[place]
        end = place + 1
        while end < len(lines) and level == 0 and lines[end][0] == 0 and _runs_on(lines[end - 1][1], lines[end][1]):
            end += 1
        together = [part for _, part in lines[place:end]]
        margin, before = MARGIN * level, taken * (place == 0) * " "
        if max(map(len, [before + text, *together])) + len(margin) <= ROOM:
            found += [margin + part for part in together]
        else:
            hanging = margin + (MARGIN if level else "  " if ENTRY.match(text) else "")
            filled = wrap(
                " ".join(together), ROOM, initial_indent=before + margin, subsequent_indent=hanging,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
            found += [filled[0][len(before) :], *filled[1:]]
        place = end
    return found


def _runs_on(above: str, below: str) -> bool:
    """Tell whether a line is the one above it going on."""
    return not above.endswith(":") and not ENTRY.match(below) and not SECTION.fullmatch(below)
