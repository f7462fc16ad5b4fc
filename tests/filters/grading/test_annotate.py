"""filter.annotate against a grader behind an endpoint, which grades by a word in the document."""

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import documents, list_shards, read_shard, write_shard
from curate.filters.grading.annotate import Annotate
from curate.llm import ModelSpec
from curate.stage import Context
from tests.endpoint import JsonHandler


class Grader(ThreadingHTTPServer):
    """Answers `left` calls, with the number after `grade_` in the document or with `nonsense`; then it refuses."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.left, self.answered, self.nonsense = 10_000, 0, ""
        self.lock = threading.Lock()


class Handler(JsonHandler):
    server: Grader

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.left -= 1
            alive = self.server.left >= 0
            self.server.answered += alive
        if not alive:
            self.reply(401, {"error": {"message": "gone"}})
            return
        shown = body["messages"][-2]["content"]
        text = self.server.nonsense or shown[shown.index("grade_") + 6]
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        used = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        self.reply(200, {"id": "x", "object": "c", "created": 0, "model": "m", "choices": [message], "usage": used})


@pytest.fixture
def grader() -> Iterator[Grader]:
    server = Grader()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Run:
    """Two shards of documents and the stage at work on them."""

    def __init__(self, directory: Path, grader: Grader, rubric: bool = True) -> None:
        url = f"http://127.0.0.1:{grader.server_port}/v1"
        spec = ModelSpec(backend="openai", model="m", base_url=url, batch_size=4)
        inputs = {"code": directory / "code"}
        self.context = Context("labels", 17, directory / "labels", inputs, models={"grader": spec})
        for shard in range(2):
            rows = [
                {
                    "id": f"d{shard}{n}",
                    "text": f"grade_{n % 6} = {n}\n" * (n + 1),
                    "source": "t",
                    **({"grade": n % 4 / 1} if rubric else {}),
                }
                for n in range(30)
            ]
            write_shard(documents(rows), inputs["code"] / "kept" / f"{shard}.parquet")

    def plan(self, stage: Annotate) -> dict[str, float]:
        for path in self.context.shards():
            sketch = stage.sketch(read_shard(path), self.context)
            write_shard(sketch, self.context.plan / "sketches" / path.name)
        return stage.plan(self.context, lambda function, items: list(map(function, items)))

    def judge(self, stage: Annotate) -> tuple[pa.Table, pa.Table]:
        tables = [read_shard(path) for path in self.context.shards()]
        halves = [stage.judge(table, self.context).split(table) for table in tables]
        kept, dropped = zip(*halves, strict=True)
        return pa.concat_tables(kept), pa.concat_tables(dropped)


def test_chosen_documents_carry_a_grade_and_where_it_is_from_and_none_is_dropped(
    tmp_path: Path, grader: Grader
) -> None:
    run, stage = Run(tmp_path, grader), Annotate(model="grader", question="scale", count=24, rounds=1)
    figures = run.plan(stage)
    kept, dropped = run.judge(stage)
    assert (kept.num_rows, dropped.num_rows, grader.answered) == (60, 0, 24)
    rows = kept.to_pylist()
    graded = [row for row in rows if row["grade"] is not None]
    assert len(graded) == 24
    assert all(row["grade"] == float(row["text"][6]) and row["grade_from"] == "text" for row in graded)
    assert {row["grade_round"] for row in graded} == {1}
    assert all(row["grade_from"] is None and row["grade_round"] is None for row in rows if row["grade"] is None)
    assert [row["rubric_grade"] for row in rows] == [n % 4 for n in range(30)] * 2
    assert figures["grades_text"] == 24


def test_rounds_hold_documents_out_and_tell_how_well_they_are_foretold(tmp_path: Path, grader: Grader) -> None:
    run, stage = Run(tmp_path, grader, rubric=False), Annotate(model="grader", question="scale", count=50, rounds=2)
    figures = run.plan(stage)
    kept, _ = run.judge(stage)
    rounds = [number for number in kept["grade_round"].to_pylist() if number is not None]
    assert [rounds.count(number) for number in (0, 1, 2)] == [10, 20, 20]
    curve = json.loads((run.context.plan / "rounds.json").read_text())
    assert [point["labels"] for point in curve] == [20, 40]
    assert figures["agreement_at_40_labels"] == curve[-1]["agreement"]
    assert "rubric_grade" not in kept.column_names


def test_a_grader_that_goes_away_is_asked_for_the_rest_only(tmp_path: Path, grader: Grader) -> None:
    run, stage = Run(tmp_path, grader), Annotate(model="grader", question="scale", count=40, rounds=2)
    grader.left = 23
    with pytest.raises(UserError, match="refuses the key"):
        run.plan(stage)
    grader.left = 10_000
    figures = run.plan(stage)
    assert grader.answered == 40 == figures["calls_made"] + figures["calls_replayed"]
    assert figures["calls_replayed"] == 23
    whole = Run(tmp_path / "whole", grader)
    whole.plan(stage)
    assert run.judge(stage)[0].equals(whole.judge(stage)[0])


def test_a_grader_that_answers_nonsense_is_refused_in_one_line(tmp_path: Path, grader: Grader) -> None:
    run, stage = Run(tmp_path, grader), Annotate(model="grader", question="scale", count=20, rounds=1)
    grader.nonsense = "As an AI I love code"
    with pytest.raises(UserError, match="a grade to 0 of 20 documents only") as mistake:
        run.plan(stage)
    assert "\n" not in str(mistake.value)
    assert grader.answered == 20


def test_a_minimum_drops_low_grades_and_never_what_was_not_graded(tmp_path: Path, grader: Grader) -> None:
    run, stage = Run(tmp_path, grader), Annotate(model="grader", question="scale", count=24, rounds=1, minimum=3)
    run.plan(stage)
    kept, dropped = run.judge(stage)
    assert set(dropped["reason"].to_pylist()) == {"low grade"}
    assert max(dropped["score"].to_pylist()) < 3
    assert kept["grade"].null_count == 36
    assert kept.num_rows + dropped.num_rows == 60


def test_the_same_documents_are_chosen_for_any_cut_into_shards(tmp_path: Path, grader: Grader) -> None:
    run, stage = Run(tmp_path, grader), Annotate(model="grader", question="scale", count=24, rounds=1)
    run.plan(stage)
    other = Run(tmp_path / "other", grader)
    [first, second] = list_shards(tmp_path / "other" / "code" / "kept")
    write_shard(pa.concat_tables([read_shard(second), read_shard(first)]), first)
    second.unlink()
    other.plan(stage)
    tables = [read_shard(each.context.plan / "grades.parquet").sort_by("id") for each in (run, other)]
    assert tables[0].equals(tables[1])


def test_nothing_to_grade_is_one_line(tmp_path: Path, grader: Grader) -> None:
    run = Run(tmp_path, grader)
    for path in run.context.shards():
        path.unlink()
    with pytest.raises(UserError, match="no documents to grade"):
        run.plan(Annotate(model="grader", question="scale"))
