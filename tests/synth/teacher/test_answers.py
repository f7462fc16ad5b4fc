"""Stubs and solutions are found in what models write, and nothing else is taken for one."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.synth.teacher.answers import (
    ODD,
    Program,
    Stub,
    code_blocks,
    plain_prose,
    read_function,
    read_solution,
    read_stub,
)

STUB = 'def add(a: int, b: int) -> int:\n    """Return the sum of a and b."""\n'


@pytest.fixture
def stub() -> Stub:
    found = read_stub(STUB)
    assert isinstance(found, Stub)
    return found


def test_a_stub_is_read_from_a_fenced_answer_with_chatter_around() -> None:
    answer = f"Sure! Here it is:\n\n```python\nfrom typing import List\n\n{STUB}    pass\n```\nGood luck!"
    found = read_stub(answer)
    assert isinstance(found, Stub)
    assert (found.name, found.prose) == ("add", "Return the sum of a and b.")
    assert found.header == "def add(a: int, b: int) -> int:"


def test_a_docstring_that_a_stop_string_cut_is_whole() -> None:
    found = read_stub('def f(x: int) -> int:\n    """Return the number after x.\n\n    >>> f(3)\n    5\n    ')
    assert isinstance(found, Stub)
    assert found.prose == "Return the number after x."
    assert found.examples == ((3,),)


@pytest.mark.parametrize(
    "line",
    [
        ">>> total([1, 2], 'a')",
        "total([1, 2], 'a') -> 3",
        "For example, total([1, 2], 'a') returns 7.",
        "- total([1, 2], 'a') == (3)",
    ],
)
def test_examples_leave_the_docstring_and_lend_their_arguments(line: str) -> None:
    found = read_stub(
        f'def total(a, b):\n    """Return the total of all of it.\n\n    Examples:\n    {line}\n    3\n    """'
    )
    assert isinstance(found, Stub)
    assert found.prose == "Return the total of all of it."
    assert found.examples == (([1, 2], "a"),)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I cannot do that.", "no code"),
        ('def f(x: int[]) -> int:\n    """Return something of x."""', "stub does not parse"),
        ("def f(x: int) -> int:\n    return x", "no docstring"),
        ('def f(x: int) -> int:\n    """Todo."""', "no docstring"),
    ],
)
def test_what_is_no_stub_says_why(answer: str, reason: str) -> None:
    assert read_stub(answer) == reason


@pytest.mark.parametrize("parameters", ["a: int, *args", "a: int, *, b: int", "a: int, **options: int"])
def test_parameters_for_which_no_inputs_are_drawn_are_refused_in_stubs_and_in_functions(parameters: str) -> None:
    header = f"def f({parameters}) -> int:"
    assert read_stub(f'{header}\n    """Return the sum of it all."""') == ODD
    assert read_function(f"{header}\n    return a") == ODD
    assert read_function("def f(a: int, b: int = 1) -> int:\n    return a") != ODD


@pytest.mark.parametrize(
    "answer",
    [
        "\n    return a + b\n\n\nprint(add(1, 2))",
        "\n    return a + b\n```\nThis adds the numbers.",
        "Here:\n```python\ndef add(a: int, b: int) -> int:\n    return a + b\n\nassert add(1, 2) == 3\n```",
        '```python\ndef add(a, b):\n    """Add."""\n    return a + b\n```',
    ],
)
def test_a_solution_is_read_as_a_continuation_or_a_whole_program(stub: Stub, answer: str) -> None:
    program = read_solution(answer, stub, cut_off=False)
    assert program is not None
    assert program.body == "    return a + b"
    space: dict[str, object] = {}
    exec(program.source(stub), space)
    assert space["add"](2, 3) == 5  # type: ignore[operator]


@pytest.mark.parametrize(
    "answer", ["", "\n    pass", "\n    return", "\n    return a +", "I would add them.", "```python\nx = 1\n```"]
)
def test_what_gives_no_value_is_no_solution(stub: Stub, answer: str) -> None:
    assert read_solution(answer, stub, cut_off=False) is None


