"""The second wave: verified exercises changed, and verified alike."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import documents
from curate.llm import Request
from curate.stage import Context
from curate.synth.exercise.evolve import CHANGES, Evolve
from curate.synth.item.item import Case, Item, row

ITEM = Item(
    "weigh_bread", "", "def weigh_bread(loaves: list[int]) -> int:", "Return the weight of all loaves.",
    (Case("[1, 2]", "3"), Case("[]", "0")), ("    return sum(loaves)",),
)  # fmt: skip


@pytest.fixture
def exercises() -> pa.Table:
    other = replace(ITEM, name="count_rolls", header="def count_rolls(rolls: list[str]) -> int:")
    return documents(
        row(item, id=f"s{i}/exercises", source="exercises", seed_id=f"s{i}", topic="bread")
        for i, item in enumerate([ITEM, other])
    )


def test_a_changed_exercise_is_verified_and_names_the_one_it_came_from(
    teach: Any, exercises: pa.Table, context: Context
) -> None:
    prompts = []

    def answer(request: Request) -> str:
        assert request.messages
        if not request.id.endswith("/stub"):
            return "    return max(loaves, default=0)" if "s0" in request.id else "    return len(loaves) * 2"
        prompts.append(request.messages[0].content)
        name = {"s0": "heaviest_loaf", "s1": "twice_the_loaves"}[request.id[:2]]
        return f' {name}(loaves: list[int]) -> int:\n    """Return a number that belongs to the loaves."""\n'

    teach(answer)
    made = Evolve(model="teacher", style="chat").make(exercises, context)
    assert made.rejected.num_rows == 0
    assert made.documents["function_name"].to_pylist() == ["heaviest_loaf", "twice_the_loaves"]
    assert made.documents["seed_id"].to_pylist() == ["s0/exercises", "s1/exercises"]
    assert all("Return the weight of all loaves." in prompt for prompt in prompts)


def test_an_exercise_that_did_not_change_is_none(teach: Any, exercises: pa.Table, context: Context) -> None:
    teach(lambda request: ' weigh_bread(loaves: list[int]) -> int:\n    """Return the weight of all loaves."""\n')
    made = Evolve(model="teacher", style="chat", rounds=5).make(exercises.slice(0, 1), context)
    assert made.rejected["reason"].to_pylist() == ["copied from the prompt"] * len(CHANGES)


def test_a_model_that_only_continues_is_refused(teach: Any, exercises: pa.Table, context: Context) -> None:
    teach(lambda request: "")
    with pytest.raises(UserError, match="needs a chat model"):
        Evolve(model="teacher").make(exercises, context)
