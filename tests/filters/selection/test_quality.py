import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import count_rows, documents, list_shards, read_shard, write_shard
from curate.filters.classifiers.labels import read_labels
from curate.filters.selection.quality import Quality
from curate.filters.selection.ranking import find_cut
from curate.stage import Context

WORDS = ["total", "count", "price", "width", "height", "letter", "name", "score", "level", "index", "value", "item"]


def good(random: Random) -> str:
    a, b, c = random.sample(WORDS, 3)
    return (
        f'def sum_of_{a}({b}s):\n    """Return the sum of the {a} of all {b}s."""\n    {c} = 0\n'
        f"    for {b} in {b}s:\n        {c} += {b}.{a}\n    return {c}\n"
    ) * random.randint(1, 4)


def bad(random: Random) -> str:
    a, b, _ = random.sample(WORDS, 3)
    rows = "".join(
        f"    ({random.randint(0, 99)}, '{random.choice(WORDS)}', None),\n" for _ in range(random.randint(5, 30))
    )
    return f"{a.upper()}_{b.upper()} = [\n{rows}]\nregister({a.upper()}_{b.upper()}, debug=True)\n"


def rows(count: int, seed: int = 1, prefix: str = "d", **changes: object) -> list[dict[str, object]]:
    random = Random(seed)
    found = []
    for number in range(count):
        teaches = random.random() < 0.4
        text = good(random) if teaches else bad(random)
        grade = (3 if teaches else 0) + 2 * random.random()
        found.append({"id": f"{prefix}{number:04}", "text": text, "source": "test", "grade": grade, **changes})
    return found


class Run:
    """A place with labelled and unlabelled shards, and the stage at work on them as the runner would have it."""

    def __init__(self, directory: Path, labelled: list[dict[str, object]], unlabelled: list[dict[str, object]]) -> None:
        self.directory = directory
        self.write("labels", labelled)
        self.write("code", [{key: row[key] for key in ("id", "text", "source")} for row in unlabelled])
        self.context = Context(
            name="quality",
            seed=17,
            directory=directory / "quality",
            inputs={"code": directory / "code"},
            references={"labels": directory / "labels"},
        )

    def write(self, name: str, rows: list[dict[str, object]], size: int = 90) -> None:
        for start in range(0, max(len(rows), 1), size):
            write_shard(documents(rows[start : start + size]), self.directory / name / "kept" / f"{start:04}.parquet")

    def plan(self, stage: Quality, backwards: bool = False) -> dict[str, float]:
        for path in self.context.shards():
            sketch = stage.sketch(read_shard(path), self.context)
            write_shard(sketch, self.context.plan / "sketches" / path.name)

        def map(function: Callable[[object], object], items: list[object]) -> list[object]:
            done = [function(item) for item in (reversed(items) if backwards else items)]
            return done[::-1] if backwards else done

        return stage.plan(self.context, map)

    def judge(self, stage: Quality) -> tuple[pa.Table, pa.Table]:
        halves = []
        for path in self.context.shards():
            table = read_shard(path)
            halves.append(stage.judge(table, self.context).split(table))
        kept, dropped = zip(*halves, strict=True)
        return pa.concat_tables(kept), pa.concat_tables(dropped)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Quality, dict[str, float]]:
    run = Run(tmp_path_factory.mktemp("run"), rows(400), rows(200, seed=2, prefix="u"))
    stage = Quality(learn_from="labels", keep=0.35, epochs=10, positive_at=2.5)
    return run, stage, run.plan(stage)


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_share_asked_for_is_kept_and_it_is_the_good_one(finished: tuple[Run, Quality, dict[str, float]]) -> None:
    run, stage, _ = finished
    kept, dropped = run.judge(stage)
    assert (kept.num_rows, dropped.num_rows) == (70, 130)
    assert all("def sum_of" in text for text in kept.column("text").to_pylist())
    assert min(kept.column("quality").to_pylist()) >= max(dropped.column("quality").to_pylist())
    assert set(dropped.column("reason").to_pylist()) == {"low quality"}
    assert dropped.column("score").to_pylist() == dropped.column("quality").to_pylist()


