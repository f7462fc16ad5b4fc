"""An Item: a verified exercise as data, from which every text that teaches it is rendered.

In: what ran. A function (what stands above it, its header, one body or two that give the same), a description in prose,
and cases, each an input and the value that execution gave. Out: the shape HumanEval has (`Item.text`: imports, header,
docstring with examples, body), test lines, and the columns of a table, both ways. Other shapes are in
synth/item/renderings.py; what an Item must be like to be shown (formatted, true anywhere) is synth/item/form.py's.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Literal

import pyarrow as pa

WIDTH = 88
"""Characters of a line, as `black` and `ruff` have it."""
MARGIN = "    "
SHOWN = 3
"""Examples in a docstring, at most."""
SHORT = 60
"""Characters of an example that are easy to read; longer ones are shown where there are no others."""
DIGITS = 6
"""Significant digits of a float that is shown: of longer ones the last may be another on another machine."""
LONGEST_TEST = 200
FLOAT = re.compile(r"\d[.ej]|\.\d")
_NUMBER = r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?(?:e[+-]?\d+)?"
_LIST = rf"\[(?:{_NUMBER}(?:, {_NUMBER})*)?\]"
NUMBERS, TEXT = re.compile(rf"{_NUMBER}|{_LIST}|\[{_LIST}(?:, {_LIST})*\]"), re.compile(r"'[^'\\\n]*'")
"""Values that JSON writes as Python does, and texts without an escape."""
Tier = Literal["gold", "silver"]

CASES = pa.list_(pa.struct([("arguments", pa.string()), ("value", pa.string())]))
COLUMNS = {
    "function_name": pa.string(),
    "before": pa.string(),
    "header": pa.string(),
    "description": pa.string(),
    "cases": CASES,
    "solution": pa.string(),
    "second": pa.string(),
    "tests": pa.string(),
    "agreement": pa.float64(),
    "distinct": pa.int64(),
    "tier": pa.string(),
}
"""Beside `id`, `text`, `source`, `seed_id` and `topic`. `tests` are assert lines; `agreement` is the share of solutions
that agree, `distinct` counts different ones among these; `tier` is `gold` where all agree, else `silver`."""


@dataclass(frozen=True)
class Case:
    """One input that gave a value, both as Python source: `"[1, 2], 3"` and `"6"`."""

    arguments: str
    value: str

    def read(self) -> Any:
        """Return the value itself; Ellipsis for the few that have no literal (nan, range)."""
        if NUMBERS.fullmatch(self.value):  # as most are: the same values, in a tenth of the time
            return json.loads(self.value)
        if TEXT.fullmatch(self.value):
            return self.value[1:-1]
        try:
            return ast.literal_eval(self.value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ...


@dataclass(frozen=True)
class Item:
    """One verified exercise."""

    name: str
    before: str
    """Imports and definitions above the function; empty if there are none."""
    header: str
    """`def f(a: int) -> int:`, on as many lines as it needs."""
    description: str
    """Prose without examples, unindented."""
    cases: tuple[Case, ...]
    """In the order worth showing."""
    solutions: tuple[str, ...]
    """Bodies, indented by four. The first stands for all; a second one differs."""

    @property
    def text(self) -> str:
        """The shape of HumanEval: its prompt, then the body."""
        return f"{self.prompt}{self.solutions[0]}\n"

    @property
    def prompt(self) -> str:
        """What a model is given in HumanEval's shape, up to the line end behind the docstring."""
        return f"{self.stub(docstring(self.description, list(self.doctests())))}\n"

    def stub(self, inside: str) -> str:
        """Return what stands above the function, its header, and `inside` as the beginning of its body."""
        head = f"{self.header}\n{inside}" if inside else self.header
        return f"{self.before}\n\n\n{head}" if self.before else head

    def program(self, number: int = 0) -> str:
        """Return a whole program without docstring, by one of the solutions."""
        return f"{self.stub(self.solutions[number])}\n"

    def doctests(self) -> Iterator[str]:
        """Yield up to SHOWN examples of two lines; of different values, where there are enough."""
        width = WIDTH - len(MARGIN)
        fitting = [case for case in self.cases if self._shown(case, width)]
        different = {case.value: case for case in reversed(fitting)}
        chosen = [case for case in fitting if different[case.value] is case]
        chosen.sort(key=lambda case: len(case.arguments) + len(case.value) > SHORT)
        for case in chosen[:SHOWN]:
            yield "\n".join(_doctest(self.name, case))

    def _shown(self, case: Case, width: int) -> bool:
        lines = _doctest(self.name, case)
        fits = max(map(len, lines)) <= width and not any('"""' in line for line in lines)
        return case.value != "None" and fits and self.exact(case)

    def exact(self, case: Case) -> bool:
        """Tell whether every Python gives just this value.

        Floats of many digits depend on the C library; sums of floats are rounded otherwise since Python 3.12, unless
        they are of eighths, which need no rounding.
        """
        floats = _floats(case.value)
        sums = any("sum(" in solution for solution in self.solutions) and bool(floats)
        return all(_short(value) for value in floats) and not (sums and not all(map(_eighths, _floats(case.arguments))))

    def tests(self) -> list[str]:
        """Return an assert line a case: floats that are not exact by tolerance, and none for containers of these."""
        lines = [line for case in self.cases if (line := self._test(case)) and len(line) <= LONGEST_TEST]
        return list(dict.fromkeys(lines))

    def _test(self, case: Case) -> str:
        call = f"{self.name}({case.arguments})"
        if case.value == "None":
            return f"assert {call} is None"
        if self.exact(case):
            return f"assert {call} == {case.value}"
        value = case.read()
        near = 1e-06 if not isinstance(value, float) else max(1e-06, float(f"{abs(value) * 1e-9:.0e}"))
        return f"assert abs({call} - {case.value}) < {near}" if isinstance(value, float) else ""


