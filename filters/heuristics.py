"""`filter.heuristics`: cheap rules that tell source code from what only looks like it.

In: Documents. Out: the same with one `signal_...` column per rule; dropped rows say which rule and which value. The
rules stand in order of cost, and a document that breaks a cheap one is never parsed, so a file of 50 MB costs half
a second. Says nothing of how good the code is; see filters/quality.py.

Bounds on lines and alphanumeric share: Codex (Chen et al. 2021, section 3.1), taken over by The Stack, StarCoder
(Li et al. 2023) and DeepSeek-Coder for all their languages. Marks of generated files: CodeParrot and SantaCoder look
for such words in the first lines; here only in the comments above the code, because a program that writes generated
files also names them.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.stage import Context, Filter, Verdict
from filters.signals import Rule, Values, first_broken, nullable, reasons
from filters.statistics import text_statistics
from filters.syntax import parsing, syntax_error_line

HEADER_CHARACTERS = 4000
"""How far down a header comment is read; a long licence is some 1,500 characters."""
GENERATED = (
    r"(?i)\bauto[- _]?(?:matically )?[- ]?generated\b|\bgenerated (?:by|from|automatically)\b|@generated\b"
    r"|\bmachine[- ]generated\b|\bdo not (?:edit|modify)\b|\bcode generator\b"
)


class Heuristics(Filter):
    """Drop documents that are too short or long, minified, mostly symbols, generated, or not valid Python."""

    min_bytes: int = Field(default=50, ge=0)
    """A shorter document is dropped as `too short` (UTF-8 bytes)."""
    max_bytes: int = Field(default=1_000_000, ge=1)
    """A longer document is dropped as `too large` (UTF-8 bytes)."""
    max_mean_line_length: float = Field(default=100, gt=0)
    """In characters."""
    max_line_length: int = Field(default=1000, ge=1)
    """In characters."""
    min_alphanumeric_share: float = Field(default=0.25, ge=0, le=1)
    """Letters and digits as a share of all characters, blanks included."""
    keep_generated: bool = False
    """Keep files whose header comment says that a program wrote them."""
    keep_invalid: bool = False
    """Keep files that the running Python cannot parse."""

    def rules(self) -> list[Rule]:
        """Return the rules in the order in which they are tried."""
        generated = Rule("signal_generated_line", "generated file", maximum=0)
        invalid = Rule("signal_syntax_error_line", "does not parse", maximum=0)
        return [
            Rule("signal_bytes", "too short", minimum=self.min_bytes),
            Rule("signal_bytes", "too large", maximum=self.max_bytes),
            Rule("signal_mean_line_length", "lines too long on average", maximum=self.max_mean_line_length),
            Rule("signal_max_line_length", "line too long", maximum=self.max_line_length),
            Rule("signal_alphanumeric_share", "not enough alphanumeric characters", self.min_alphanumeric_share),
            *([] if self.keep_generated else [generated]),
            *([] if self.keep_invalid else [invalid]),
        ]

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return the verdict of the first broken rule and all signals; what was not parsed has no line of an error."""
        texts = shard.column("text")
        counted = text_statistics(texts)
        signals: dict[str, Values] = {
            "signal_bytes": counted.bytes.astype(np.float64),
            "signal_mean_line_length": counted.mean_line_length,
            "signal_max_line_length": counted.max_line_length.astype(np.float64),
            "signal_alphanumeric_share": counted.alphanumeric_share,
            "signal_generated_line": generated_lines(texts),
            "signal_syntax_error_line": np.full(shard.num_rows, np.nan),
        }
        alive, _ = first_broken(self.rules(), signals)
        parsed = np.flatnonzero(alive < 0)
        signals["signal_syntax_error_line"][parsed] = syntax_error_lines(texts.take(pa.array(parsed)))
        rule_index, evidence = first_broken(self.rules(), signals)
        return Verdict(
            reasons=reasons(self.rules(), rule_index),
            columns={name: nullable(values) for name, values in signals.items()},
            evidence={"score": nullable(evidence)},
        )


def generated_lines(texts: pa.ChunkedArray) -> Values:
    """Return the line of the header comment that says the file was generated, or 0."""
    headers = pc.utf8_slice_codeunits(texts, 0, HEADER_CHARACTERS)
    suspects = np.flatnonzero(pc.match_substring_regex(headers, GENERATED).to_numpy())
    lines = np.zeros(len(texts))
    lines[suspects] = [_marked_line(header) for header in headers.take(pa.array(suspects)).to_pylist()]
    return lines


def _marked_line(header: str) -> int:
    """Return the first marked line among the comments above the code, or 0."""
    for number, line in enumerate(header.splitlines(), start=1):
        bare = line.strip().lstrip("\ufeff")
        if bare and not bare.startswith("#"):
            return 0
        if re.search(GENERATED, bare):
            return number
    return 0


def syntax_error_lines(texts: pa.ChunkedArray) -> list[int]:
    """Return the line of each text's first syntax error, or 0 for valid Python."""
    with parsing():
        return [syntax_error_line(text) for text in texts.to_pylist()]
