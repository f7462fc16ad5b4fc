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
