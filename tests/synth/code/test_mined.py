"""`synth.mined`: which functions of real code become exercises, and that these are true."""

import ast
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.files.shards import documents
from curate.sandbox.programs import Trial, judge
from curate.stage import Context, Made
from curate.synth.code.functions import Found, Refused, functions
from curate.synth.code.guess import annotation_of, guesses, modern
from curate.synth.code.mined import Mined
from curate.synth.code.mining_prose import description_of
from curate.synth.code.spice import constants_of, spiced
from curate.synth.item.item import read_item
from curate.synth.item.renderings import RENDERINGS

FILE = '''
import os
import re
import random
from collections import Counter
from functools import lru_cache

from elsewhere import thing

BLANKS = re.compile(r"\\s+")
SEEN = []


def squeeze(text):
    """Join runs of blanks of a string into one.

    :param text: what to read
    """
    # first to last
    return BLANKS.sub(" ", text).strip()


def _pairs(line, separator="="):
    """Return the pairs of a string such as ``a=b,c=d`` as a dictionary."""
    found = {}
    for part in line.split(","):
        key, found_any, value = part.partition(separator)
        if found_any:
            found[squeeze(key)] = value
    return found


@lru_cache
def most_common(words: "list[str]") -> str:
    """Return the word that is there most often."""
    return Counter(words).most_common(1)[0][0] + "!"


def draws(numbers):
    """Return one of the numbers by chance."""
    return random.choice(numbers)


def uses_elsewhere(a):
    """Return the thing."""
    return thing(a)


def remembers(a):
    """Return how often it was called."""
    SEEN.append(a)
    return len(SEEN) + a


def constant(a: int):
    """Return three in any case."""
    return 3 if a else 3


def same(a: int):
    """Return what is given."""
    return a


def order(words: list[str]):
    """Return the different words of a list."""
    return list(set(words))


def undocumented(text):
    return text[::-1] + "."


def lists(root):
    """List the files of a folder."""
    return os.listdir(root)


def endless(a: int):
    """Count up for ever and return the number."""
    while True:
        a += 1
    return a


class Shape:
    """A shape."""

    @staticmethod
    def doubled(numbers: list[int], by: int = 2):
        """Multiply all numbers of a list."""
        return [number * by for number in numbers]

    def area(self, width: int, height: int):
        """Return the product of the two sides."""
        return width * height

    def own(self, a: int):
        """Return it scaled."""
        return self.scale * a
'''


def mine(text: str, **columns: Any) -> Made:
    shard = documents([{"id": "file", "text": text, "source": "code", **columns}])
    return Mined().make(shard, Context("mined", 17, Path()))


@pytest.fixture(scope="module")
def made() -> Made:
    return mine(FILE, license="MIT", repo="some/repo", other=1)


@pytest.fixture(scope="module")
def rows(made: Made) -> dict[str, dict[str, Any]]:
    return {row["function_name"]: row for row in made.documents.to_pylist()}


def test_functions_that_stand_alone_become_exercises_and_each_other_one_says_why_not(
    made: Made, rows: dict[str, dict[str, Any]]
) -> None:
    assert set(rows) == {"squeeze", "pairs", "most_common", "doubled", "area"}
    reasons = {row["id"].partition("::")[2]: row["reason"] for row in made.rejected.to_pylist()}
    assert reasons == {
        "draws": "uses a name that is not plain",
        "uses_elsewhere": "uses a name that is not plain",
        "remembers": "changes what is outside",
        "constant": "constant output",
        "same": "identity output",
        "order": "gives another value when it runs again",
        "undocumented": "nothing says what it does",
        "lists": "uses a name that is not plain",
        "endless": "ended by timeout",
        "own": "uses a name that is not plain",
    }


