"""Labels: what the grader and the rubric say of a document, put together by rank."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.filters.classifiers.labels import Labels, read_labels


def labels(grades: Sequence[float], rubric: Sequence[float] | None, judges: Sequence[bool] | None = None) -> Labels:
    return Labels(
        pa.chunked_array([[f"text {number}" for number in range(len(grades))]], pa.large_string()),
        np.array(grades, float),
        None if judges is None else np.array(judges, bool),
        None if rubric is None else np.array(rubric, float),
    )


grades = st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=2, max_size=40)


@given(grades, st.floats(0, 1))
def test_a_document_that_both_grade_higher_is_never_ranked_lower(
    pairs: list[tuple[float, float]], weight: float
) -> None:
    found = labels(*zip(*pairs, strict=True)).blended(weight).grades
    for one, blended in zip(pairs, found, strict=True):
        for other, value in zip(pairs, found, strict=True):
            if one[0] >= other[0] and one[1] >= other[1]:
                assert blended >= value - 1e-9
    assert ((found >= 0) & (found <= 5)).all()


@given(grades)
def test_the_whole_weight_leaves_the_order_of_one_side(pairs: list[tuple[float, float]]) -> None:
    grader, rubric = zip(*pairs, strict=True)
    both = labels(grader, rubric)
    for weight, side in ((0.0, grader), (1.0, rubric)):
        blended = both.blended(weight).grades
        assert all((blended[i] < blended[j]) == (side[i] < side[j]) for i in range(len(side)) for j in range(len(side)))


def test_grades_without_a_rubric_beside_them_stay_as_they_are() -> None:
    assert labels([1, 2, 3], None).blended(0.5).grades.tolist() == [1, 2, 3]


def test_where_the_rubric_says_nothing_of_a_document_the_grader_alone_decides() -> None:
    found = labels([1, 2, 3, 4], [5, float("nan"), 0, 1]).blended(0.5).grades
    assert found[1] == labels([1, 2, 3, 4], [5, 0, 0, 1]).blended(0.0).grades[1]


def test_ranks_are_those_among_the_documents_set_apart() -> None:
    found = labels([0, 1, 4.9, 4.9, 4.9], [0, 1, 1, 1, 1], [True, True, False, False, False]).blended(0.0).grades
    assert found.tolist() == [1.25, 3.75, 5, 5, 5]


def test_the_rubric_s_grades_are_read_beside_the_grader_s(tmp_path: Path) -> None:
    rows = [
        {"id": f"{n:03}", "text": f"x = {n}", "source": "t", "grade": n / 20, "rubric_grade": 5 - n / 20}
        for n in range(100)
    ]
    write_shard(documents(rows), tmp_path / "0.parquet")
    found = read_labels([tmp_path / "0.parquet"], 60, 17)
    assert found.rubric is not None
    assert len(found.grades) == 60
    assert np.allclose(found.grades + found.rubric, 5)


def test_a_rubric_s_grade_that_is_no_grade_is_named(tmp_path: Path) -> None:
    rows = [{"id": f"{n:03}", "text": "x", "source": "t", "grade": 1.0, "rubric_grade": 7.0} for n in range(60)]
    write_shard(documents(rows), tmp_path / "0.parquet")
    with pytest.raises(UserError, match="rubric_grade of 000 is 7"):
        read_labels([tmp_path / "0.parquet"], 60, 17)
