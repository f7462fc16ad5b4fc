"""`filter.annotate`: a language model grades documents from 0 to 5 by how much they teach.

In: Documents; a `grade` that they carry already (a rubric's) helps to choose and is kept as `rubric_grade`. Out: the
same with

    grade         what the grader said, from 0 to 5; null where it was not asked or gave no answer
    grade_from    `probabilities`, `text`, `nonsense`, `failed`; null where it was not asked
    grade_round   the round in which it was asked, 0 for the held-out documents, see filters/grading/rounds.py; else
    null

No document is dropped, unless `minimum` says so. `plan/rounds.json` tells after each round how well a classifier that
learnt from the grades so far agrees with the held-out ones. A grader that goes away costs time only: the answers so
far are in the call log, and the same documents are chosen again.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_json, write_shard
from curate.filters.classifiers.labels import GRADE, RUBRIC
from curate.filters.grading.asking import QUESTIONS, Grade, QuestionName, excerpt, grade_requests, read_grade
from curate.filters.grading.rounds import Graded, Pool, Rows, Values, grade_in_rounds
from curate.llm import Model, ModelSpec, check_model, open_model
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, ModelRef, Verdict, derive_seed

CANDIDATES = 4
"""Documents among which to choose, for each that is graded: drawn by hash, so that a large corpus costs no more."""
ANSWERED = 0.5
"""A grader that gives fewer of its documents a grade is the wrong model, or asked the wrong question."""


class Annotate(GlobalFilter):
    """Let a language model grade the educational value of documents, those first from which most is learnt."""

    VERSION: ClassVar[int] = 3
    ALONE: ClassVar[bool] = True

    model: ModelRef
    """The grader, one of the recipe's `models:`; it must be a chat model."""
    count: int = Field(default=2000, ge=1)
    """Documents to grade, at most."""
    rounds: int = Field(default=4, ge=1)
    """In how many rounds; with 1 nothing is learnt on the way and nothing held out."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of `count`, drawn evenly, that judges the rounds."""
    question: QuestionName = "facts"
    """How to ask: for a grade by a scale, the same after five examples, for a count of points, for yes or no on each of
    five points or on the whole, or on eight facts that are weighed as a careful reader would (the default). A model of
    1.5B parameters gives nearly all files the same grade by the others; a large one may do better with `scale`."""
    budget_bytes: int = Field(default=3600, ge=200)
    """What the grader is shown of a document; of a longer one the middle is left out."""
    minimum: float | None = Field(default=None, ge=0, le=5)
    """Drop documents of a lower grade; without it all are kept. Those without a grade always are."""

    def adds(self) -> Columns:
        """List the grade and what is known of it. (A grade that was there becomes `rubric_grade`.)"""
        return {GRADE: pa.float64(), "grade_from": pa.string(), "grade_round": pa.int32()}

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError if the grader cannot be had."""
        if self.model in models:
            check_model(models[self.model])

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:
        """Return who could be graded: id, place in the draw, size and the grade there is."""
        ids = shard.column("id")
        draw = [derive_seed(context.seed, "candidate", id) for id in ids.to_pylist()]
        grades = shard.column(GRADE).cast(pa.float64()) if GRADE in shard.column_names else pa.nulls(len(ids))
        columns = {"id": ids, "draw": pa.array(draw, pa.int64()), "bytes": pc.binary_length(shard.column("text"))}
        return pa.table({**columns, "rubric": grades.cast(pa.float64())})

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - the contract's shape
        """Choose and grade, round by round."""
        pool = read_pool(context, CANDIDATES * self.count, self.budget_bytes)
        if not len(pool):
            raise UserError("no documents to grade; see what the stages before it dropped")
        model = open_model(context.models[self.model], context.calls, context.progress, context.budgets)
        grades: dict[int, Grade] = {}

        def ask(rows: Rows, number: int) -> Values:
            found = self._ask(model, pool, rows)
            grades.update(found)
            _require_answers(found, number)
            return np.array([np.nan if found[row][0] is None else found[row][0] for row in rows.tolist()], float)

        graded = grade_in_rounds(pool, ask, self.count, self.rounds, self.held_out)
        write_grades(pool, graded, grades, context.plan / "grades.parquet")
        write_json(graded.curve, context.plan / "rounds.json")
        sources = Counter(source for _, source in grades.values())
        return {
            **{f"grades_{source}": float(number) for source, number in sorted(sources.items())},
            **{f"agreement_at_{point['labels']:.0f}_labels": point["agreement"] for point in graded.curve},
            "mean_grade": float(np.nanmean(graded.grades)),
            **model.usage.metrics(),
        }

    def _ask(self, model: Model, pool: Pool, rows: Rows) -> dict[int, Grade]:
        """Grade some documents of the pool."""
        question = QUESTIONS[self.question]
        texts = pool.texts.take(pa.array(rows)).to_pylist()
        calls = {
            row: grade_requests(str(pool.ids[row]), text, question)
            for row, text in zip(rows.tolist(), texts, strict=True)
        }
        every = [request for requests in calls.values() for request in requests]
        answers = {answer.id: answer for answer in model.generate(every)}
        return {
            row: read_grade([answers[request.id] for request in requests], question) for row, requests in calls.items()
        }

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Write what the grader said of each document."""
        table = read_shard(context.plan / "grades.parquet")
        row_of = {id: row for row, id in enumerate(table.column("id").to_pylist())}
        rows = pa.array([row_of.get(id) for id in shard.column("id").to_pylist()], pa.int64())
        columns = {name: table.column(name).take(rows).combine_chunks() for name in table.column_names[1:]}
        if GRADE in shard.column_names:
            columns[RUBRIC] = shard.column(GRADE)
        low = pc.fill_null(pc.less(columns[GRADE], 0.0 if self.minimum is None else self.minimum), False)
        return Verdict(
            reasons=pc.if_else(low, pa.scalar("low grade"), pa.scalar(None, pa.string())),
            columns=columns,
            evidence={"score": columns[GRADE]},
        )


