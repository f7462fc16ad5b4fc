"""`synth.mined`: exercises from real code, with examples printed from execution and without any model.

In: a corpus of Python files. Out: one row for each of their functions: an Item (synth/item/item.py) where the function
stands alone (synth/code/functions.py), its parameters' types are found by trial (synth/code/guess.py), it gives
different values on inputs drawn from these, the same under another hash seed, and its docstring says what it does; else
a rejected row with the reason. Of the document come `seed_id` and those of CARRIED that it has.

Functions that do the same are many in real code: put `dedup.behaviour` behind this. With the shape `case2code` of
`synth.render` this is the data of Case2Code (Shao et al. 2024, arXiv 2407.12504).

Not covered: whether a docstring's prose is true; classes, generators, functions that need keywords.
"""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.files.shards import REQUIRED
from curate.sandbox.programs import CallOutcome, Limits, call_many
from curate.sandbox.values import literal
from curate.stage import Columns, Context, Made, Maker, derive_seed
from curate.synth.code.functions import Found, Refused, functions
from curate.synth.code.guess import annotation_of, guesses, modern, parameters
from curate.synth.code.inputs import argument_rows
from curate.synth.code.mining_prose import description_of
from curate.synth.code.spice import constants_of, spiced
from curate.synth.item.form import tidy
from curate.synth.item.item import COLUMNS, MARGIN, Case, Item, row
from curate.synth.item.proof import hold

CARRIED = ("license", "licence", "repo", "package", "version", "path", "stars", "url")
"""Columns of a document that its exercises keep."""
ENOUGH = 4
LONGEST_CASE = 120
PROBES = 4
"""Inputs for each combination of types that is tried."""
SAME = 0.85
"""Share of the values that may be the same one."""


@dataclass
class Attempt:
    """One function on its way to an exercise."""

    id: str
    document: Mapping[str, Any]
    name: str
    text: str
    reason: str | None = None
    found: Found | None = None
    required: list[ast.arg] = field(default_factory=list)
    combinations: list[tuple[str, ...]] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    outcomes: list[CallOutcome] = field(default_factory=list)
    item: Item | None = None

    @property
    def program(self) -> str:
        """The function with what it needs, its parameters not annotated."""
        assert self.found
        return f"{self.found.before}\n\n\n{self.header()}\n{body_of(self.found)}\n"

    def header(self, kinds: Sequence[str] = (), result: str = "") -> str:
        """Return the header; with `kinds`, the types of the required parameters, every parameter is annotated."""
        assert self.found
        given = deepcopy(self.found.node.args)
        given.args = given.args[self.found.method :]
        chosen = dict(zip((each.arg for each in self.required), kinds, strict=False))
        defaults = dict(
            zip([each.arg for each in given.args][len(given.args) - len(given.defaults) :], given.defaults, strict=True)
        )
        for each in given.args:
            name = chosen.get(each.arg) or default_kind(each, defaults.get(each.arg)) if kinds else ""
            each.annotation = ast.parse(name, mode="eval").body if name else None
        return f"def {self.name}({ast.unparse(given)}){f' -> {result}' if result else ''}:"


