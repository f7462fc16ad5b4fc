"""What a description says of values and cases: taken from its words, so that it can be tried and held against results.

In: the prose of a docstring, and what a function gave on inputs. Out: values that the prose names (to draw inputs
from), and the first of its statements that the results or the code contradict, or that no input has shown. Found by
patterns: a result that is stated as a literal, an error, a result for empty, zero or negative input, a property that
code cannot have without certain means. Statements of any other kind are not checked here.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curate.sandbox.programs import CallOutcome

QUOTED = re.compile(r"""(?<![\w'"`])(['"`])(.{1,12}?)\1(?![\w'"`])""")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
NAMED = {
    "comma": ",", "space": " ", "blank": " ", "hyphen": "-", "dash": "-", "underscore": "_", "period": ".", "dot": ".",
    "colon": ":", "semicolon": ";", "slash": "/", "vowel": "aEiou", "consonant": "bcd", "digit": "42",
    "punctuation": "wait, what?", "uppercase": "ABC", "capital": "Ab Cd", "lowercase": "abc", "newline": "a\nb",
    "parenthes": "(a)(b)", "bracket": "[a]", "star": "*", "asterisk": "*", "hash": "#",
}  # fmt: skip
"""What words stand for."""

EMPTIES = {"list": [], "string": "", "dictionary": {}, "dict": {}, "tuple": (), "set": set()}
LITERAL = (
    r"(?P<literal>-?\d+(?:\.\d+)?|None|True|False|an empty (?:list|string|dictionary|dict|tuple|set)"
    r"|\[\]|\{\}|\(\)|\"\"|''|'[^'\n]{1,20}'|\"[^\"\n]{1,20}\")"
)
STATED = re.compile(
    rf"\b(?:returns?|result is|gives|yields)\s+`{{0,2}}{LITERAL}`{{0,2}}(?=\s*(?:[.,;:)]|$|"
    r"(?:if|when|for|otherwise|instead|unless|as|where|and|in|without)\b))",
    re.IGNORECASE,
)
ERROR = re.compile(r"\braises?\s+(?:an?\s+)?`{0,2}(\w+(?:Error|Exception))", re.IGNORECASE)
CONDITIONS = {
    "empty": re.compile(r"\b(?:if|when|for|of)\b[^.;]*\b(?:is|are|an?)\s+empty\b|\bis empty\b", re.IGNORECASE),
    "zero": re.compile(r"\b(?:if|when|for)\b[^.;,]*(?:\bis (?:zero|0)\b|\bzero\b(?! or))", re.IGNORECASE),
    "negative": re.compile(r"\b(?:if|when|for)\b[^.;,]*\bnegative\b", re.IGNORECASE),
}
PARTS = re.compile(r"(?<=[.;])\s+|\n\s*\n|,\s+(?:and|or|but)\s+(?=returns?\b)|\n\s*[-*]\s+")
NEEDS = (
    (r"case.insensitiv|ignor\w+ (?:the )?case|regardless of case", r"lower|upper|casefold|IGNORECASE"),
    (r"\bround(?:ed|s)?\b (?:up|down|to)|decimal place", r"round|format|:\.|%|//|int\(|ceil|floor|trunc"),
    (r"(?:ascending|descending|alphabetical|lexicographic\w*|sorted) order|\bsorted (?:by|in|from)\b",
     r"sort|heap|min\(|max\(|bisect|range\(|>|<"),
    (r"\bignor\w+ (?:all )?punctuation|without punctuation", r"isal|punctuation|\bre\.|strip\(|replace|translate|[!?]"),
    (r"\brecursi", None),
)  # fmt: skip
"""What prose says, and what code must hold to do it; None: a call of the function itself."""


@dataclass(frozen=True)
class Shown:
    """One input and what it gave."""

    arguments: tuple[Any, ...]
    outcome: CallOutcome

    @property
    def value(self) -> Any:
        """The value; Ellipsis where there is none that can be read back."""
        if self.outcome.status != "value":
            return ...
        try:
            return set() if self.outcome.value == "set()" else ast.literal_eval(self.outcome.value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ...


def named_values(prose: str) -> list[Any]:
    """Return the numbers and texts that prose names, each once.

    >>> named_values("Count the commas, or return -1 for 'none'.")
    ['none', -1, ',']
    """
    found: list[Any] = [text for _, text in QUOTED.findall(prose)]
    for number in NUMBER.findall(prose):
        found += [float(number)] if "." in number else [int(number)] if len(number) < 7 else []
    found += [value for word, value in NAMED.items() if re.search(rf"\b{word}", prose, re.IGNORECASE)]
    return [value for place, value in enumerate(found) if repr(value) not in map(repr, found[:place])]


def untrue(prose: str, code: str, name: str, shown: Sequence[Shown]) -> str | None:
    """Return what is wrong with the first statement that does not hold, or None."""
    given = [each for each in shown if each.outcome.status == "value"]
    raised = {each.outcome.value for each in shown if each.outcome.status == "raised"}
    if not {error.lower() for error in ERROR.findall(prose)} <= {error.lower() for error in raised}:
        return "a stated error never came"
    if raised and not ERROR.search(prose) and len(given) < 0.75 * len(shown):
        return "raises where its text is silent"
    if any(not any(_same(each.value, value) for each in given) for value, _ in stated(prose)):
        return "a stated result never came"
    for value, condition in stated(prose):
        if condition and any(_meets(each.arguments, condition) and not _same(each.value, value) for each in shown):
            return f"another result than stated for {condition} input"
    for text, means in NEEDS:
        if re.search(text, prose, re.IGNORECASE) and not re.search(means or rf"\b{name}\(", code):
            return "states what its code has no means for"
    return None


def stated(prose: str) -> Iterator[tuple[Any, str]]:
    """Yield results that prose states as literals, and for what input: `empty`, `zero`, `negative`, or "".

    >>> list(stated("Return the sum. If the list is empty, return 0. Returns 3 words."))
    [(0, 'empty')]
    >>> list(stated('Otherwise it returns "no empty seat found".'))
    [('no empty seat found', '')]
    """
    for part in PARTS.split(prose):
        found = list(STATED.finditer(part))
        conditions = [name for name, pattern in CONDITIONS.items() if pattern.search(_without_results(part))]
        for match in found:
            text = match["literal"]
            value = _read(text)
            if value is not ...:
                yield value, conditions[0] if len(found) == len(conditions) == 1 and _simple(part) else ""


def _without_results(part: str) -> str:
    return STATED.sub("", part)


def _simple(part: str) -> bool:
    """Tell whether a sentence sets one condition: no `or`, `and`, `both`, `either` beside it."""
    return not re.search(r"\b(?:or|and|both|either|unless|otherwise|not|no|non|any|all)\b", part, re.IGNORECASE)


def _read(text: str) -> Any:
    if text.lower().startswith("an empty "):
        return EMPTIES[text.rsplit(" ", 1)[1].lower()]
    try:
        return ast.literal_eval(
            text[0].upper() + text[1:].lower() if text.lower() in ("none", "true", "false") else text
        )
    except (ValueError, SyntaxError):
        return ...


def _meets(arguments: tuple[Any, ...], condition: str) -> bool:
    """Tell whether an input certainly meets a condition: all of it that could."""
    if condition == "empty":
        sized = [value for value in arguments if isinstance(value, list | str | dict | tuple | set)]
        return bool(sized) and not any(sized)
    numbers = [value for value in arguments if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) != 1 or len(arguments) != 1:
        return False
    return numbers[0] == 0 if condition == "zero" else numbers[0] < 0


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same; 1 and 1.0 are, 1 and True are not."""
    number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return (number or type(one) is type(other)) and bool(one == other)
