"""Real answers of a real teacher (Qwen2.5-Coder-1.5B-Instruct): refusals, another language, cut off, wrong.

`data/teacher.jsonl` holds them as they came: `kind`, `text`, `finish_reason`. Its answers to exercises hold a stub and
a solution in one, so they stand for both here.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.files.shards import documents
from curate.llm import Request
from curate.stage import Context
from curate.synth.exercise.exercise import Exercise
from curate.synth.section.textbook import Textbook
from tests.synth.conftest import Cut
from tests.synth.exercise.test_exercise import run_tests

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "data/teacher.jsonl").read_text().splitlines()]


def asked(kind: str, seeds: pa.Table) -> tuple[pa.Table, Any]:
    """Return a seed for each answer of a kind, and the teacher that gives these answers."""
    answers = [row for row in RECORDED if row["kind"] == kind]
    seed = seeds.slice(0, 1).to_pylist()[0]
    rows = documents(seed | {"id": f"s{number}"} for number in range(len(answers)))

    def answer(request: Request) -> str:
        recorded = answers[int(request.id.partition("/")[0][1:])]
        return Cut(recorded["text"]) if recorded["finish_reason"] == "length" else str(recorded["text"])

    return rows, answer


def test_exercises_that_a_real_teacher_wrote(teach: Any, seeds: pa.Table, context: Context) -> None:
    rows, answer = asked("exercise", seeds)
    teach(answer)
    spec = context.models["teacher"].model_copy(update={"backend": "openai"})
    here = replace(context, models={"teacher": spec})
    made = Exercise(model="teacher", style="chat", solutions=2).make(rows, here)
    untyped, other = ["types are missing"] * 3, ["no docstring", "no code", "cut off", "stub does not parse"]
    assert made.rejected["reason"].to_pylist() == untyped + other
    assert made.documents["function_name"].to_pylist() == ["replace_items"]
    assert all(run_tests(row)[0] == 0 for row in made.documents.to_pylist())


def test_sections_that_a_real_teacher_wrote(teach: Any, seeds: pa.Table, context: Context) -> None:
    rows, answer = asked("section", seeds)
    teach(answer)
    spec = context.models["teacher"].model_copy(update={"backend": "openai"})
    here = replace(context, models={"teacher": spec})
    made = Textbook(model="teacher", style="chat").make(rows, here)
    assert made.rejected["reason"].to_pylist() == [
        "code fails", "output is not steady", "refusal", "prints nothing", "code does not parse",
    ]  # fmt: skip
    factorial, *others = made.documents["text"].to_pylist()
    assert "print(factorial(5))\n```\n\nOutput:\n\n```text\n120\n```" in factorial, "the comment gave way to the output"
    assert "5 * 4 = 20" in factorial and len(others) == 2


def test_a_log_of_another_recipe_gives_attempts_without_answers(
    seeds: pa.Table, context: Context, tmp_path: Path
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text("", encoding="utf-8")
    spec = context.models["teacher"].model_copy(update={"backend": "replay", "model": str(log)})
    here = replace(context, models={"teacher": spec})
    for stage in (Exercise(model="teacher"), Textbook(model="teacher")):
        made = stage.make(seeds, here)
        assert (made.documents.num_rows, set(made.rejected["reason"].to_pylist())) == (0, {"no answer"})


@pytest.mark.parametrize("budget", [{"stub_tokens": 0}, {"max_tokens": 0}, {"count": 0}, {"solutions": 1}])
def test_a_budget_of_nothing_is_refused(budget: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="greater than or equal"):
        Exercise(model="teacher", **budget)  # type: ignore[arg-type]
