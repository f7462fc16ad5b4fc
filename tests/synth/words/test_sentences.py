"""A function that a rule describes does what is said, in all that is said; what has no words is not described."""

import ast
from textwrap import dedent
from typing import Any

import pytest

from curate.sandbox.programs import CallOutcome
from curate.synth.words.edges import raised_when, rows_around
from curate.synth.words.forms import Unsayable
from curate.synth.words.sentences import Described, described


def told(source: str) -> Described:
    """Return what is said of a function."""
    [function] = ast.parse(dedent(source)).body
    assert isinstance(function, ast.FunctionDef)
    return described(function)


def gives(source: str, *arguments: Any) -> Any:
    """Return what the only public function of a source gives, or the name of its error."""
    names: dict[str, Any] = {}
    exec(compile(dedent(source), "<test>", "exec"), names)
    function = next(value for name, value in reversed(names.items()) if callable(value) and not name.startswith("_"))
    try:
        return function(*arguments)
    except (LookupError, ValueError, ArithmeticError) as error:
        return type(error).__name__


NUMBERS: tuple[tuple[Any, ...], ...] = (([],), ([3],), ([4, -2, 4, 0, 7],), ([-1, -1],), ([9, 2, 9],))
WORDS: tuple[tuple[Any, ...], ...] = (([],), ([""],), (["oak", "Elm", "oak", "ash tree"],), (["a", "bb", "cc"],))
TEXTS: tuple[tuple[Any, ...], ...] = (("",), ("oak",), ("Hello, World",), ("a a  b",))
SHELVES: tuple[tuple[Any, ...], ...] = (({},), ({"oak": 2},), ({"oak": 2, "elm": -1, "ash": 2},))

