"""Items: what a row keeps, and what the text that stands for it shows."""

import ast
import doctest
import inspect

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.synth.item.item import COLUMNS, WIDTH, Case, Item, docstring, read_item, row

VALUES = st.recursive(
    st.integers() | st.text(max_size=8) | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
LINE = st.text("abc xyz.,\"\\'", min_size=1, max_size=40).map(lambda text: text.replace('"""', "").strip())
PROSE = st.lists(LINE.filter(bool), min_size=1, max_size=3)
ITEMS = st.builds(
    lambda values, prose, second: Item(
        "same",
        "import math",
        "def same(value: object) -> object:",
        "\n".join(prose),
        tuple(Case(repr(value), repr(value)) for value in values),
        ("    return value", "    other = value\n    return other")[: 1 + second],
    ),
    st.lists(VALUES, min_size=1, max_size=6),
    PROSE,
    st.booleans(),
)


def item(*cases: tuple[str, str], description: str = "Return the value.", body: str = "    return value") -> Item:
    return Item("same", "", "def same(value):", description, tuple(Case(*case) for case in cases), (body,))


@given(ITEMS)
def test_a_row_gives_the_item_back_also_through_a_table(made: Item) -> None:
    as_row = row(made, id="a", source="b", seed_id="c")
    assert read_item(as_row) == made
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "source", "seed_id", "topic")])
    table = pa.Table.from_pylist([as_row], pa.schema([*schema, *COLUMNS.items()]))
    assert read_item(table.to_pylist()[0]) == made
    assert set(as_row) == set(table.column_names)


@given(ITEMS)
def test_the_text_is_a_program_whose_examples_and_tests_hold(made: Item) -> None:
    names: dict[str, object] = {}
    exec(made.text, names)
    examples = doctest.DocTestParser().get_doctest(str(names["same"].__doc__), names, "same", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
    for line in made.tests():
        exec(line, names)


@given(ITEMS)
def test_prose_and_examples_share_one_margin(made: Item) -> None:
    function = ast.parse(made.text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    written = ast.get_docstring(function, clean=False) or ""
    margins = {len(line) - len(line.lstrip()) for line in written.splitlines()[1:] if line.strip()}
    assert margins <= {4}
    assert max(map(len, made.prompt.splitlines())) <= WIDTH
    assert inspect.cleandoc(written).startswith(made.description)


def test_the_prompt_ends_with_the_docstring_and_the_text_goes_on_from_there() -> None:
    made = item(("1", "1"))
    assert made.prompt.endswith('    """\n')
    assert made.text == made.prompt + "    return value\n"


def test_examples_differ_in_their_values_and_short_ones_come_first() -> None:
    long = repr(list(range(25)))
    made = item((long, long), ("1", "1"), ("(1)", "1"), ("2", "2"), ("3", "3"))
    assert list(made.doctests()) == [">>> same(1)\n1", ">>> same(2)\n2", ">>> same(3)\n3"]


def test_sets_are_compared_because_they_print_in_no_certain_order() -> None:
    assert list(item(("{'a', 'b'}", "{'a', 'b'}")).doctests()) == [">>> same({'a', 'b'}) == {'a', 'b'}\nTrue"]


def test_floats_of_many_digits_are_tested_by_tolerance_and_never_shown() -> None:
    made = item(("0.1", "0.30000000000000004"), ("0.5", "0.25"), ("7", "[0.1, 1e-17, 0.3333333333333333]"))
    assert list(made.doctests()) == [">>> same(0.5)\n0.25"]
    assert made.tests() == ["assert abs(same(0.1) - 0.30000000000000004) < 1e-06", "assert same(0.5) == 0.25"]


def test_a_sum_of_floats_is_shown_only_where_no_python_rounds_it() -> None:
    made = item(("[0.1, 0.7]", "0.8"), ("[0.5, 0.25]", "0.75"), ("[1, 2]", "3"), body="    return sum(value)")
    assert list(made.doctests()) == [">>> same([0.5, 0.25])\n0.75", ">>> same([1, 2])\n3"]
    assert made.tests()[0] == "assert abs(same([0.1, 0.7]) - 0.8) < 1e-06"


def test_none_is_tested_but_shown_by_no_example_for_nothing_is_printed() -> None:
    made = item(("''", "None"), ("1", "1"))
    assert list(made.doctests()) == [">>> same(1)\n1"]
    assert made.tests()[0] == "assert same('') is None"


def test_a_docstring_of_one_line_stays_on_it_and_backslashes_make_it_raw() -> None:
    assert docstring("Double it.", []) == '    """Double it."""'
    assert docstring(r"Split at \n.", []).startswith('    r"""')
    assert docstring("One.\n\nTwo.", [">>> f(1)\n1"]) == '    """One.\n\n    Two.\n\n    >>> f(1)\n    1\n    """'
