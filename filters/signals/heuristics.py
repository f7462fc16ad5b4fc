"""`filter.signals` and `filter.heuristics`: cheap rules that tell source code that can teach from what cannot.

In: Documents. Out: the same with one `signal_...` column per rule, on kept and dropped rows alike; dropped rows say
which rule, which signal, its value (`score`) and the bound that it broke (`cut`). `filter.heuristics` measures and cuts
at once. To try several cuts, let `filter.signals` measure in a stage of its own: heuristics finds its columns and only
compares, so that a changed threshold costs no second look at the text.

    signals:    {use: filter.signals}
    heuristics: {use: filter.heuristics, max_comment_share: 0.6}

Bounds on lines and alphanumeric share: Codex (Chen et al. 2021, section 3.1), taken over by The Stack, StarCoder
(Li et al. 2023) and DeepSeek-Coder. Marks of generated files, markup and comments: SantaCoder and StarCoder; marks are
read only in the comments above the code, because a program that writes generated files also names them, and only where
they speak of the file: prose tells of generating other things, too. Encoded data:
StarCoder2. Repetition: Gopher, with bounds for code, which repeats more than prose. Imports, `pass`, `print` and data:
after OpenCoder's rules for Python (Huang et al. 2024), from the syntax tree instead of words in lines.

Says nothing of how good the code is; see filters/selection/quality.py.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.filters.signals.rules import Rule, Values, broken_signals, first_broken, nullable, reasons
from curate.stage import Columns, Context, Filter, Verdict
from curate.text.parser import LARGEST_BYTES

VERSION = 4
"""Of the signals: columns that another version measured are measured anew."""
STAMP = "signals_version"
HEADER_CHARACTERS = 4000
"""How far down a header comment is read; a long licence is some 1,500 characters."""
FEW_LEAVES = 20
"""Of fewer literals and names together it is not said whether they are data."""
GENERATED = (
    r"(?i)\bauto[- _]?(?:matically )?[- ]?generated\b|\bgenerated (?:by|from|automatically|with|using|code|file)\b"
    r"|@generated\b"
    r"|\bmachine[- ]generated\b|\bdo not (?:edit|modify)\b|\bcode generator\b"
)
"""What a mark may be; MARK says which of these lines are."""
MARK = re.compile(
    r"(?i)@generated\b|\bdo not edit\b(?! (?:the|that|those|these|any|it|them|your|a|an|by hand (?:the|any))\b)"
    r"|^\W*(?:this (?:file|module|code|script|class|source|program|document)\b[^.]{0,40}?|(?:file|code|module"
    r"|source)\b[^.]{0,20}?)"
    r"(?:\b(?:is|was|has been|were)\b[^.]{0,20}?)?\b(?:auto[- _]?(?:matically )?[- ]?|machine[- ])?generated\b"
    r"|^\W*(?:code |file |source )?(?:auto[- _]?|automatically |machine[- ])?generated\b\W*(?:\Z|(?:by|from|with"
    r"|using|on|at|code|file|automatically)\b(?! (?:the |a )?users?\b))"
    r"|^\W*(?:the following|below|all of this)\b[^.]{0,30}\bgenerated (?:by|from)\b"
    r"|\bdo not modify (?:this (?:file|code|module)|by hand|manually|directly)\b|\bdo not modify\W*\Z"
)
NO_MARK = re.compile(
    r"(?i)\b(?:not|never|no longer|isn't|wasn't|un)[- ](?:\w+[- ]){0,2}generated\b|\bhand[- ]?written\b"
)
MARKUP = r"^[\s\x{feff}]*<[?!%/a-zA-Z]"
"""No Python begins like this; XML, HTML and templates do."""


class Signals(Filter):
    """Measure the signals of `filter.heuristics` and keep every document."""

    VERSION = VERSION

    def adds(self) -> Columns:
        """List the signals."""
        return signal_columns()

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return all signals."""
        return Verdict(pa.nulls(shard.num_rows, pa.string()), columns=_columns(measure(shard), shard.num_rows))