SAID = {
    "def f(xs: list[int]) -> list[int]:\n    return [x for x in xs if x % 2 == 0 and x > 0]": (
        NUMBERS, "Return a list of the numbers in `xs` that are even and greater than 0."
    ),
    "def f(xs: list[int]) -> int:\n    total = 0\n    for x in xs:\n        if x < 0:\n            continue\n"
    "        total += x\n    return total": (
        NUMBERS, "Return the sum of the numbers in `xs` that are at least 0."
    ),
    "def f(xs: list[int]) -> int:\n    best = 0\n    for x in xs:\n        if x > best:\n            best = x\n"
    "    return best": (NUMBERS, "Return the largest of the numbers in `xs`, or 0 if none is larger."),
    "def f(xs: list[int]) -> bool:\n    for i in range(1, len(xs)):\n        if xs[i] < xs[i - 1]:\n"
    "            return False\n    return True": (
        NUMBERS,
        "Return True if no number in `xs` is less than the one before it, otherwise False.",
    ),
    "def f(xs: list[int]) -> str:\n    if not xs:\n        return 'none'\n    mean = sum(xs) / len(xs)\n"
    "    if mean > 3:\n        return 'high'\n    return f'{mean}'": (
        NUMBERS,
        "Let `mean` be the average of the numbers in `xs`. Return `mean` as a string, or 'high' if `mean` is greater "
        "than 3. If `xs` is empty, return 'none' instead.",
    ),
    "def f(words: list[str]) -> dict[str, int]:\n    counts = {}\n    for word in words:\n"
    "        if word not in counts:\n            counts[word] = 0\n        counts[word] += 1\n    return counts": (
        WORDS, "Return a dictionary that maps each string in `words` to the number of times it occurs there."
    ),
    "def f(words: list[str]) -> dict[int, list[str]]:\n    groups = {}\n    for word in words:\n"
    "        groups.setdefault(len(word), []).append(word)\n    return groups": (
        WORDS,
        "Return a dictionary that maps each length to the list of the strings of that length in `words`.",
    ),
    "def f(words: list[str]) -> str:\n    longest = ''\n    for word in words:\n"
    "        if len(word) > len(longest):\n            longest = word\n    return longest": (
        WORDS,
        "Return the string in `words` with the largest length, or an empty string if that is not "
        "greater than 0. Of several with the largest length the first is meant.",
    ),
    "def f(words: list[str]) -> list[int]:\n    return [len(word) for word in words]": (
        WORDS, "Return a list with the length of each string in `words`."
    ),
    "def f(text: str) -> str:\n    result = ''\n    for letter in text:\n        if letter.lower() not in 'aeiou':\n"
    "            result += letter\n    return result": (TEXTS, None),
    "def f(xs: list[int]) -> tuple[list[int], list[int]]:\n    low, high = [], []\n    for x in xs:\n"
    "        if x < 3:\n            low.append(x)\n        else:\n            high.append(x)\n    return low, high": (
        NUMBERS,
        "Return a tuple of two elements. Its first element is a list of the numbers in `xs` that are less than 3. Its "
        "second element is a list of the numbers in `xs` that are at least 3.",
    ),
    "def f(xs: list[int]) -> list[list[int]]:\n    return [[y for y in xs if y < x] for x in xs]": (
        NUMBERS,
        "Return a list that holds, for each number in `xs`, a list of the numbers in `xs` that are less than that "
        "number.",
    ),
    "def f(xs: list[int]) -> list[int]:\n    if not xs:\n        return []\n    low = max(xs) * 2\n"
    "    return [x for x in xs if x * 3 > low]": (
        NUMBERS,
        "Let `low` be the largest number in `xs`, times 2. Return a list of every number `x` in `xs` for which `x * 3` "
        "is greater than `low`. If `xs` is empty, return an empty list instead.",
    ),
    "def f(xs: list[int]) -> int:\n    product = 1\n    for x in xs:\n        product *= x + 1\n    return product": (
        NUMBERS, "Return the product of `x + 1` for each number `x` in `xs`."
    ),
    "def f(words: list[str]) -> list[str]:\n    seen = set()\n    kept = []\n    for word in words:\n"
    "        if word not in seen:\n            seen.add(word)\n            kept.append(word)\n    return kept": (
        WORDS,
        "Return a list of the strings in `words`, each value once and in the order in which it first comes up.",
    ),
    "def f(shelf: dict[str, int]) -> list[str]:\n    return [name for name, count in shelf.items() if count > 1]": (
        SHELVES, "Return a list of the keys of `shelf` whose value is greater than 1."
    ),
    "def f(shelf: dict[str, int]) -> str:\n    return max(shelf, key=shelf.get) if shelf else ''": (
        SHELVES,
        "Return the key of `shelf` with the largest value, or an empty string if `shelf` is empty. Of several "
        "with the largest value the first is meant.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", SAID, ids=lambda source: source.rsplit("return ", 1)[1][:30])
def test_a_function_is_described_and_the_words_run_to_what_it_gives(source: str) -> None:
    rows, expected = SAID[source]
    found = told(source)
    assert expected is None or found.prose == expected
    for row in rows:
        assert gives(found.program, *row) == gives(source, *row)


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(a: list[int], b: list[int]) -> int:\n    return sum(x * y for x, y in zip(a, b))", "left out"),
        ("def f(a: list[tuple[str, int]]) -> dict[str, int]:\n    return {k: v for k, v in a}", "last one counts"),
        ("def f(a: dict[str, str]) -> dict[str, str]:\n    return {v: k for k, v in a.items()}", "last one counts"),
        (
            "def f(a: dict[str, int]) -> list[tuple[str, int]]:\n    return [(k, v) for k, v in a.items() if v > 1]",
            "the pair (`k`, `v`)",
        ),
        ("def f(a: list[str]) -> str:\n    return max(a, key=len)", "that are equally long the first is meant"),
        ("def f(a: float) -> int:\n    return round(a)", "half"),
        ("def f(a: float) -> str:\n    return f'{a:.2f} km'", "`a` written with 2 decimals followed by ' km'"),
        ("def f(a: list[bool]) -> int:\n    return sum(a) * 5", "number of True values"),
        ("def f(a: list[float]) -> list[float]:\n    return [x for x in a if x == False]", "`x == False`"),
        ("def f(a: list[list[int]]) -> list[list[int]]:\n    return [x[:1] for x in a]", "`x[:1]`"),
        ("def f(a: str, b: str = 'x') -> str:\n    return a + b", "by default"),
        ("def f(a: list[str]) -> list[int]:\n    return [i for i, x in enumerate(a) if int(i) > 2]", "its index `i`"),
        ("def f(a: list[int]) -> int:\n    return sum(a) + 1", "sum of the numbers in `a`, plus 1"),
        ("def f(a: list[int]) -> int:\n    return sum(a) // 2", "numbers in `a`, divided by 2 and rounded down"),
        ("def f(a: str) -> int:\n    return len(a) + 1", "the length of `a` plus 1"),
        ("def f(a: list[str], b: str) -> int:\n    return a.index(b) + 1", "`a` holds `b`, plus 1"),
        ("def f(a: int, b: int) -> int:\n    return a - a * b", "`a - a * b`"),
        ("def f(a: int, b: int, c: int) -> bool:\n    return b <= a <= c", "at least `b` and at most `c`"),
        ("def f(n: int) -> list[str]:\n    return ['x' * i for i in range(n)]", "'x' repeated that integer times"),
        ("def f(a: list[float]) -> list[int]:\n    return [int(x + 0.5) for x in a]", "`x + 0.5` truncated"),
        ("def f(a: list[int]) -> list[set[int]]:\n    return [{x, 2} for x in a]", "the set of that number and 2"),
        ("def f(a: list[list[int]]) -> list[list[int]]:\n    return [[y for y in x if y > 2] for x in a]",
         "for each inner list in `a`, a list of the numbers in it"),
    ],
)  # fmt: skip
def test_what_two_readers_could_take_in_two_ways_is_said(source: str, missing: str) -> None:
    assert missing in told(source).prose


