"""`filter.language`: is a document Python, and in which natural language are its comments and docstrings.

In: Documents. Out: the same with `language` (one of Kind), `natural_language` (ISO 639-1; null where fewer than 40
letters of prose can be read) and `natural_language_confidence`. Dropped: what is not among `keep`, and what is surely
commented in a language that is not among `natural`.

What parses is Python, unless all of it is JSON (a notebook). What does not is named by its first error: the line on
which it stands, and how many other lines have one; a slip leaves most lines of Python whole, another language does not.
The natural language comes from `py3langid` (Lui and Baldwin 2012, "langid.py"), an n-gram model of 4.6 MB that is part
of its package. Mixed comments get the language of most of them; a licence on top is not read.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pydantic import Field

from curate.errors import UserError
from curate.filters.signals.lexical import COMMENT, TEXT, regions
from curate.filters.syntax import tree
from curate.llm.types import ModelSpec
from curate.stage import Columns, Context, Filter, Verdict
from curate.text.parser import BYTE_ORDER_MARK, LARGEST_BYTES, parse, with_deep_stack

Kind = Literal[
    "python", "broken python", "python 2", "template", "notebook", "json", "markup", "console", "other", "too large"
]
NATURAL = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gl", "he", "hi", "hr", "hu",
    "id", "it", "ja", "ka", "ko", "lt", "lv", "mk", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr",
    "sv", "ta", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
"""Languages that are told apart: those in which much code is commented. Fewer are mistaken less often."""
PROSE_BYTES = 1500
"""How much prose is read."""
FEWEST_LETTERS = 40
WHOLE_SHARE = 0.8
"""Lines without a syntax error, of all that are not blank, that make a text Python with a slip."""
TEMPLATE = re.compile(rb"\{%|%\}|\{\{|\}\}|<%|%>|\$\{|\{#")
CONSOLE = re.compile(rb"^\s*(?:>>>|In \[\d|\$ |Traceback )")
MAGIC = re.compile(rb"^\s*(?:%{1,2}\w|!\w)")
OTHER_SHEBANG = re.compile(rb"\A#!(?![^\n]*python)[^\n]*/")
TOP_COMMENT = re.compile(rb"\A\s*(?:#[^\n]*\n[ \t]*)+")
LICENSE = re.compile(rb"(?i)licen[cs]e|copyright")
WORD = re.compile(r"(?<![\w.])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w(=]|\.\w)")
"""A word of prose; `a_name`, `a.name` and `name(` are code that is written about."""


class Language(Filter):
    """Drop what is not Python, and what is commented in other natural languages than those asked for."""

    VERSION: ClassVar[int] = 2

    keep: list[Kind] = Field(default=["python"], min_length=1)
    """The kinds of text that stay."""
    natural: list[str] | None = None
    """ISO 639-1 codes of the languages of comments that stay, such as [en]; by default all do."""
    min_confidence: float = Field(default=0.9, ge=0, le=1)
    """A document goes only if its comments are in another language with at least this confidence."""

    def adds(self) -> Columns:
        """List what was found."""
        kinds = dict.fromkeys(["language", "natural_language"], pa.string())
        return {**kinds, "natural_language_confidence": pa.float64()}

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Refuse a language that is never found."""
        for code in self.natural or []:
            if code not in NATURAL:
                raise UserError(f"natural: {code!r} is not told apart; the languages are: {' '.join(NATURAL)}")

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return the kind of every text, the language of its prose, and whether both are wanted."""
        rows = with_deep_stack(lambda: [_languages(value) for value in shard.column("text")])
        kinds, natural, confidence = zip(*rows, strict=True) if rows else ((), (), ())
        reasons = [self._reason(*row) for row in rows]
        return Verdict(
            reasons=pa.array(reasons, pa.string()),
            columns={
                "language": pa.array(kinds, pa.string()),
                "natural_language": pa.array(natural, pa.string()),
                "natural_language_confidence": pa.array(confidence, pa.float64()),
            },
            evidence={"score": pa.array(confidence, pa.float64())},
        )

    def _reason(self, kind: str, natural: str | None, confidence: float | None) -> str | None:
        if kind not in self.keep:
            return f"not Python: {kind}"
        if natural and self.natural is not None and natural not in self.natural:
            return f"comments in {natural}" if (confidence or 0) >= self.min_confidence else None
        return None


def _languages(value: pa.LargeStringScalar) -> tuple[str, str | None, float | None]:
    """Return the kind of a text, the language of its prose, and the confidence in that."""
    text = value.as_buffer().to_pybytes() if value.is_valid else b""
    kind = kind_of(text)
    return kind, *(natural_language(prose(text)) if kind != "too large" else (None, None))


def kind_of(text: bytes) -> str:
    """Return what a text is.

    >>> kind_of(b"x = 1"), kind_of(b"print 1"), kind_of(b'{"cells": [], "nbformat": 4}'), kind_of(b"x = {{ y }} z")
    ('python', 'python 2', 'notebook', 'template')
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    if len(text) > LARGEST_BYTES:
        return "too large"
    bare = text.lstrip()
    if bare[:1] in (b"{", b"[") and (found := _json(bare)):
        return found
    if bare[:1] == b"<":
        return "template" if bare[:2] in (b"<%", b"<#") else "markup"
    errors, _ = parse(text)
    return _unparsed(text, errors) if errors else "python"


