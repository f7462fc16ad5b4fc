import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import calibration
from curate.filters.classifiers.agreement import rank_correlation
from curate.filters.grading.asking import QUESTIONS, excerpt, grade_requests, read_grade
from curate.llm import Completion


def answer(text: str = "", probabilities: tuple[float, ...] | None = None, reason: str = "stop") -> Completion:
    return Completion("a", text, reason, 10, 1, probabilities=probabilities)


@given(st.text(), st.integers(200, 400))
def test_an_excerpt_stays_in_its_budget_but_for_the_mark(text: str, budget: int) -> None:
    shown = excerpt(text, budget)
    assert len(shown.encode()) <= budget + len("\n# ... 0000 lines left out ...\n")
    if len(text.encode()) <= budget:
        assert shown == text


def test_a_long_document_shows_its_beginning_and_its_end_and_how_much_is_left_out() -> None:
    text = "".join(f"line_{n} = {n}\n" for n in range(1000))
    head, _, tail = excerpt(text, 1000).partition("# ... ")
    left_out, _, tail = tail.partition(" lines left out ...\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert int(left_out) == 1000 - head.count("\n") - tail.count("\n")
    assert len(head) > 2 * len(tail) > 200


def test_fifty_megabytes_without_a_line_end_are_cut_at_once() -> None:
    shown = excerpt("é" * 25_000_000, 1000)
    assert len(shown.encode()) < 1050
    assert "left out" in shown


def test_a_grade_is_the_expected_digit_among_the_digits() -> None:
    scale = QUESTIONS["scale"]
    assert read_grade([answer("3", (0, 0, 0.1, 0.3, 0.1, 0))], scale) == (pytest.approx(3.0), "probabilities")
    assert read_grade([answer("0", (0.5, 0, 0, 0, 0, 0.5))], scale) == (pytest.approx(2.5), "probabilities")


@pytest.mark.parametrize(
    ("text", "grade", "source"),
    [("4", 4.0, "text"), ("Grade: 2/5", 2.0, "text"), ("10", None, "nonsense"), ("Sure!", None, "nonsense")],
)
def test_without_probabilities_the_answer_is_read(text: str, grade: float | None, source: str) -> None:
    assert read_grade([answer(text)], QUESTIONS["scale"]) == (grade, source)
    assert read_grade([answer(text, (0.001,) * 6)], QUESTIONS["scale"]) == (grade, source)


def test_a_checklist_is_summed_and_lacks_nothing() -> None:
    checklist = QUESTIONS["checklist"]
    requests = grade_requests("d", "x = 1", checklist)
    assert len({request.id for request in requests}) == len(checklist.criteria) == 5
    sure, torn = answer("Yes", (0.9, 0.0)), answer("No", (0.25, 0.25))
    assert read_grade([sure, sure, torn, torn, sure], checklist) == (pytest.approx(4.0), "probabilities")
    assert read_grade([sure, sure, answer("Yes"), torn, sure], checklist) == (pytest.approx(4.5), "text")
    assert read_grade([sure, sure, answer(reason="error"), torn, sure], checklist) == (None, "failed")


def test_facts_are_weighed_and_stay_within_the_scale() -> None:
    facts = QUESTIONS["facts"]
    good = [answer("Yes", (0.8, 0.2)) if weight > 0 else answer("No", (0.1, 0.9)) for weight in facts.weights]
    expected = facts.base + sum(weight * (0.8 if weight > 0 else 0.1) for weight in facts.weights)
    assert read_grade(good, facts) == (pytest.approx(min(5.0, expected)), "probabilities")
    every = [answer("Yes" if weight > 0 else "No") for weight in facts.weights]
    none = [answer("No" if weight > 0 else "Yes") for weight in facts.weights]
    assert read_grade(every, facts) == (5.0, "text")
    assert read_grade(none, facts) == (0.0, "text")


def test_the_facts_and_their_weights_are_those_that_a_readers_grades_give() -> None:
    columns, answers = calibration.read_answers()
    read, near = calibration.read_grades()
    known, grades = np.array([answers[id] for id in read]), np.array(list(read.values()))
    chosen = calibration.choose(known, grades, calibration.signs_of(columns))
    weights, base = calibration.fit(known[:, chosen], grades)
    facts = QUESTIONS["facts"]
    assert [columns[column][1:] for column in chosen] == facts.criteria
    assert weights == pytest.approx(facts.weights, abs=0.006)
    assert base == pytest.approx(facts.base, abs=0.006)
    close = base + np.array([answers[id][chosen] for id in near]) @ weights
    assert rank_correlation(close, np.array([value.mean() for value in near.values()])) > 0.5


@pytest.mark.parametrize("name", QUESTIONS)
def test_all_calls_begin_alike_and_end_where_the_answer_begins(name: str) -> None:
    question = QUESTIONS[name]  # type: ignore[index]
    one, other = (grade_requests(id, id, question)[0].messages or () for id in ("first", "second"))
    assert one[:-2] == other[:-2]
    assert one[-1].role == "assistant"
    assert "first" in one[-2].content