def docstring(description: str, examples: list[str]) -> str:
    """Return a docstring with its quotes, indented by one level: prose, then examples at the same margin.

    They follow one paragraph at once, and several after a blank line.
    """
    between = "\n\n" if "\n\n" in description and examples else "\n"
    inside = between.join(filter(None, [description, "\n".join(examples)]))
    quotes = ('r"""' if "\\" in inside else '"""') + " " * inside.startswith('"')
    alone = "\n" not in inside and len(inside) + 11 <= WIDTH and not inside.endswith(('"', "\\"))
    return indent(f'{quotes}{inside}"""' if alone else f'{quotes}{inside}\n"""', MARGIN)


def row(
    item: Item,
    *,
    id: str,
    source: str,
    seed_id: str | None,
    topic: str | None = None,
    agreement: float = 1.0,
    distinct: int = 1,
    tier: Tier = "gold",
) -> dict[str, Any]:
    """Return an Item as a row: a Document with COLUMNS."""
    return {
        "id": id,
        "text": item.text,
        "source": source,
        "seed_id": seed_id,
        "topic": topic,
        "function_name": item.name,
        "before": item.before,
        "header": item.header,
        "description": item.description,
        "cases": [{"arguments": case.arguments, "value": case.value} for case in item.cases],
        "solution": item.solutions[0],
        "second": item.solutions[1] if len(item.solutions) > 1 else None,
        "tests": "\n".join(item.tests()),
        "agreement": agreement,
        "distinct": distinct,
        "tier": tier,
    }


def read_item(row: Mapping[str, Any]) -> Item:
    """Return the Item that a row holds."""
    return Item(
        row["function_name"],
        row["before"],
        row["header"],
        row["description"],
        tuple(Case(case["arguments"], case["value"]) for case in row["cases"]),
        tuple(filter(None, [row["solution"], row["second"]])),
    )


def _doctest(name: str, case: Case) -> tuple[str, str]:
    """Return an example's two lines; a set is compared, for it prints in no certain order."""
    call = f">>> {name}({case.arguments})"
    return (f"{call} == {case.value}", "True") if _holds_a_set(case.value) else (call, case.value)


def _holds_a_set(text: str) -> bool:
    if "{" not in text and "set(" not in text:
        return False
    tree = ast.parse(text, mode="eval")
    return any(isinstance(node, ast.Set | ast.Call) for node in ast.walk(tree))


def _floats(text: str) -> list[float]:
    if not FLOAT.search(text):  # parsing all cases takes longer than all else
        return []
    tree = ast.parse(f"({text},)" if text else "()", mode="eval")
    parts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [part for value in parts for part in _parts(value) if isinstance(part, float)]


def _parts(value: Any) -> tuple[Any, ...]:
    return (value.real, value.imag) if isinstance(value, complex) else (value,)


def _short(value: float) -> bool:
    return float(f"{value:.{DIGITS}g}") == value


def _eighths(value: float) -> bool:
    return value * 8 == int(value * 8) if abs(value) < 1 << 40 else False
