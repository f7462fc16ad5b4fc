"""A section about a verified exercise stands on its code: only what the teacher says about its steps can be wrong."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import documents
from curate.llm import Request
from curate.stage import Context
from curate.synth.item.item import Case, Item, row
from curate.synth.section.explain import Explain, shown_cases
from tests.synth.conftest import Cut

ITEM = Item(
    "count_long",
    "",
    "def count_long(words: list[str], least: int) -> int:",
    "Return how many of the words have at least the given number of letters.",
    (Case("[], 3", "0"), Case("['tea', 'milk'], 4", "1"), Case("['tea', 'milk'], 3", "2"), Case("['a'], 1", "1")),
    ("    return sum(len(word) >= least for word in words)",),
)
AFTER = (
    " goes through a generator expression. It takes one `word` after the other from `words`, and compares `len(word)` "
    "with `least`; each comparison counts as one or zero, so `sum` adds up how many of them hold. An empty list has "
    "nothing to add."
)


@pytest.fixture
def exercises() -> pa.Table:
    return documents([row(ITEM, id="a", source="exercises", seed_id="s", topic="words")])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (AFTER, None),
        ("So it goes.", "says too little"),
        ("", "says too little"),
        (f"{AFTER} It uses a while loop.", "speaks of a technique that its code does not use"),
        (f"{AFTER} Then `total` grows.", "explains what its code does not hold"),
        (f"{AFTER} The words are sorted in place.", "says of its code what is not so"),
        (f"{AFTER} The first paragraph says why.", "speaks of itself, or in lists"),
        (f" has steps:\n1. {AFTER}", "speaks of itself, or in lists"),
        (f"{AFTER} In short:", "speaks of itself, or in lists"),
        (f"{AFTER} I'm sorry, I cannot do that.", "refusal"),
    ],
)
def test_the_text_stands_behind_the_code_and_is_held_against_it(
    teach: Any, exercises: pa.Table, context: Context, answer: str, reason: str | None
) -> None:
    teach(lambda request: answer, chat=True)
    made = Explain(model="teacher", described_by="teacher").make(exercises, context)
    assert made.rejected["reason"].to_pylist() == ([reason] if reason else [])
    for section in made.documents.to_pylist():
        assert section["text"].startswith("# Count long\n\n`count_long` returns how many of the words have at least")
        assert f"```python\n{ITEM.program().strip()}\n\n\nprint(count_long([], 3))\nprint(" in section["text"]
        assert "Output:\n\n```text\n0\n1\n```" in section["text"]
        assert "```\n\nThe function goes through a generator" in section["text"]
        assert section["text"].rstrip().endswith("nothing to add.")
        assert section["seed_id"] == "a"


def test_the_teacher_goes_on_behind_what_the_code_printed(teach: Any, exercises: pa.Table, context: Context) -> None:
    seen: list[Request] = []
    teach(lambda request: seen.append(request) or AFTER, chat=True)
    Explain(model="teacher", described_by="teacher").make(exercises, context)
    [asked] = seen
    assert all(part in asked.messages[0].content for part in (ITEM.solutions[0], ITEM.description, "([], 3) gives 0"))
    assert asked.messages[1].content.endswith("```text\n0\n1\n```\n\nThe function")


def test_a_part_that_ran_out_of_tokens_ends_with_its_last_sentence(
    teach: Any, exercises: pa.Table, context: Context
) -> None:
    teach(lambda request: Cut(f"{AFTER} And then it"), chat=True)
    [section] = Explain(model="teacher", described_by="teacher").make(exercises, context).documents.to_pylist()
    assert section["text"].rstrip().endswith("nothing to add.")


def test_a_sentence_with_a_result_that_the_run_does_not_show_goes(
    teach: Any, exercises: pa.Table, context: Context
) -> None:
    teach(lambda request: f"{AFTER} For three words the function returns 17.", chat=True)
    [section] = Explain(model="teacher", described_by="teacher").make(exercises, context).documents.to_pylist()
    assert "17" not in section["text"]
    assert section["removed"] == 1


def test_cases_that_are_shown_are_short_and_differ_in_what_they_give() -> None:
    assert [case.value for case in shown_cases(ITEM)] == ["0", "1"]
    long = Item("f", "", "def f(text: str) -> str:", "Return it.", (Case(repr("a" * 99), "'a'"),), ("    return 'a'",))
    assert shown_cases(long) == []


def test_a_teacher_that_only_continues_text_is_refused_in_one_line(
    teach: Any, exercises: pa.Table, context: Context
) -> None:
    teach(lambda request: "")
    with pytest.raises(UserError, match="needs a chat model"):
        Explain(model="teacher", described_by="teacher").make(exercises, context)


def test_a_rule_goes_through_the_code_without_the_teacher(teach: Any, context: Context) -> None:
    def none(request: Request) -> str:
        raise AssertionError(f"nothing is to be asked: {request.id}")

    teach(none)
    body = (
        "    total = 0\n    for word in words:\n        if len(word) < least:\n            continue\n"
        "        total += 1\n    return total"
    )
    other = "    while words:\n        words = words[1:]\n    return undescribed(words)"
    rows = [
        row(replace(ITEM, solutions=(solution,)), id=name, source="exercises", seed_id="s", topic="words")
        for name, solution in (("a", ITEM.solutions[0]), ("b", body), ("c", other))
    ]
    made = Explain(model="teacher").make(documents(rows), context)
    assert made.rejected["reason"].to_pylist() == ["code fails"]
    short, long = (section["text"] for section in made.documents.to_pylist())
    for text in (short, long):
        assert "return how many of the words have at least the given number of letters." in text
        assert "Output:\n\n```text\n0\n1\n```" in text
        assert "**Exercise.**" in text
    assert "word    len(word) >= least\n'tea'   False\n'milk'  True\n" in short
    assert "word     total\n(start)  0\n'tea'    0\n'milk'   1\n" in long
    assert "`total` starts as 0. For each string `word` in `words`: if the length of `word` is" in long


def test_calls_whose_output_cannot_be_seen_are_not_shown() -> None:
    cases = (
        Case("[''], 1", "''"),
        Case("['a '], 1", "'a '"),
        Case("['tea'], 1", "'tea'"),
        Case("['milk'], 1", "'milk'"),
    )
    item = Item(
        "first", "", "def first(words: list[str], at: int) -> str:", "Return the word.", cases, ("    return words[0]",)
    )
    assert [case.value for case in shown_cases(item)] == ["'tea'", "'milk'"]


def test_a_section_whose_results_rest_on_the_order_of_a_set_is_rejected(teach: Any, context: Context) -> None:
    teach(lambda request: "", chat=True)
    header = "def count_words(text: str) -> dict[str, int]:"
    cases = tuple(Case(repr(word), repr({word: 1})) for word in ("tea", "milk", "oat"))
    whole = Case("'the quick brown fox'", "{'the': 1, 'quick': 1, 'brown': 1, 'fox': 1}")
    over = ("set(text.split())", "text.split()")
    items = [
        Item("count_words", "", header, "Return how often each word occurs in itself.", (whole, *cases),
             (f"    words = {each}\n    return {{word: word.count(word) for word in words}}",))
        for each in over
    ]  # fmt: skip
    rows = [
        row(each, id=str(place), source="exercises", seed_id="s", topic="words") for place, each in enumerate(items)
    ]
    made = Explain(model="teacher").make(documents(rows), context)
    assert made.rejected.select(["id", "reason"]).to_pylist() == [
        {"id": made.rejected["id"][0].as_py(), "reason": "other values under another hash seed"}
    ]
    assert len(made.documents) == 1
