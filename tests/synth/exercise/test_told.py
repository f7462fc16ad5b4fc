"""What a function that a rule describes shows first."""

from curate.synth.exercise.told import arranged
from curate.synth.item.item import Case


def test_examples_show_what_comes_out_before_more_of_what_does_not() -> None:
    values = ["[]", "[]", "[3]", "[]", "[1, 2]", "[5]"]
    found = arranged(Case(str(place), value) for place, value in enumerate(values))
    assert [case.value for case in found] == ["[3]", "[1, 2]", "[]", "[5]", "[]", "[]"]


def test_a_function_that_gives_no_empty_value_shows_its_cases_as_they_ran() -> None:
    cases = [Case(str(place), str(place + 1)) for place in range(4)]
    assert list(arranged(cases)) == cases


def test_calls_with_something_in_all_arguments_are_shown_before_those_with_an_empty_one() -> None:
    cases = [Case("'', 'x'", "3"), Case("'a', []", "4"), Case("'a', \"it''s\"", "5"), Case("'b', [1]", "6")]
    assert [case.value for case in arranged(cases)] == ["5", "6", "3", "4"]