@pytest.mark.parametrize(
    "source",
    [
        "def f(a: int) -> int:\n    return 1 if a < 2 else a * f(a - 1)",
        "def f(a: set[str]) -> list[str]:\n    return [x for x in a]",
        "def f(a: set[str]) -> str:\n    return min(a, key=len)",
        "def f(a: list[str]) -> list[int]:\n    return [i for i, x in enumerate(a, start=1) if x]",
        "def f(a: str) -> int:\n    return int(a, base=2)",
        "def f(a: str, b: str) -> str:\n    return a + b.strip() + '!'",
        "def f(a: str) -> list[str]:\n    return [x for x in a.split(',', maxsplit=1) if x]",
        "def f(a: list) -> list:\n    return sorted(a, key=lambda x: x['weight'])",
        "def f(a: list[int]) -> list[int]:\n    a.append(1)\n    return a",
        "def f(a: list[int], b: set[int]) -> list[int]:\n    return [x - y for x, y in zip(a, b)]",
        "def f(a: list[str], b: str) -> list[tuple[int, int]]:\n    return [(a.index(b), len(x)) for x in a]",
    ],
)
def test_what_has_no_words_or_no_certain_order_is_not_described(source: str) -> None:
    with pytest.raises(Unsayable):
        told(source)


SHADOWED = """
def f(obs: str, groups: list[str]) -> dict[str, list[int]]:
    result = {}
    words = obs.split()
    for group in groups:
        found = []
        for i, obs in enumerate(words):
            if obs == group:
                found.append(i)
        result[group] = found
    return result
"""


def test_a_loop_that_takes_the_name_of_a_parameter_is_told_step_after_step() -> None:
    found = told(SHADOWED)
    assert found.in_steps and "for each string `obs` in `words` with its index `i`" in found.prose


def test_the_longest_of_all_that_is_in_inner_lists_is_told_step_after_step() -> None:
    found = told(
        "def f(rows: list[list[str]]) -> str:\n    longest = ''\n    for row in rows:\n        for line in row:\n"
        "            if len(line) > len(longest):\n                longest = line\n    return longest"
    )
    assert found.in_steps and "each string" in found.prose


def test_strings_that_are_added_up_with_nothing_between_are_one() -> None:
    source = "def f(n: int) -> str:\n    if n > 3:\n        return 'to' + ' be ' + 'read'\n    return f'{n}'"
    assert "return 'to be read'" in told(source).prose


AVERAGES = {
    "sum(a) / len(a)": "the average of the numbers in `a`",
    "sum(b) / len(b)": "the average of the keys of `b`",
    "sum(b.values()) / len(b.values())": "the average of the values of `b`",
    "sum(sum(x) for x in c) / len(c)": "the average of the sums of the inner lists in `c`",
    "sum(len(x) for x in c) / len(c)": "the average of the lengths of the inner lists in `c`",
    "sum(x * 2 for x in a) / len(a)": "the average of `x * 2` over all numbers `x` in `a`",
    "sum(y for x in c for y in x) / len(c)": "",
    "sum(x for x in a if x) / len(a)": "",
    "sum(b.values()) / len(a)": "",
    "sum(x > 1 for x in a) / len(a)": "",
}


@pytest.mark.parametrize("formula", AVERAGES)
def test_a_quotient_is_an_average_only_of_as_many_as_it_is_divided_by(formula: str) -> None:
    source = f"def f(a: list[int], b: dict[int, int], c: list[list[int]]) -> float:\n    return {formula}"
    try:
        prose = told(source).prose
    except Unsayable:
        prose = ""
    assert AVERAGES[formula] in prose
    assert ("average" in prose) == bool(AVERAGES[formula])


