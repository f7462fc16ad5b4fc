import numpy as np
import pyarrow as pa
import pytest

from curate.filters.grading.rounds import Pool, Rows, Values, grade_in_rounds

WORDS = ["alpha", "beta", "gamma", "delta", "loop", "sum", "table", "field", "row", "point"]


def pool(count: int = 400, seed: int = 17) -> Pool:
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(WORDS, 30)) for _ in range(count)]
    rubric = np.array([min(5.0, text.count("loop") * 0.7) for text in texts])
    sizes = np.array([float(len(text) * (1 + n % 40)) for n, text in enumerate(texts)])
    return Pool([f"d{n}" for n in range(count)], pa.chunked_array([texts], pa.large_string()), sizes, rubric, seed)


def truth(pool: Pool) -> Values:
    return np.array([min(5.0, text.count("sum") * 0.8) for text in pool.texts.to_pylist()])


class Grader:
    def __init__(self, pool: Pool) -> None:
        self.grades = truth(pool)
        self.asked: list[tuple[int, list[int]]] = []

    def __call__(self, rows: Rows, number: int) -> Values:
        self.asked.append((number, rows.tolist()))
        return self.grades[rows]


def test_each_document_is_asked_about_once_and_never_more_than_allowed() -> None:
    documents = pool()
    grader = Grader(documents)
    graded = grade_in_rounds(documents, grader, 200, 4, 0.2, patient=True)
    rows = [row for _, asked in grader.asked for row in asked]
    assert len(rows) == len(set(rows)) == 200
    assert [number for number, _ in grader.asked] == [0, 1, 2, 3, 4]
    assert len(grader.asked[0][1]) == 40
    assert [point["labels"] for point in graded.curve] == [40, 80, 120, 160]
    assert np.array_equal(np.flatnonzero(graded.rounds >= 0), np.sort(rows))


def test_the_choice_depends_on_seed_and_ids_alone() -> None:
    one, again, other = Grader(pool()), Grader(pool()), Grader(pool())
    for grader, seed in ((one, 17), (again, 17), (other, 18)):
        grade_in_rounds(pool(seed=seed), grader, 120, 3, 0.2)
    assert one.asked == again.asked != other.asked


def test_the_first_round_takes_its_share_of_every_stratum() -> None:
    documents = pool()
    graded = grade_in_rounds(documents, Grader(documents), 100, 1, 0.2)
    strata = documents.strata()
    taken = np.array([np.sum(strata[graded.rounds == 1] == stratum) for stratum in np.unique(strata)])
    there = np.array([np.sum(strata == stratum) for stratum in np.unique(strata)])
    assert taken.sum() == 100
    assert np.abs(taken - there / 4).max() <= 1


def test_later_rounds_ask_about_what_lies_near_the_cut() -> None:
    documents = pool(800)
    grader = Grader(documents)
    graded = grade_in_rounds(documents, grader, 200, 3, 0.2, patient=True)
    distance = np.abs(grader.grades - graded.cut())
    assert distance[graded.rounds > 1].mean() < 0.8 * distance[graded.rounds == 1].mean()


def test_rounds_end_once_agreement_stops_rising() -> None:
    documents = pool()
    grader = Grader(documents)
    grader.grades = np.random.default_rng(1).random(len(documents)) * 5  # nothing to learn
    graded = grade_in_rounds(documents, grader, 320, 15, 0.2)
    assert 3 <= len(graded.curve) < 15


def test_a_document_without_an_answer_teaches_nothing_and_is_not_asked_again() -> None:
    documents = pool()
    grader = Grader(documents)
    grader.grades[::3] = np.nan
    graded = grade_in_rounds(documents, grader, 200, 3, 0.2, patient=True)
    rows = [row for _, asked in grader.asked for row in asked]
    assert len(rows) == len(set(rows))
    assert graded.curve[-1]["labels"] == np.sum(~np.isnan(graded.grades) & (graded.rounds > 0)) < 160


@pytest.mark.parametrize("count", [1, 7, 10_000])
def test_small_and_exhausted_pools_do(count: int) -> None:
    documents = pool(50)
    grader = Grader(documents)
    grade_in_rounds(documents, grader, count, 3, 0.2, patient=True)
    assert sum(len(rows) for _, rows in grader.asked) == min(count, 50)