class Heuristics(Filter):
    """Drop documents that are too short or long, no Python, generated, encoded, repetitive, or without code."""

    VERSION = 5

    min_bytes: int = Field(default=50, ge=0)
    """A shorter document is dropped as `too short` (UTF-8 bytes)."""
    max_bytes: int = Field(default=1_000_000, ge=1, le=LARGEST_BYTES)
    """A longer document is dropped as `too large` (UTF-8 bytes)."""
    max_mean_line_length: float = Field(default=100, gt=0)
    """In characters."""
    max_line_length: int = Field(default=1000, ge=1)
    """In characters."""
    min_alphanumeric_share: float = Field(default=0.25, ge=0, le=1)
    """Letters and digits as a share of all characters, blanks included."""
    max_encoded_share: float = Field(default=0.5, ge=0, le=1)
    """Base64, hexadecimal words and rows of escapes, as a share of all bytes."""
    max_encoded_run: int = Field(default=1024, ge=0)
    """Bytes of the longest such piece."""
    max_duplicate_line_share: float = Field(default=0.7, ge=0, le=1)
    """Lines that stood earlier in the document, as a share of the bytes of all lines."""
    max_repeated_ngram_share: float = Field(default=0.7, ge=0, le=1)
    """10-grams of words that stood earlier in the document, as a share of all."""
    keep_generated: bool = False
    """Keep files whose header comment says that a program wrote them."""
    keep_python_2: bool = False
    """Keep files that do not parse because they are written in Python 2."""
    keep_invalid: bool = False
    """Keep other files that do not parse as Python 3."""
    min_comment_share: float = Field(default=0, ge=0, le=1)
    """Comments and strings that stand alone, as a share of all bytes; StarCoder asks for 0.01."""
    max_comment_share: float = Field(default=0.8, ge=0, le=1)
    """The same, from above."""
    min_statements: int = Field(default=1, ge=0)
    """Simple statements; docstrings are none."""
    max_import_share: float = Field(default=0.8, ge=0, le=1)
    """Imports as a share of the simple statements."""
    max_pass_share: float = Field(default=0.8, ge=0, le=1)
    """`pass` and `...` as a share of the simple statements."""
    max_print_share: float = Field(default=0.8, ge=0, le=1)
    """Calls of `print` as a share of the simple statements."""
    max_data_share: float = Field(default=0.95, ge=0, le=1)
    """Numbers, strings and other literals as a share of these and of the names that are used."""
    max_string_share: float = Field(default=0.9, ge=0, le=1)
    """The insides of strings other than docstrings, as a share of all bytes."""
    max_statements_per_line: float = Field(default=2, gt=0)
    """Simple statements by lines: minified code has many on one."""
    min_name_length: float = Field(default=1.5, ge=0)
    """Mean length of the names that are used, in bytes: minified code has short ones."""

    def adds(self) -> Columns:
        """List the signals."""
        return signal_columns()

    def rules(self) -> list[Rule]:
        """Return the rules in the order in which they are tried."""
        forever = float("inf")
        return [
            Rule("signal_bytes", "too short", minimum=self.min_bytes),
            Rule("signal_bytes", "too large", maximum=self.max_bytes),
            Rule("signal_markup_head", "markup", maximum=forever if self.keep_invalid else 0),
            Rule("signal_mean_line_length", "lines too long on average", maximum=self.max_mean_line_length),
            Rule("signal_max_line_length", "line too long", maximum=self.max_line_length),
            Rule("signal_encoded_share", "mostly encoded data", maximum=self.max_encoded_share),
            Rule("signal_encoded_run", "encoded data", maximum=self.max_encoded_run),
            Rule(
                "signal_alphanumeric_share", "not enough alphanumeric characters", minimum=self.min_alphanumeric_share
            ),
            Rule("signal_generated_line", "generated file", maximum=forever if self.keep_generated else 0),
            Rule("signal_python_2_line", "Python 2", maximum=forever if self.keep_python_2 else 0),
            Rule("signal_syntax_error_line", "does not parse", maximum=forever if self.keep_invalid else 0),
            Rule("signal_statements", "no statements", minimum=self.min_statements),
            Rule("signal_import_share", "only imports", maximum=self.max_import_share),
            Rule("signal_pass_share", "only pass", maximum=self.max_pass_share),
            Rule("signal_print_share", "only print", maximum=self.max_print_share),
            Rule("signal_data_share", "data", maximum=self.max_data_share),
            Rule("signal_string_share", "mostly strings", maximum=self.max_string_share),
            Rule("signal_statements_per_line", "several statements a line", maximum=self.max_statements_per_line),
            Rule("signal_name_length", "names too short", minimum=self.min_name_length),
            Rule("signal_comment_share", "not enough comments", minimum=self.min_comment_share),
            Rule("signal_comment_share", "mostly comments", maximum=self.max_comment_share),
            Rule("signal_duplicate_line_share", "repeated lines", maximum=self.max_duplicate_line_share),
            Rule("signal_repeated_ngram_share", "repeated word sequences", maximum=self.max_repeated_ngram_share),
        ]

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return the verdict of the first broken rule, and all signals unless the shard brings them."""
        signals = stored(shard)
        columns = {}
        if signals is None:
            signals = measure(shard)
            columns = _columns(signals, shard.num_rows)
        rules = self.rules()
        rule_index, values, cuts = first_broken(rules, signals)
        evidence = {
            "signal": broken_signals(rules, rule_index),
            "score": nullable(values),
            "cut": nullable(cuts),
        }
        return Verdict(reasons(rules, rule_index), columns=columns, evidence=evidence)


def signal_columns() -> Columns:
    """Return the columns that `measure` makes: each signal has a rule."""
    return {**{rule.signal: pa.float64() for rule in Heuristics().rules()}, STAMP: pa.int64()}


def measure(shard: pa.Table) -> dict[str, Values]:
    """Return every signal, NaN where it is not known: of the tree for what does not parse or is too large to read."""
    from curate.filters.signals.lexical import lexical
    from curate.filters.signals.statistics import text_statistics
    from curate.filters.syntax import tree  # compiled loops take half a second to load, and a plan needs none of them

    texts = shard.column("text")
    counted = text_statistics(texts)
    read = counted.bytes <= LARGEST_BYTES
    forms = lexical(texts, LARGEST_BYTES)
    trees = tree.read_trees(texts)
    parsed = read & (trees.error_line == 0)
    statements = _where(parsed, trees[tree.STATEMENTS])
    size = np.maximum(counted.bytes, 1)
    comments = np.minimum(forms.comment_bytes + trees[tree.DOCUMENTATION_BYTES], size)
    some = np.maximum(statements, 1)
    leaves = np.maximum(trees[tree.LITERALS] + trees[tree.NAMES], 1)
    return {
        "signal_bytes": counted.bytes.astype(np.float64),
        "signal_mean_line_length": counted.mean_line_length,
        "signal_max_line_length": counted.max_line_length.astype(np.float64),
        "signal_alphanumeric_share": counted.alphanumeric_share,
        "signal_encoded_share": _where(read, forms.encoded_share),
        "signal_encoded_run": _where(read, forms.encoded_run),
        "signal_duplicate_line_share": _where(read, forms.duplicate_line_share),
        "signal_repeated_ngram_share": _where(read, forms.repeated_ngram_share),
        "signal_markup_head": pc.match_substring_regex(texts, MARKUP).fill_null(False).to_numpy().astype(np.float64),
        "signal_generated_line": generated_lines(texts),
        "signal_python_2_line": _where(read, np.where(trees.python_2, trees.error_line, 0)),
        "signal_syntax_error_line": _where(read, np.where(trees.python_2, 0, trees.error_line)),
        "signal_comment_share": _where(parsed, comments / size),
        "signal_statements": statements,
        "signal_import_share": trees[tree.IMPORTS] / some,
        "signal_pass_share": trees[tree.PASSES] / some,
        "signal_print_share": trees[tree.PRINTS] / some,
        "signal_data_share": _where(parsed & (leaves >= FEW_LEAVES), trees[tree.LITERALS] / leaves),
        "signal_string_share": _where(parsed, trees[tree.STRING_BYTES] / size),
        "signal_statements_per_line": statements / np.maximum(counted.lines, 1),
        "signal_name_length": _where(
            parsed & (trees[tree.NAMES] > 0), trees[tree.NAME_BYTES] / np.maximum(trees[tree.NAMES], 1)
        ),
    }


def stored(shard: pa.Table) -> dict[str, Values] | None:
    """Return the signals that a shard brings, or None if it brings none, or not all of this version.

    A stage that changes texts empties `signals_version` in those rows (filters/private/secrets.py does).
    """
    names = [name for name in shard.column_names if name.startswith("signal_")]
    if STAMP not in shard.column_names or not pc.all(pc.equal(shard.column(STAMP), VERSION).fill_null(False)).as_py():
        return None
    return {name: shard.column(name).to_numpy() for name in names}


def _columns(signals: dict[str, Values], rows: int) -> dict[str, pa.Array]:
    columns = {name: nullable(values) for name, values in signals.items()}
    return {**columns, STAMP: pa.array(np.full(rows, VERSION), pa.int64())}


def _where(known: np.ndarray, values: np.ndarray) -> Values:
    return np.where(known, values, np.nan)


def generated_lines(texts: pa.ChunkedArray) -> Values:
    """Return the line of the header comment that says the file was generated, or 0."""
    headers = pc.utf8_slice_codeunits(texts, 0, HEADER_CHARACTERS)
    suspects = np.flatnonzero(pc.match_substring_regex(headers, GENERATED).fill_null(False).to_numpy())
    lines = np.zeros(len(texts))
    lines[suspects] = [_marked_line(header) for header in headers.take(pa.array(suspects)).to_pylist()]
    return lines


def _marked_line(header: str) -> int:
    """Return the first marked line among the comments above the code, or 0."""
    for number, line in enumerate(header.splitlines(), start=1):
        bare = line.strip().lstrip("\ufeff")
        if bare and not bare.startswith("#"):
            return 0
        if re.search(GENERATED, bare) and MARK.search(bare) and not NO_MARK.search(bare):
            return number
    return 0