def outcomes(source: str, rows: list[tuple[Any, ...]]) -> list[CallOutcome]:
    found = []
    for row in rows:
        value = gives(source, *row)
        raised = isinstance(value, str) and value.endswith("Error")
        found.append(CallOutcome("raised" if raised else "value", value if raised else repr(value), "", ""))
    return found


@pytest.mark.parametrize(
    ("source", "rows", "said"),
    [
        ("def f(a: list[int]) -> int:\n    return max(a)", NUMBERS, ["Raises ValueError if `a` is empty."]),
        (
            "def f(a: list[int]) -> int:\n    return a[1]",
            NUMBERS,
            ["Raises IndexError if `a` has fewer than 2 elements."],
        ),
        (
            "def f(a: int, b: int) -> int:\n    return a % b",
            ((1, 2), (0, 3), (5, -1), (4, 0)),
            ["Raises ZeroDivisionError if `b` is 0."],
        ),
        (
            "def f(a: str, d: dict[str, int]) -> int:\n    return d[a]",
            (("x", {"x": 1}), ("y", {"x": 1}), ("x", {}), ("y", {"y": 2}), ("z", {"z": 3, "x": 1})),
            ["Raises KeyError if `a` is not a key of `d`."],
        ),
        ("def f(a: list[int]) -> int:\n    return len(a)", NUMBERS, []),
        (
            "def f(a: str) -> str:\n    return a.split()[-1]",
            TEXTS,
            ["Raises IndexError if `a` is empty or nothing but whitespace."],
        ),
        (
            "def f(a: list[str]) -> list[str]:\n    return [x[1] for x in a]",
            (([],), (["oak"],), (["oak", ""],), (["elm", "ash", "fir"],), (["", "x"],)),
            ["Raises IndexError if something in `a` has fewer than 2 characters."],
        ),
    ],
)
def test_errors_are_said_with_the_condition_that_brings_them(source: str, rows: Any, said: list[str]) -> None:
    given = [*rows, *rows_around(rows)]
    names = [each.arg for each in ast.parse(source).body[0].args.args]  # type: ignore[attr-defined]
    assert raised_when(names, given, outcomes(source, given)) == said


def test_an_error_that_no_plain_condition_tells_from_the_rest_is_not_said() -> None:
    source = "def f(a: list[int]) -> int:\n    return a.index(sum(a) // 2)"
    given = [*NUMBERS, ([1, 1],), ([5, 1, 6, 0],), ([2, 4, 6],), ([1, 2, 4, 1],), *rows_around(NUMBERS)]
    assert raised_when(["a"], given, outcomes(source, given)) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(a: str) -> int:\n    return a.upper().find('FLAG')", "the first 'FLAG' in the upper-case form of `a`"),
        ("def f(a: str, b: str) -> int:\n    return a.lower().count(b)", "occurs in the lower-case form of `a`"),
        (
            "def f(a: str) -> list[str]:\n    return [w for w in a.lower().split() if w != 'x']",
            "in the lower-case form of `a`",
        ),
        ("def f(a: float) -> float:\n    return a // 0.1", "`a // 0.1`"),
        ("def f(a: int) -> int:\n    return a // 3", "`a` divided by 3, rounded down"),
        ("def f(a: str) -> str:\n    return a.lower()", "`a` in lower case"),
    ],
)
def test_what_is_searched_and_how_it_is_rounded_can_be_read_in_one_way(source: str, said: str) -> None:
    assert said in told(source).prose


def test_a_set_has_no_indices() -> None:
    with pytest.raises(Unsayable):
        told("def f(a: set[float]) -> list[int]:\n    return [2 * i for i in range(len(a))]")


def test_what_follows_a_loop_is_said_to_follow_it() -> None:
    found = told(
        "def f(a: list[str]) -> list[int]:\n    sizes = []\n    run = ''\n    for x in a:\n        if x == 'P':\n"
        "            run += x\n        else:\n            sizes.append(len(run))\n            run = ''\n    if run:\n"
        "        sizes.append(len(run))\n    return sizes"
    )
    assert "After the loop, if `run` is not empty" in found.prose and "add `x` to the end of `run`" in found.prose


def test_a_part_of_another_that_is_turned_round_is_said_to_be_turned_itself() -> None:
    found = told("def f(a: list[list[int]]) -> list[list[int]]:\n    return [row[::-1] for row in a]")
    assert "the reverse of each inner list in `a`" in found.prose