class Mined(Maker):
    """Make exercises of the corpus's own functions: documented, run, and without a model."""

    VERSION: ClassVar[int] = 4
    ALONE: ClassVar[bool] = True

    inputs: int = Field(default=18, ge=6)
    """Inputs that a function runs on."""
    cpu_s: float = Field(default=1.0, gt=0)
    """CPU seconds of a function over all its inputs."""

    def passes_on(self, column: str) -> bool:
        """Keep what says where the document is from."""
        return column in CARRIED

    def adds(self) -> Columns:
        """List where an exercise comes from, and what proves it."""
        return {"seed_id": pa.string(), "topic": pa.string(), **COLUMNS}

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Try every function of a shard."""
        attempts = [each for document in shard.to_pylist() for each in self._attempts(document)]
        self._choose_types([each for each in attempts if each.reason is None], context)
        self._run([each for each in attempts if each.reason is None])
        self._tidy([each for each in attempts if each.reason is None])
        self._prove([each for each in attempts if each.reason is None])
        kept = [self._row(each, context) for each in attempts if each.reason is None]
        lost = [
            {
                "id": each.id,
                "text": each.text,
                "source": context.name,
                "seed_id": each.document["id"],
                "reason": each.reason,
            }
            for each in attempts
            if each.reason
        ]
        carried = [shard.schema.field(name) for name in CARRIED if name in shard.column_names]
        start = [*REQUIRED.items(), ("seed_id", pa.string())]
        schema = pa.schema([*start, ("topic", pa.string()), *COLUMNS.items(), *carried])
        rejected = pa.schema([*start, ("reason", pa.string())])
        return Made(pa.Table.from_pylist(kept, schema), pa.Table.from_pylist(lost, rejected))

    def _attempts(self, document: Mapping[str, Any]) -> list[Attempt]:
        """Return a document's functions, those that cannot be tried with the reason why."""
        seen: Counter[str] = Counter()
        made = []
        for found in functions(document["text"]):
            seen[found.name] += 1
            again = f"#{seen[found.name]}" if seen[found.name] > 1 else ""
            name = found.name.strip("_") or found.name
            attempt = Attempt(f"{document['id']}::{found.name}{again}", document, name, found.source)
            if isinstance(found, Refused):
                attempt.reason = found.reason
            else:
                attempt.found = found
                self._prepare(attempt, found)
            made.append(attempt)
        return made

    def _prepare(self, attempt: Attempt, found: Found) -> None:
        """Look for types to try, or say why there are none."""
        plain = found.node.args.args[found.method :]
        defaults = found.node.args.defaults
        attempt.required = (plain[: len(plain) - len(defaults)] or plain) if defaults else plain
        if not attempt.name.isidentifier() or not plain:
            attempt.reason = "no parameters"
        elif body_of(found) is None:
            attempt.reason = "strings over several lines"
        elif not _uses_all(found, plain):
            attempt.reason = "ignores a parameter"
        elif not _description(found):
            attempt.reason = "nothing says what it does"
        else:
            attempt.constants = constants_of(found.node)
            attempt.combinations = guesses(found.node, attempt.required, found.docstring)

    def _choose_types(self, attempts: Sequence[Attempt], context: Context) -> None:
        """Try the combinations of types on a few inputs each; keep the one that gives most."""
        open_ended = [each for each in attempts if len(each.combinations) > 1]
        drawn = {
            each.id: [self._draw(each, kinds, PROBES, context) for kinds in each.combinations] for each in open_ended
        }
        work = ((each.program, each.name, [row for rows in drawn[each.id] for row in rows]) for each in open_ended)
        for each, outcomes in zip(open_ended, call_many(work, self._limits()), strict=True):
            results = iter(outcomes)
            scores = [_promise([next(results) for _ in rows]) for rows in drawn[each.id]]
            good = (place for place, (values, _) in enumerate(scores) if values > PROBES / 2)
            best = next(good, max(range(len(scores)), key=lambda place: (scores[place], -place)))
            each.combinations = [each.combinations[best]]
        for each in attempts:
            each.rows = self._draw(each, each.combinations[0], self.inputs, context)
            if len(each.rows) < ENOUGH:
                each.reason = "no inputs for its types"

    def _draw(self, attempt: Attempt, kinds: Sequence[str], count: int, context: Context) -> list[tuple[Any, ...]]:
        names = [each.arg for each in attempt.required]
        seed = derive_seed(context.seed, attempt.id, *kinds)
        drawn = argument_rows(parameters(names, kinds), count, seed) or []
        return spiced(drawn, attempt.constants, seed)

    def _limits(self) -> Limits:
        return Limits(cpu_s=self.cpu_s, memory_mb=512, leash_s=self.cpu_s / 4)

    def _run(self, attempts: Sequence[Attempt]) -> None:
        """Run the functions and judge what they give."""
        work = ((each.program, each.name, each.rows) for each in attempts)
        for each, outcomes in zip(attempts, call_many(work, self._limits()), strict=True):
            each.outcomes = outcomes
            each.reason = _objection(each.rows, outcomes)

    def _tidy(self, attempts: Sequence[Attempt]) -> None:
        """Make Items and tidy them."""
        for each, made in zip(attempts, tidy([_item(each) for each in attempts]), strict=True):
            each.item, each.reason = (None, made) if isinstance(made, str) else (made, None)

    def _prove(self, attempts: Sequence[Attempt]) -> None:
        """Run the Items as they are shown, under another hash seed: what changes is true nowhere."""
        for each, holds in zip(attempts, hold([each.item for each in attempts if each.item]), strict=True):
            each.reason = None if holds else "gives another value when it runs again"

    def _row(self, attempt: Attempt, context: Context) -> dict[str, Any]:
        assert attempt.item and attempt.found
        made = row(attempt.item, id=attempt.id, source=context.name, seed_id=attempt.document["id"])
        return made | {name: attempt.document[name] for name in CARRIED if name in attempt.document}