def test_held_out_labels_judge_the_classifier(finished: tuple[Run, Quality, dict[str, float]]) -> None:
    run, _, figures = finished
    assert figures["labels"] == 400
    assert 50 <= figures["held_out"] <= 110
    assert figures["f1"] > 0.9
    assert figures["rank_correlation"] > 0.6
    assert figures["calibration_error"] < 0.15
    plan = json.loads((run.context.plan / "plan.json").read_text())
    assert plan["cut"] == figures["cut"]
    assert plan["held_out"]["f1"] == figures["f1"]


def test_the_training_text_does_not_stay_behind(finished: tuple[Run, Quality, dict[str, float]]) -> None:
    names = {path.name for path in finished[0].context.plan.iterdir()}
    assert names == {"sketches", "scores", "model.bin", "plan.json"}


def test_judging_uses_the_stored_scores_alone(finished: tuple[Run, Quality, dict[str, float]], tmp_path: Path) -> None:
    run, stage, _ = finished
    before = run.judge(stage)
    model = run.context.plan / "model.bin"
    model.rename(tmp_path / "model.bin")
    try:
        assert [half.equals(again) for half, again in zip(before, run.judge(stage), strict=True)] == [True, True]
    finally:
        (tmp_path / "model.bin").rename(model)


def test_the_same_bytes_come_out_again_whatever_the_order_of_work(
    finished: tuple[Run, Quality, dict[str, float]], tmp_path: Path
) -> None:
    run, stage, figures = finished
    again = Run(tmp_path, rows(400), rows(200, seed=2, prefix="u"))
    assert again.plan(stage, backwards=True) == figures
    assert digests(again.context.plan) == digests(run.context.plan)


def test_without_a_stage_to_learn_from_the_input_itself_carries_the_grades(tmp_path: Path) -> None:
    run = Run(tmp_path, [], [])
    for path in list_shards(tmp_path / "code" / "kept"):
        path.unlink()
    run.write("code", rows(200))
    stage = Quality(keep=0.5)
    run.plan(stage)
    assert [half.num_rows for half in run.judge(stage)] == [100, 100]


def test_equal_scores_at_the_cut_are_parted_so_that_the_share_is_exact(tmp_path: Path) -> None:
    twins = [row | {"id": f"t{n:03}", "text": good(Random(5))} for n, row in enumerate(rows(60))]
    run = Run(tmp_path, rows(200), [*rows(40, seed=3), *twins])
    stage = Quality(learn_from="labels", keep=0.5)
    run.plan(stage)
    kept, dropped = run.judge(stage)
    assert (kept.num_rows, dropped.num_rows) == (50, 50)
    parted = [
        half.filter(pa.array([id.startswith("t") for id in half.column("id").to_pylist()])) for half in (kept, dropped)
    ]
    assert all(half.num_rows > 5 for half in parted)


def test_empty_shards_pass_through(tmp_path: Path) -> None:
    run = Run(tmp_path, rows(100), rows(100, seed=2, prefix="u"))
    write_shard(documents([]), tmp_path / "code" / "kept" / "empty.parquet")
    stage = Quality(learn_from="labels")
    run.plan(stage)
    assert sum(half.num_rows for half in run.judge(stage)) == 100


@pytest.mark.parametrize(
    ("labelled", "unlabelled", "parameters", "words"),
    [
        (rows(100), [], {}, ["no documents"]),
        (rows(49), rows(60), {}, ["only 49 labels", "50"]),
        (rows(100, grade=2.5), rows(60), {}, ["one class", "2.5"]),
        (rows(100), rows(60), {"positive_at": 5}, ["one class", "positive_at 5"]),
        ([*rows(100), *rows(1, prefix="n", grade=math.nan)], rows(60), {}, ["n0000", "nan", "0 to 5"]),
        ([*rows(100), *rows(1, prefix="n", grade=7.0)], rows(60), {}, ["n0000", "7.0"]),
        (rows(100, grade="high"), rows(60), {}, ["'grade'", "no numbers"]),
        (rows(100, grade=None), rows(60), {}, ["only 0 labels"]),
        ([{"id": "a", "text": "x", "source": "s"}], rows(60), {}, ["'grade'", "learn_from"]),
        (rows(100), [row | {"text": "x = 1\n"} for row in rows(60)], {}, ["all 60 documents", "score"]),
        (rows(100), rows(60), {"held_out": 0.001}, ["held_out"]),
    ],
)
def test_labels_and_corpora_that_cannot_be_learnt_from_give_one_clear_line(
    labelled: list[dict[str, object]],
    unlabelled: list[dict[str, object]],
    parameters: dict[str, float],
    words: list[str],
    tmp_path: Path,
) -> None:
    run = Run(tmp_path, labelled, unlabelled)
    with pytest.raises(UserError) as mistake:
        run.plan(Quality(learn_from="labels", **parameters))
    assert "\n" not in str(mistake.value)
    for word in words:
        assert word in str(mistake.value)