def read_pool(context: Context, most: int, budget_bytes: int) -> Pool:
    """Read the candidates: those with the lowest numbers in the draw, of each what the grader is shown."""
    sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
    everyone = pa.concat_tables(sketches) if sketches else None
    if everyone is None or not everyone.num_rows:
        return Pool([], pa.chunked_array([], pa.large_string()), np.zeros(0), np.zeros(0), context.seed)
    chosen = everyone.sort_by([("draw", "ascending"), ("id", "ascending")]).slice(0, most)
    texts: dict[str, str] = {}
    wanted = chosen.column("id").combine_chunks()
    for path in context.shards():
        for batch in read_shard(path, ["id", "text"]).to_batches(256):
            found = batch.filter(pc.is_in(batch.column("id"), wanted))
            shown = (excerpt(text, budget_bytes) for text in found.column("text").to_pylist())
            texts.update(zip(found.column("id").to_pylist(), shown, strict=True))
    ids = wanted.to_pylist()
    return Pool(
        ids,
        pa.chunked_array([[texts[id] for id in ids]], pa.large_string()),
        chosen.column("bytes").to_numpy().astype(float),
        chosen.column("rubric").to_numpy(),
        context.seed,
    )


def write_grades(pool: Pool, graded: Graded, grades: Mapping[int, Grade], path: Path) -> None:
    """Write id, grade, where it came from, and the round, of all that were asked about."""
    rows = sorted(grades)
    table = {
        "id": pa.array([pool.ids[row] for row in rows], pa.string()),
        GRADE: pa.array([grades[row][0] for row in rows], pa.float64()),
        "grade_from": pa.array([grades[row][1] for row in rows], pa.string()),
        "grade_round": pa.array(graded.rounds[rows], pa.int32()),
    }
    write_shard(pa.table(table), path)


def _require_answers(grades: Mapping[int, Grade], number: int) -> None:
    """Raise UserError if the grader answers too few: what it said is logged, so trying again costs nothing."""
    given = sum(grade is not None for grade, _ in grades.values())
    if given < ANSWERED * len(grades):
        sources = Counter(source for _, source in grades.values())
        raise UserError(
            f"round {number}: the grader gave a grade to {given} of {len(grades)} documents only ({dict(sources)}); "
            "use a larger chat model, another `question`, or a smaller `budget_bytes`"
        )
