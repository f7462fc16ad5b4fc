"""A description tells what decides the result; what it leaves out is found in the code."""

import ast

import pytest

from curate.sandbox.programs import CallOutcome
from curate.synth.exercise.clauses import Shown
from curate.synth.exercise.complete import bare, left_out

VALUE = Shown(([1],), CallOutcome("value", "1", "int", ""))
RAISED = Shown(([],), CallOutcome("raised", "ValueError", "", ""))


def wanting(prose: str, header: str, body: str, *shown: Shown) -> str | None:
    code = f"{header}\n    {body}\n"
    [function] = ast.parse(code).body
    assert isinstance(function, ast.FunctionDef)
    return left_out(prose, function.args, code, shown or (VALUE,))


LIST = "def f(numbers: list[int]) -> int:"
TWO = "def f(prices: list[float], counts: list[int]) -> float:"
TEXT = "def f(names: list[str]) -> str:"


@pytest.mark.parametrize(
    ("prose", "header", "body", "reason"),
    [
        ("Return the sum of the numbers.", LIST, "return sum(numbers)", None),
        ("Return the mean.", LIST, "return round(sum(numbers) / len(numbers), 1)", "does not say how it rounds"),
        ("Return the mean, rounded to one place.", LIST, "return round(sum(numbers) / len(numbers), 1)", None),
        ("Return the names as one.", TEXT, "return ''.join(names).lower()", "does not say what it does with capitals"),
        ("Return the names as one in lower case.", TEXT, "return ''.join(names).lower()", None),
        ("Return the longest name.", TEXT, "return max(names, key=len)", "does not say which of equal ones it takes"),
        ("Return the longest name, of equal ones the first.", TEXT, "return max(names, key=len)", None),
        ("Return the largest number.", LIST, "return max(numbers)", None),
        ("Return what the prices times counts add up to.", TWO, "return sum(p * c for p, c in zip(prices, counts))",
         "does not say which list ends first"),
        ("Return what prices times counts add up to, as far as the shorter list goes.", TWO,
         "return sum(p * c for p, c in zip(prices, counts))", None),
        ("Return the numbers over the limit.", LIST, "return [n for n in numbers if n > 18]",
         "does not name a value of its code"),
        ("Return the numbers over 18.", LIST, "return [n for n in numbers if n > 18]", None),
        ("Return the numbers over five.", LIST, "return [n for n in numbers if n > 5]", None),
        ("Return the numbers over 1,000.", LIST, "return [n for n in numbers if n > 1000]", None),
        ("Return the names, joined.", TEXT, "return ', '.join(names)", "does not name a value of its code"),
        ("Return the names, joined by commas.", TEXT, "return ', '.join(names)", "does not name a value of its code"),
        ("Return the names, joined by a comma and a space.", TEXT, "return ', '.join(names)", None),
        ("Return a greeting of all names.", TEXT, "return 'Hello ' + ' '.join(names)",
         "does not name a value of its code"),
        ("Return 'Hello' and the names, divided by spaces.", TEXT, "return 'Hello ' + ' '.join(names)", None),
        ("Return the highest price.", TWO, "return max(prices) * len(counts)", "does not speak of a parameter"),
        ("Return the highest price times the number of counts.", TWO, "return max(prices) * len(counts)", None),
        ("Return the even numbers of each row; a row without any remains unchanged.",
         "def f(rows: list[list[int]]) -> list[list[int]]:", "return [[n for n in row if n % 2 == 0] for row in rows]",
         "speaks of a case that its code does not know"),
    ],
)  # fmt: skip
def test_what_decides_the_result_is_in_the_words(prose: str, header: str, body: str, reason: str | None) -> None:
    assert wanting(prose, header, body) == reason


def test_an_error_is_told_wherever_one_was_seen() -> None:
    body = "return max(numbers)"
    assert wanting("Return the largest number.", LIST, body, VALUE, RAISED) == "does not say that it raises"
    assert wanting("Return the largest number; an empty list raises ValueError.", LIST, body, VALUE, RAISED) is None


@pytest.mark.parametrize(
    ("header", "is_bare"),
    [
        ("def f(a: list[int]) -> dict[str, int]: ...", False),
        ("def f(a: int, b: str) -> None: ...", False),
        ("def f(a: list) -> int: ...", True),
        ("def f(a: int) -> dict: ...", True),
        ("def f(a: list[dict]) -> int: ...", True),
        ("def f(a: Dict[str, List[int]]) -> Tuple[int, ...]: ...", False),
        ("def f(a: Any) -> int: ...", True),
        ("def f(a: list[int] | None) -> int: ...", False),
    ],
)
def test_types_that_do_not_say_what_they_hold_are_known(header: str, is_bare: bool) -> None:
    [function] = ast.parse(header).body
    assert isinstance(function, ast.FunctionDef)
    assert bare(function.args, function.returns) is is_bare