def test_an_ungraded_row_is_no_label_and_a_draw_is_the_same_for_any_cut_into_shards(tmp_path: Path) -> None:
    graded = [*rows(80), *rows(5, seed=9, prefix="n", grade=None)]
    run = Run(tmp_path, graded, [])
    run.write("whole", graded, size=1000)
    one, other = (read_labels(list_shards(tmp_path / name / "kept"), 60, seed=17) for name in ("labels", "whole"))
    assert len(one.grades) == 60
    assert one.texts.to_pylist() == other.texts.to_pylist()
    assert one.grades.tolist() == other.grades.tolist()
    by_text = {row["text"]: row["grade"] for row in graded}
    assert [by_text[text] for text in one.texts.to_pylist()] == one.grades.tolist()


def test_copies_of_a_text_are_held_out_together(tmp_path: Path) -> None:
    run = Run(tmp_path, [*rows(80), *rows(80, prefix="copy")], [])
    labels = read_labels(list_shards(run.directory / "labels" / "kept"), 1000, seed=17)
    held_out = labels.held_out(0.3, seed=17)
    sides = {text: set() for text in labels.texts.to_pylist()}
    for text, side in zip(labels.texts.to_pylist(), held_out.tolist(), strict=True):
        sides[text].add(side)
    assert all(len(found) == 1 for found in sides.values())
    assert 0.1 < held_out.mean() < 0.5


def test_keeping_everything_drops_nothing(finished: tuple[Run, Quality, dict[str, float]]) -> None:
    run, _, _ = finished
    scores = np.concatenate([read_shard(path)["rank"].to_numpy() for path in list_shards(run.context.plan / "scores")])
    cut, _ = find_cut(scores, 1.0, run.context)
    assert cut == scores.min()
    assert count_rows(list_shards(run.context.plan / "sketches")[0]) == 1


@pytest.mark.parametrize("classifier", ["forest", "linear"])
def test_every_classifier_keeps_the_good_share_and_writes_the_same_bytes_again(classifier: str, tmp_path: Path) -> None:
    stage = Quality(learn_from="labels", keep=0.35, positive_at=2.5, classifier=classifier)  # type: ignore[arg-type]
    runs = [Run(tmp_path / name, rows(300), rows(100, seed=2, prefix="u")) for name in ("one", "two")]
    figures = [run.plan(stage, backwards=backwards) for run, backwards in zip(runs, (False, True), strict=True)]
    assert figures[0] == figures[1]
    assert figures[0]["f1"] > 0.9
    assert digests(runs[0].context.plan) == digests(runs[1].context.plan)
    kept, dropped = runs[0].judge(stage)
    assert (kept.num_rows, dropped.num_rows) == (35, 65)
    assert all("def sum_of" in text for text in kept.column("text").to_pylist())


def test_noise_lets_some_documents_below_the_cut_through_and_keeps_the_share(tmp_path: Path) -> None:
    run = Run(tmp_path, rows(200), rows(200, seed=2, prefix="u"))
    sides = []
    for noise in (0.0, 3.0, 3.0):
        stage = Quality(learn_from="labels", keep=0.35, positive_at=2.5, classifier="linear", noise=noise)
        run.plan(stage)
        kept, dropped = run.judge(stage)
        assert (kept.num_rows, dropped.num_rows) == (70, 130)
        sides.append((min(kept["quality"].to_pylist()), max(dropped["quality"].to_pylist()), kept["id"].to_pylist()))
    hard, soft, again = sides
    assert hard[0] >= hard[1]
    assert soft[0] < soft[1]
    assert soft == again