def test_every_exercise_passes_its_own_tests_in_every_shape(rows: dict[str, dict[str, Any]]) -> None:
    trials = []
    for row in rows.values():
        test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in row["tests"].splitlines())
        for name, render in RENDERINGS.items():
            if name != "fewshot" and (text := render(read_item(row), [])):
                trials.append(Trial(text, row["function_name"], test.replace(f"{row['function_name']}(", "candidate(")))
    verdicts = [judgement.verdict for judgement in judge(trials)]
    assert len(verdicts) > 20
    assert set(verdicts) == {"pass"}


def test_what_a_function_needs_comes_along_and_nothing_else(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["pairs"]["before"].startswith("import re\n\nBLANKS = re.compile(")
    assert "def squeeze(text):" in rows["pairs"]["before"]
    assert rows["most_common"]["before"] == "from collections import Counter"
    assert rows["area"]["before"] == ""


def test_types_are_found_by_trial_and_results_are_annotated(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["squeeze"]["header"] == "def squeeze(text: str) -> str:"
    assert rows["pairs"]["header"] == 'def pairs(line: str, separator: str = "=") -> dict[str, str]:'
    assert rows["doubled"]["header"] == "def doubled(numbers: list[int], by: int = 2) -> list[int]:"
    assert rows["area"]["header"] == "def area(width: int, height: int) -> int:"


def test_inputs_hold_what_the_function_looks_for(rows: dict[str, dict[str, Any]]) -> None:
    assert any("=" in case["arguments"] and case["value"] != "{}" for case in rows["pairs"]["cases"])


def test_prose_is_the_docstrings_without_markup_and_comments_go(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["squeeze"]["description"] == "Join runs of blanks of a string into one."
    assert rows["squeeze"]["solution"].startswith("    return BLANKS.sub(")


def test_origin_and_licence_of_the_document_are_kept(rows: dict[str, dict[str, Any]], made: Made) -> None:
    row = rows["squeeze"]
    assert (row["id"], row["seed_id"], row["source"]) == ("file::squeeze", "file", "mined")
    assert (row["license"], row["repo"]) == ("MIT", "some/repo")
    assert "other" not in made.documents.column_names


def test_the_same_file_gives_the_same_exercises(made: Made) -> None:
    again = mine(FILE, license="MIT", repo="some/repo", other=1)
    assert again.documents.equals(made.documents)
    assert again.rejected.equals(made.rejected)


@pytest.mark.parametrize("text", ["", "no python (", "x = 1\n", "def f(:\n", "\x00", "class A:\n    pass\n"])
def test_files_without_functions_give_nothing_and_do_no_harm(text: str) -> None:
    result = mine(text)
    assert result.documents.num_rows == result.rejected.num_rows == 0
    assert result.documents.schema.field("cases").type == pa.list_(
        pa.struct([("arguments", pa.string()), ("value", pa.string())])
    )


def test_two_functions_of_one_name_have_different_ids() -> None:
    method = "    def f(self, a: int):\n        return a\n"
    assert mine(f"class A:\n{method}\n\nclass B:\n{method}").rejected["id"].to_pylist() == ["file::f", "file::f#2"]


def test_hostile_code_is_run_nowhere_but_in_the_sandbox() -> None:
    body = "return [c for c in ().__class__.__base__.__subclasses__()][a]"
    assert mine(f'def f(a: int):\n    """Return the number."""\n    {body}\n').documents.num_rows == 0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(a):\n    yield a\n    return a\n", "yields or waits"),
        ("def f(a):\n    global b\n    b = a\n    return a\n", "changes what is outside"),
        ("def f(*a):\n    return a\n", "stars or keywords alone"),
        ("def f(a, *, b):\n    return a\n", "stars or keywords alone"),
        ("def f():\n    return 1\n", "no parameters"),
        ("def f(a):\n    print(a)\n", "no value"),
        ("def f(a):\n    return open(a)\n", "uses a name that is not plain"),
        ("def test_f(a):\n    return a\n", "a test"),
        ("@property\ndef f(a):\n    return a\n", "decorated"),
        ("from datetime import datetime\ndef f(a):\n    return datetime.now() - a\n", "depends on the time"),
        ("C = {}\ndef f(a):\n    C[a] = 1\n    return len(C)\n", "changes what is outside"),
        ("def f(a):\n    return g(a)\n\ndef g(a):\n    return h(a)\n", "uses a name that is not plain"),
    ],
)
def test_functions_that_cannot_stand_alone_are_refused(source: str, reason: str) -> None:
    found = functions(source)[0]
    assert isinstance(found, Refused), found
    assert found.reason == reason


def test_a_recursion_and_a_circle_of_functions_are_found() -> None:
    source = "def f(a):\n    return g(a - 1) if a else 0\n\n\ndef g(a):\n    return f(a - 1) if a else f(0)\n"
    one, two = functions(source)
    assert isinstance(one, Found)
    assert isinstance(two, Found)
    assert "def g(a):" in one.before


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("Split a :py:class:`~a.str` at ``sep``.", ""),
        ("Split the text at ``sep``.", "Split the text at `sep`."),
        ("Split the text\nat blanks\n\nReturns:\n    parts", "Split the text at blanks."),
        ("Split the text. Blanks go. Lines stay. And more follows.", "Split the text. Blanks go. Lines stay."),
        ("TODO: split the text.", ""),
        ("See `Parser.split` for what it does.", ""),
        ("Wie man einen Text zerlegt, schön.", ""),
        ("split it", ""),
        ("Return C{a} of the I{text}.", ""),
        ("", ""),
    ],
)
def test_docstrings_that_speak_of_other_code_say_nothing(docstring: str, shown: str) -> None:
    assert description_of(docstring, ["sep"]) == shown


