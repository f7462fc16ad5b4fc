"""Rendering: the templates beside this file, and the filters that they use.

In: the name of a template and the facts that `curate/report/write.py` gathered. Out: text. Templates of HTML escape all
that is not Markup; what is Markup was drawn by curate/report/plots.py or escaped in curate/report/excerpts.py or here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from curate.report import wording
from curate.report.excerpts import Example, fenced, highlighted
from curate.report.quality_report import share
from curate.table.rows import bits_text, footnotes, protocols_of, size_text, title_of
from curate.terminal import display
from curate.terminal.excerpts import WIDTH

PROSE_WIDTH = 600
"""Characters of a line of prose, which the page wraps."""
SEAM = re.compile(r"(?<=[/\\_:@])(?=[^/\\_:@])")
"""Where the name of a file or a document may go on in the next line."""


def render(name: str, facts: Mapping[str, Any]) -> str:
    """Render `NAME.jinja`."""
    return _environment(escaped=name.endswith(".html")).get_template(f"{name}.jinja").render(facts)


def breakable(text: Any, width: int = 100) -> Markup:
    """Return one line of text that may be broken behind separators and nowhere else.

    >>> breakable("pkg/some_<module>.py")
    Markup('pkg/<wbr>some_<wbr>&lt;module&gt;.py')
    """
    return Markup("<wbr>").join(escape(part) for part in SEAM.split(display.one_line(text, width)))


def elapsed_s(state: Mapping[str, Any]) -> float | None:
    """Return the wall time of a run or stage that has ended, in seconds; None where its times are not known."""
    if state.get("wall_seconds"):
        return float(state["wall_seconds"])
    try:
        start, end = (datetime.fromisoformat(str(state[name])) for name in ("started", "finished"))
    except ValueError:
        return None
    return max((end - start).total_seconds(), 0.0)


def command(text: str) -> Markup:
    """Return a command whose words stay whole; the text is escaped already, as a filtered block of a template is."""
    return Markup(" ").join(Markup(f'<span class="word">{word}</span>') for word in text.split())


def _licence(expression: str) -> str:
    """Return an SPDX expression without the marks of names that are none of SPDX's."""
    return display.one_line(expression.replace("LicenseRef-", ""), 60)


def _cell(value: Any) -> str:
    return display.one_line(value).replace("|", "\\|").replace("<", "&lt;")


def _code(example: Example, lines: int = 22) -> Markup:
    return highlighted(example, lines, PROSE_WIDTH if example.language in ("markdown", "text") else WIDTH)


@cache
def _environment(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("curate.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=escaped,
    )
    environment.filters.update(
        number=display.number,
        amount=display.amount,
        size=display.size,
        duration=display.duration,
        energy=display.energy,
        line=display.one_line,
        cell=_cell,
        breakable=breakable,
        command=command,
        code=_code,
        python=lambda source: highlighted(Example("", "", source.rstrip("\n")), 60, 400),
        elapsed=elapsed_s,
        fenced=fenced,
        share=share,
        licence=_licence,
        told=wording.told,
        words=wording.title,
        footnotes=footnotes,
        bits=bits_text,
        protocols=protocols_of,
        size_text=size_text,
        title_of=title_of,
    )
    environment.globals["percent"] = display.percent
    return environment