def reference_files(directory: Path, count: int) -> str:
    random = Random(8)
    directory.mkdir()
    for number in range(count):
        (directory / f"{number}.py").write_text(good(random))
    return str(directory)


@pytest.mark.parametrize("with_negatives", [False, True])
def test_a_reference_set_teaches_without_any_grade(tmp_path: Path, with_negatives: bool) -> None:
    run = Run(tmp_path, [], rows(200, seed=2, prefix="u"))
    negatives = tmp_path / "bad.jsonl"
    negatives.write_text("".join(json.dumps({"text": bad(Random(n))}) + "\n" for n in range(60)))
    stage = Quality(
        positives=reference_files(tmp_path / "good", 60), negatives=str(negatives) if with_negatives else None,
        keep=0.3, classifier="linear",
    )  # fmt: skip
    stage.check({})
    figures = run.plan(stage)
    assert (figures["labels"], figures["positive"]) == (120, 60)
    kept, _ = run.judge(stage)
    assert all("def sum_of" in text for text in kept.column("text").to_pylist())


def test_a_changed_reference_set_is_another_stage(tmp_path: Path) -> None:
    stage = Quality(positives=reference_files(tmp_path / "good", 3))
    before = stage.fingerprint()
    (tmp_path / "good" / "0.py").write_text("x = 1\n")
    assert stage.fingerprint() != before


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"positives": "good", "learn_from": "labels"}, ["not both"]),
        ({"negatives": "bad"}, ["`positives`"]),
        ({"positives": "/nowhere/*.parquet"}, ["/nowhere"]),
        ({"positives": {"path": 3}}, ["positives"]),
        ({"positives": {"folder": "x", "patern": "*"}}, ["patern", "pattern"]),
        ({"embedder": "model"}, ["classifier: forest"]),
    ],
)
def test_parameters_that_contradict_or_point_nowhere_are_one_line(
    parameters: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(UserError) as mistake:
        Quality(**parameters).check({})
    assert "\n" not in str(mistake.value)
    for word in words:
        assert word in str(mistake.value)


def test_too_few_references_are_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path, [], rows(100))
    with pytest.raises(UserError, match="only 9 documents in `positives`"):
        run.plan(Quality(positives=reference_files(tmp_path / "good", 9)))


def test_documents_that_the_grader_set_apart_judge_and_teach_nothing(tmp_path: Path) -> None:
    graded = [row | {"grade_round": n % 5} for n, row in enumerate(rows(100))]
    run = Run(tmp_path, graded, [])
    labels = read_labels(list_shards(run.directory / "labels" / "kept"), 1000, seed=17)
    apart = {row["text"] for row in graded if row["grade_round"] == 0}
    held_out = labels.held_out(0.9, seed=17)
    assert [text in apart for text in labels.texts.to_pylist()] == held_out.tolist()


def test_what_the_grader_chose_does_not_move_the_cut(tmp_path: Path) -> None:
    graded = [row | {"grade": n % 6 / 1, "grade_round": 0 if n < 60 else 2} for n, row in enumerate(rows(120))]
    for row in graded[60:]:
        row["grade"] = 5.0
    run = Run(tmp_path, graded, [])
    labels = read_labels(list_shards(run.directory / "labels" / "kept"), 1000, seed=17)
    assert labels.judges is not None
    assert labels.positive(0.3, None)[labels.judges].sum() == 20  # the fours and fives of sixty


def test_a_document_of_fifty_megabytes_is_scored_as_fast_as_one_of_a_hundred_kilobytes(tmp_path: Path) -> None:
    run = Run(tmp_path, rows(100), [*rows(60), {"id": "huge", "text": "x = 1\n" * 8_000_000, "source": "t"}])
    stage = Quality(learn_from="labels", classifier="linear")
    run.plan(stage)
    assert sum(half.num_rows for half in run.judge(stage)) == 61