def test_of_many_parameters_the_likeliest_types_are_guessed_without_looking_at_all_combinations() -> None:
    names = [f"v{number}" for number in range(20)]
    function = ast.parse(f"def f({', '.join(names)}): return v0").body[0]
    assert isinstance(function, ast.FunctionDef)
    found = guesses(function, function.args.args, "")
    assert len(found) == len(set(found)) == 12
    assert [len(set(each)) for each in found] == [1, *[2] * 11], "first all at their likeliest, then one at its second"


def test_guesses_begin_with_what_is_known() -> None:
    function = ast.parse("def f(a: 'Optional[List[str]]', b, c, n):\n    return b.split(a) + c.items()").body[0]
    assert isinstance(function, ast.FunctionDef)
    first = guesses(function, function.args.args, "n (float): how many")[0]
    assert first == ("list[str] | None", "str", "dict[str, int]", "float")
    assert modern(ast.parse("Shape | int", mode="eval").body) == ""


@pytest.mark.parametrize(
    ("values", "annotation"),
    [
        ([1, 2], "int"),
        ([1, 2.5], "float"),
        ([True, None], "bool | None"),
        ([[], [[1], ["a"]]], "list[list[int | str]]"),
        ([(1, "a"), (2, "b")], "tuple[int, str]"),
        ([(1,), (2, 3)], "tuple[int, ...]"),
        ([{}, {"a": (1, 2)}], "dict[str, tuple[int, int]]"),
        ([{}], "dict"),
        ([set(), {1}], "set[int]"),
        ([1, "a", (), []], "object"),
    ],
)
def test_annotations_allow_the_values(values: list[Any], annotation: str) -> None:
    assert annotation_of(values) == annotation


def test_spiced_inputs_keep_their_types_and_are_the_same_for_the_same_seed() -> None:
    function = ast.parse("def f(a, b, c):\n    'doc =='\n    return a.split('=') if b > 40 else c['key']").body[0]
    assert isinstance(function, ast.FunctionDef)
    constants = constants_of(function)
    assert constants == ["=", "key", 40]
    rows = [("word", 1, {"x": True}), ("other", 2, {"y": False})] * 8
    made = spiced(rows, constants, 5)
    assert made == spiced(rows, constants, 5)
    assert all(list(map(type, row)) == [str, int, dict] for row in made)
    assert any("=" in row[0] for row in made)
    assert spiced(rows, [], 5) == rows[:2]
