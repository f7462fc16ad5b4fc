"""Renderings: begun as prompts are, true, and all accounted for."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.benchmarks.task import Task
from curate.eval.asking.protocols import austin_prompt, docstring_prompt
from curate.sandbox.programs import Trial, judge
from curate.stage import Context, Made
from curate.synth.item.item import Case, Item, row
from curate.synth.item.proof import hold
from curate.synth.item.render import Render
from curate.synth.item.renderings import RENDERINGS, short_tests, task

CONTEXT = Context("shown", 5, Path())


def numbered(number: int) -> Item:
    name = f"add_{number}"
    cases = tuple(Case(f"{n}, {n * n}", repr(n + n * n + number)) for n in (1, 2, 7, 9, 30))
    header = f"def {name}(a: int, b: int) -> int:"
    bodies = (f"    return a + b + {number}", f"    total = a + b\n    return total + {number}")
    return Item(name, "", header, f"Adds two numbers and {number}.\n\nArgs:\n    a: the first", cases, bodies)


ITEMS = [numbered(number) for number in range(6)]
OTHERS = ITEMS[1:4]


def as_task(item: Item) -> Task:
    return Task(
        "t",
        "mbpp",
        item.name,
        "",
        text=task(item) or "",
        tests=tuple(short_tests(item)[:3]),
        solution=item.program(-1)[:-1],
    )


def table(items: list[Item]) -> pa.Table:
    rows = [row(item, id=f"id{number}", source="x", seed_id=None) for number, item in enumerate(items)]
    return pa.Table.from_pylist(rows)


def made(shares: dict[str, float], shard: pa.Table, seed: int = 5) -> Made:
    return Render(shares=shares).make(shard, Context("shown", seed, Path()))


def test_mbpp_and_its_few_shots_begin_with_the_bytes_of_the_protocols_prompts() -> None:
    item = ITEMS[0]
    text = RENDERINGS["mbpp"](item, []) or ""
    assert text == docstring_prompt(as_task(item), ()) + item.program(-1)
    shown = RENDERINGS["fewshot"](item, OTHERS) or ""
    assert shown == austin_prompt(as_task(item), [as_task(other) for other in OTHERS]) + item.program(-1) + "[DONE]\n"


@pytest.mark.parametrize("name", [name for name in RENDERINGS if name != "fewshot"])
def test_every_shape_is_a_program_that_does_what_the_item_does(name: str) -> None:
    item = ITEMS[3]
    text = RENDERINGS[name](item, OTHERS)
    assert text
    test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in item.tests()).replace(item.name, "candidate")
    (judgement,) = judge([Trial(text, item.name, test)])
    assert judgement.verdict == "pass", (text, judgement)
    assert max(map(len, text.splitlines())) <= 88


def test_sentences_become_tasks() -> None:
    assert task(ITEMS[2]) == "Write a function to add two numbers and 2."
    given = Item("f", "", "def f(a):", "Given a list, e.g. of words, join it. Fast.", (), ())
    assert task(given) == "Given a list, e.g. of words, join it."


def test_the_google_shape_states_types_and_values_of_one_call() -> None:
    text = RENDERINGS["google"](ITEMS[0], []) or ""
    assert "    Args:\n        a (int): such as 1.\n        b (int): such as 1.\n" in text
    assert "    Returns:\n        int: 2 in that case.\n" in text
    assert "the first" not in text


def test_every_drawn_shape_is_a_document_or_a_rejected_row_that_says_why() -> None:
    shares = {"humaneval": 1.0, "mbpp": 0.5, "tests_after": 1.0}
    one = Item("same", "", "def same(a: int) -> int:", "Same.", (Case("1", "1"),), ("    return a",))
    result = made(shares, table([*ITEMS, one]))
    kept, lost = result.documents.to_pylist(), result.rejected.to_pylist()
    drawn = {each["id"] for each in [*kept, *lost]}
    assert len(drawn) == len(kept) + len(lost)
    assert {f"id{n}#{name}" for n in range(7) for name in ("humaneval", "tests_after")} <= drawn
    reasons = {each["id"]: each["reason"] for each in lost}
    assert reasons["id6#tests_after"] == "does not fit tests_after"
    assert all(each["id"] == f"{each['item_id']}#{each['rendering']}" for each in kept)
    assert result.metrics["as_humaneval"] == 7


def test_shares_are_kept_to_and_depend_on_the_seed_and_the_id_alone() -> None:
    items = [numbered(number) for number in range(60)]
    whole = made({"mbpp": 0.5}, table(items))
    assert 18 < whole.documents.num_rows < 42
    assert whole.documents.num_rows + whole.rejected.num_rows == 60
    halves = [made({"mbpp": 0.5}, table(items).slice(at, 30)).documents for at in (0, 30)]
    assert whole.documents["id"].to_pylist() == [name for half in halves for name in half["id"].to_pylist()]
    assert made({"mbpp": 0.5}, table(items), seed=6).documents["id"] != whole.documents["id"]


def test_what_is_no_item_passes_as_it_is() -> None:
    sections = pa.table({"id": ["a"], "text": ["# Lists"], "source": ["textbook"]})
    (section,) = made({"mbpp": 1.0}, sections).documents.to_pylist()
    assert (section["text"], section["source"], section["rendering"]) == ("# Lists", "textbook", "as it is")


def test_few_shots_show_other_items_and_none_twice() -> None:
    documents = made({"fewshot": 1.0}, table(ITEMS)).documents.to_pylist()
    assert len(documents) == len(ITEMS)
    for document in documents:
        assert all(document["text"].count(f"def add_{number}(") <= 1 for number in range(6))
        assert document["text"].count("[DONE]") == 4
    assert made({"fewshot": 1.0}, table(ITEMS[:2])).rejected["reason"].to_pylist() == ["does not fit fewshot"] * 2


@pytest.mark.parametrize("shares", [{"humanevil": 1.0}, {"mbpp": 1.5}, {"mbpp": -1}, {"mbpp": 0.0}, {}])
def test_shares_that_cannot_be_are_refused(shares: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Render(shares=shares)


def test_a_shard_without_rows_has_the_columns_of_the_others() -> None:
    some, none = made({"mbpp": 1.0}, table(ITEMS)), made({"mbpp": 1.0}, table(ITEMS).slice(0, 0))
    assert none.documents.schema == some.documents.schema
    assert none.rejected.schema == some.rejected.schema


def item_of(body: str, *cases: tuple[str, str], before: str = "") -> Item:
    return Item("f", before, "def f(a: str) -> object:", "Say it.", tuple(Case(*case) for case in cases), (body,))


def test_what_an_item_shows_holds_under_another_hash_seed_or_it_is_rejected_whole() -> None:
    items = [
        item_of("    return a + '!'", ("'b'", "'b!'")),
        item_of("    return Counter(a)", ("'bb'", "{'b': 2}"), before="from collections import Counter"),
        item_of("    return list(set(a))", ("'abcdefgh'", "['h', 'c', 'e', 'b', 'g', 'd', 'a', 'f']")),
        item_of("    return len(a) / 3", ("'b'", "0.5")),
        item_of("    return random.random()", ("'b'", "0.25"), before="import random"),
        item_of("    while True:\n        pass", ("'b'", "1")),
        item_of("    return set(a)", ("'ab'", "{'a', 'b'}")),
    ]
    assert list(hold(items)) == [True, False, False, False, False, False, True]
    result = made({"humaneval": 1.0, "tests_after": 1.0}, table(items))
    reasons = {row["id"]: row["reason"] for row in result.rejected.to_pylist()}
    assert {
        f"id{number}": "its examples or tests do not hold everywhere" for number in range(1, 6)
    }.items() <= reasons.items()
    assert {row["item_id"] for row in result.documents.to_pylist()} == {"id0", "id6"}


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("Return the player's score. It is fast.", "Write a function to return the player's score."),
        ("Return the largest. If `x` is empty, return 0 instead.", None),
        (
            "Given a list of integers `x`, return the largest of them. It is fast.",
            "Write a function to return the largest of them, given a list of integers `x`.",
        ),
        ("Return 'a' if `x` is 0, otherwise 'b'.", "Write a function to return 'a' if `x` is 0, otherwise 'b'."),
        ("If `x` is 0, return 1. Otherwise, return 2.", None),
        ("Let `y` be `x` plus 1. Return `y` times `y`.", None),
        ("Return the string 'Dr. Who {x}' with the value of `x` put in.", None),
        ("For each number `x` in `xs`, add `x` to `n`. Return `n`.", None),
        ("Set `word` to `word` in lower case. Return its letters.", None),
    ],
)
def test_a_sentence_that_does_not_say_the_whole_task_is_none(description: str, sentence: str | None) -> None:
    assert task(Item("f", "", "def f(x):", description, (), ())) == sentence