def body_of(found: Found) -> str | None:
    """Return a function's body without its docstring, indented by one level; None where dedenting would change it."""
    first, *rest = found.node.body
    is_docstring = ast.get_docstring(found.node) is not None
    statements = rest if is_docstring else found.node.body
    moves = first.col_offset != len(MARGIN) and any(map(_spans_lines, statements))
    if not statements or moves:
        return None
    if statements[0].lineno == found.node.lineno:
        return indent("\n".join(map(ast.unparse, statements)), MARGIN)
    lines = found.source.splitlines()
    start = (first.end_lineno or 0) + 1 if is_docstring else statements[0].lineno
    return indent(dedent("\n".join(lines[start - found.node.lineno :])), MARGIN).strip("\n").rstrip()


def _spans_lines(statement: ast.stmt) -> bool:
    """Tell whether a string goes on over a line's end."""
    texts = (node for node in ast.walk(statement) if isinstance(node, ast.Constant | ast.JoinedStr))
    return any(node.lineno != node.end_lineno for node in texts)


def default_kind(parameter: ast.arg, default: ast.expr | None) -> str:
    """Return the annotation of a parameter that is left to its default: as it was written, or the default's type."""
    kind = modern(parameter.annotation) if parameter.annotation else ""
    if kind:
        return kind
    try:
        value = ast.literal_eval(default) if default else None
    except (ValueError, SyntaxError):
        return "object"
    return "object" if value is None else annotation_of([value]) or "object"


def _uses_all(found: Found, plain: Sequence[ast.arg]) -> bool:
    used = {node.id for node in ast.walk(found.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {each.arg for each in plain} <= used


def _promise(outcomes: Sequence[CallOutcome]) -> tuple[int, int]:
    """Return how much a few inputs gave: values, and different ones."""
    values = [each.value for each in outcomes if each.status == "value" and each.value != "None"]
    return (len(set(values)) > 1) * len(values), len(set(values))


def _objection(rows: Sequence[tuple[Any, ...]], outcomes: Sequence[CallOutcome]) -> str | None:
    """Say what is wrong with a function that gives this, if anything is."""
    bad = next((each.status for each in outcomes if each.status not in ("value", "raised")), None)
    if bad:
        return "gives a value that is not plain" if bad == "error" else f"ended by {bad}"
    values = [each.value for each in outcomes if each.status == "value"]
    if len(values) < max(ENOUGH, len(rows) // 3):
        return "raised"
    if max(Counter(values).values()) > max(SAME * len(values), 1):
        return "constant output"
    pairs = [(given, each) for given, each in zip(rows, outcomes, strict=True) if each.status == "value"]
    same = (sum(literal(given[place]) == each.value for given, each in pairs) for place in range(len(rows[0])))
    if max(same) > SAME * len(pairs):
        return "identity output"
    return None


def _item(attempt: Attempt) -> Item:
    found = attempt.found
    assert found
    pairs = [
        (given, each) for given, each in zip(attempt.rows, attempt.outcomes, strict=True) if each.status == "value"
    ]
    cases = [Case(", ".join(map(literal, given)), each.value) for given, each in pairs]
    result = annotation_of([case.read() for case in cases if case.read() is not ...]) or "object"
    cases.sort(key=lambda case: len(case.value) < 3)  # an empty result says least
    short = tuple(case for case in cases if len(case.arguments) + len(case.value) <= LONGEST_CASE)
    body = body_of(found) or ""
    if attempt.name != found.name:
        body = re.sub(rf"\b{found.name}\b", attempt.name, body)
    header = attempt.header(attempt.combinations[0], result)
    return Item(attempt.name, found.before, header, _description(found), short, (body,))


def _description(found: Found) -> str:
    return description_of(found.docstring, [each.arg for each in found.node.args.args])
