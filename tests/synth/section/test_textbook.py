"""Textbook sections are kept only if their code runs and their text is true of it; every attempt leaves one row."""

from typing import Any

import pyarrow as pa
import pytest

from curate.llm import Request
from curate.stage import Context
from curate.synth.section.section import Section, fault_of_prose, read_section, true_prose
from curate.synth.section.textbook import Textbook, repeats, whole_sentences
from tests.synth.conftest import Cut

PROSE = (
    "A list holds values in order. To add them up, start with zero and add one value after the other, until none is "
    "left. Python does the same with its own function, which is shorter to write and quick to run on long lists. It "
    "needs no names of its own and cannot go wrong at the ends, which makes it a good habit for everybody.\n\n"
)
CODE = "```python\nnumbers = [1, 2, 3]\nprint(sum(numbers))\n```\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE + CODE, None),
        (PROSE + CODE + "\nNow again:\n\n```python\nprint(max(numbers))\n```\n", None),
        (PROSE, "no code"),
        (CODE, "too short"),
        ("I'm sorry, I cannot write that. " + PROSE + CODE, "refusal"),
        (PROSE + "\n\n```python\nprint(", "cut off inside code"),
        (PROSE + "\n\n```python\nfor x in:\n```\n", "code does not parse"),
        (PROSE + "\n\n```python\nprint(undefined)\n```\n", "code fails"),
        (PROSE + "\n\n```python\nwhile True:\n    pass\n```\n", "code: timeout"),
        (PROSE + "\n\n```python\nx = 1\n```\n", "prints nothing"),
        (PROSE + "\n\n```python\nprint({'b', 'a'})\n```\n", "output is not steady"),
        (PROSE + "\n\n```python\nimport random\nprint(random.random())\n```\n", "code is not steady"),
        (PROSE * 3 + CODE, "repetition"),
        (PROSE + CODE + CODE, "repetition"),
        (PROSE + "It uses recursion.\n\n" + CODE, "speaks of a technique that its code does not use"),
        (PROSE + "The variable `total` grows.\n\n" + CODE, "explains what its code does not hold"),
        (PROSE + "So works add_up, too.\n\n" + CODE.replace("numbers", "add_up"), "names the seed's function"),
        ("数字" * 40 + PROSE + CODE, "not English"),
    ],
)
def test_a_section_is_kept_or_says_why_not(
    teach: Any, seeds: pa.Table, context: Context, text: str, reason: str | None
) -> None:
    teach(lambda request: text)
    made = Textbook(model="teacher", cpu_s=0.5).make(seeds.slice(0, 1), context)
    if reason is None:
        [row] = made.documents.to_pylist()
        assert row["text"].startswith("# Adding up in a bakery\n")
        assert "print(sum(numbers))\n```\n\nOutput:\n\n```text\n6\n```\n" in row["text"]
        assert row["seed_id"] == "file0.py::f#0"
    else:
        assert made.documents.num_rows == 0
        assert made.rejected["reason"].to_pylist() == [reason]


def test_what_the_teacher_says_is_printed_gives_way_to_what_is() -> None:
    section = read_section(
        "Sure! Here is one.\n# Adding\n\nAdd them.\n\n```python\nprint(1 + 1)  # Output: 3\n# prints 3\n"
        "x = 2  # a half of four\n```\n\nThe output is:\n\n```\n3\n```\n\nIt is so."
    )
    assert section.blocks == ("print(1 + 1)\nx = 2  # a half of four",)
    printed = "print(1 + 1)\nx = 2  # a half of four\n```\n\nOutput:\n\n```text\n2\n```\n\nIt is so.\n"
    assert section.text(["2\n"]) == f"# Adding\n\nAdd them.\n\n```python\n{printed}"


def test_a_comment_stays_where_the_code_would_change_without_it() -> None:
    [block] = read_section("```python\nprint('# Output: 3')\n```").blocks
    assert block == "print('# Output: 3')"


@pytest.mark.parametrize(
    ("sentence", "stays"),
    [
        ("The call `double(2)` returns 4.", True),
        ("The call `double(2)` returns 5.", False),
        ("It prints `6`.", True),
        ("It prints `7`.", False),
        ("The result is 12.", False),
        ("There 2 + 3 = 5 holds.", True),
        ("There 2 + 3 = 6 holds.", False),
        ("The function returns `n * 2`.", True),
        ("Doubling makes large numbers.", True),
    ],
)
def test_a_sentence_with_a_result_stays_only_where_the_run_shows_it(sentence: str, stays: bool) -> None:
    section = Section((f"Before. {sentence} After.", ""), ("def double(n):\n    return n * 2\nprint(double(3))",))
    values = {"double(2)": "4"} if "double(2)" in sentence else {}
    left, gone = true_prose(section, ["6\n"], values)
    assert (sentence in left.prose[0], gone) == (stays, int(not stays))
    assert left.prose[0].startswith("Before. ") and left.prose[0].endswith("After.")


def test_a_technique_is_looked_for_in_the_syntax_tree() -> None:
    code = ("def f(n):\n    return [f(k) for k in range(n)]",)
    for prose, there in (
        ("a list comprehension", True),
        ("recursion", True),
        ("a while loop", False),
        ("a lambda", False),
    ):
        found = fault_of_prose(Section((f"It is {prose}.", ""), code))
        assert found == (None if there else "speaks of a technique that its code does not use"), prose


def test_a_section_that_was_cut_off_is_finished(teach: Any, seeds: pa.Table, context: Context) -> None:
    def answer(request: Request) -> str:
        assert request.messages
        if request.id.endswith("/section"):
            return Cut("Adding\n\n" + PROSE + CODE[:30])
        if request.choices:
            return "Yes"
        assert request.messages[-1].content.endswith(CODE[:30])
        return CODE[30:] + "\nThat is all. And"

    teach(answer)
    made = Textbook(model="teacher", style="chat", truth=True).make(seeds.slice(0, 1), context)
    assert made.rejected["reason"].to_pylist() == []
    [row] = made.documents.to_pylist()
    assert row["text"].startswith("# Adding\n") and "```text\n6\n```" in row["text"]
    assert row["truth"] == pytest.approx(0.75)


def test_prose_that_ran_out_of_tokens_ends_with_its_last_sentence() -> None:
    assert whole_sentences(PROSE + CODE + "It adds. And then the").endswith("```\nIt adds.")
    assert whole_sentences(PROSE + CODE + "And then the").endswith("print(sum(numbers))\n```")


def test_repeats_counts_sequences_seen_before() -> None:
    assert repeats(list("abcdefg")) == 0
    assert repeats(["a"] * 103) == pytest.approx(0.99)
    assert repeats(["too", "short"]) == 0


def test_the_real_small_model_goes_the_whole_way(seeds: pa.Table, context: Context, smollm: Any) -> None:
    from dataclasses import replace

    here = replace(context, models={"teacher": smollm})
    made = Textbook(model="teacher", max_tokens=32).make(seeds.slice(0, 1), here)
    assert made.documents.num_rows + made.rejected.num_rows == 1
    assert made.metrics["completion_tokens"] > 0