def test_an_answer_that_was_cut_off_loses_its_last_lines(stub: Stub) -> None:
    answer = "\n    if a > b:\n        return a\n    return b\n    print('and"
    program = read_solution(answer, stub, cut_off=True)
    assert program is not None and program.body.endswith("return b")
    assert read_solution(answer, stub, cut_off=False) is None


def test_helpers_and_imports_of_a_whole_program_come_along(stub: Stub) -> None:
    helper = "import sys\n\ndef one():\n    return 1\n\n"
    answer = f"```python\n{helper}def add(a, b):\n    return a + b * one()\n\nprint(add(1, 2))\n```"
    program = read_solution(answer, stub, cut_off=False)
    assert program is not None
    assert "import sys" in program.before and "def one" in program.before and "print" not in program.before


def test_names_of_typing_and_plain_modules_are_imported_where_used() -> None:
    found = read_stub('def roots(xs: List[float]) -> List[float]:\n    """Return the root of each of xs."""')
    assert isinstance(found, Stub)
    program = read_solution("\n    return [math.sqrt(x) for x in xs]", found, cut_off=False)
    assert program is not None
    assert program.source(found).startswith("import math\nfrom typing import List\n\n\ndef roots")


def test_blocks_of_other_languages_and_output_are_no_code() -> None:
    text = "```bash\nls\n```\nThen:\n1. First\n   ```python\n   x = 1\n   print(x)\n   ```\nprints\n```\n1\n```\n"
    assert code_blocks(text) == ["x = 1\nprint(x)"]
    assert code_blocks("```\nx = 1\n```") == ["x = 1"]


@given(st.text(alphabet="def f(x):\n \"'`>\\pass1return", max_size=120))
def test_no_answer_breaks_the_readers(text: str) -> None:
    found = read_stub(text)
    stub = found if isinstance(found, Stub) else read_stub(STUB)
    assert isinstance(stub, Stub)
    program = read_solution(text, stub, cut_off=True)
    if program:
        ast.parse(program.source(stub))
    code_blocks(text)


@pytest.mark.parametrize(
    ("docstring", "prose"),
    [
        (
            "Merge two.\n\nArgs:\nfirst (list): one.\nsecond: two.\n\nReturns:\nlist: A list.",
            "Merge two.\n\nReturns a list.",
        ),
        ("Merge two.\n\n:param first: one\n:return: a list", "Merge two.\n\nReturns a list"),
        ("Merge two.\n\nParameters:\n    first: one\n\nNone are lost.", "Merge two.\n\nNone are lost."),
        ("Merge two.\n\nSpecial cases:\n- none: []", "Merge two.\n\nSpecial cases:\n- none: []"),
    ],
)
def test_lists_of_arguments_are_left_out_and_results_become_sentences(docstring: str, prose: str) -> None:
    assert plain_prose(docstring) == prose


@pytest.mark.parametrize("argument", ["...", "[1, ...]", "{[]: 1}", "x", "-" * 3000 + "1"])
def test_arguments_that_are_no_plain_values_are_no_inputs(argument: str) -> None:
    found = read_stub(f'def f(a):\n    """Return something of a value.\n\n    >>> f({argument})\n    3\n    """')
    assert isinstance(found, Stub)
    assert found.examples == ()


@pytest.mark.parametrize(
    ("before", "body", "plain"),
    [
        ("import math\nfrom collections.abc import Sequence", "    return math.pi", True),
        ("", "    from urllib.parse import quote\n    return quote(text)", True),
        ("import numpy as np", "    return np.sum(items)", False),
        ("", "    import os.path\n    return os.path.join(*items)", False),
        ("from random import choice", "    return choice(items)", False),
    ],
)
def test_a_solution_is_plain_if_it_imports_pure_modules_alone(before: str, body: str, plain: bool) -> None:
    assert Program(before, body).is_plain is plain