def _unparsed(text: bytes, errors: list[int]) -> str:
    """Return what a text is that does not parse, from the lines with its errors."""
    lines = re.split(rb"\r\n|\r|\n", text)
    first = lines[errors[0] - 1][:2000] if errors[0] <= len(lines) else b""
    if OTHER_SHEBANG.match(text):
        return "other"
    if TEMPLATE.search(first):
        return "template"
    for pattern, kind in ((MAGIC, "notebook"), (CONSOLE, "console")):
        if pattern.search(first):
            return kind
    if tree.is_python_2(text, errors):
        return "python 2"
    written = sum(1 for line in lines if line.strip())
    return "broken python" if len(set(errors)) <= max(1, (1 - WHOLE_SHARE) * written) and written > 2 else "other"


def _json(text: bytes) -> str | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return "notebook" if isinstance(value, dict) and "cells" in value and "nbformat" in value else "json"


def prose(text: bytes) -> str:
    """Return the words of comments and of strings in three quotes, the beginning of them, without a licence on top."""
    top = TOP_COMMENT.match(text)
    start = top.end() if top and LICENSE.search(top[0]) else 0
    head = text[start : start + 20 * PROSE_BYTES]
    kinds = regions(head)
    edges = np.flatnonzero(np.diff(kinds, prepend=0, append=0))
    pieces, length = [], 0
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        piece = head[begin:end]
        if kinds[begin] == COMMENT or (kinds[begin] == TEXT and piece.lstrip(b"rRuU")[:3] in (b'"""', b"'''")):
            pieces.append(piece)
            length += len(piece)
        if length > PROSE_BYTES:
            break
    return " ".join(WORD.findall(b"\n".join(pieces)[:PROSE_BYTES].decode("utf-8", "ignore")))


def natural_language(words: str) -> tuple[str | None, float | None]:
    """Return the language of some words and how sure it is, or nothing for too few of them.

    >>> natural_language("Berechnet die Summe aller Elemente der Liste und gibt sie dann zurück.")[0]
    'de'
    """
    letters = len(words.replace(" ", ""))
    if letters * (1 if words.isascii() else 3) < FEWEST_LETTERS:  # a sign of Chinese says more than a Latin letter
        return None, None
    code, confidence = identifier().classify(words)
    return code, round(confidence, 3)


@lru_cache(maxsize=1)
def identifier() -> LanguageIdentifier:
    """Load the model; it takes a second."""
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(NATURAL)
    return model
