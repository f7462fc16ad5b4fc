"""`synth.explain`: textbook sections around verified exercises: code, purpose and results are known.

In: exercises, as `synth.exercise`, `synth.evolve` or `synth.mined` make them. For each, one attempt: title, what the
function returns, its code and what calls of it print are the exercise's own. By rule (synth/section/lesson.py) it says
what technique the code shows, goes through it and through a call of it, and ends with a question; or the teacher goes
through the code in a paragraph. The whole is run, and what a teacher wrote is checked, like any section
(synth/section/textbook.py). Out: one row an attempt, kept or rejected with a reason; `seed_id` is the
exercise. Of fifty sections around verified code in which the teacher also said what the task is, twenty-five were true:
most others told another task than the code's.
"""

import ast
import re
from collections.abc import Generator, Sequence
from random import Random
from typing import Any, ClassVar, Literal

from curate.errors import UserError
from curate.stage import Context, derive_seed
from curate.synth.item.item import Case, Item, read_item
from curate.synth.section.lesson import Lesson
from curate.synth.section.section import Section, fault_of_code, fault_of_output, read_section
from curate.synth.section.textbook import OTHER_ORDER, Textbook, Writing, ran
from curate.synth.seeds.topics import AUDIENCES
from curate.synth.teacher.asking import Voice
from curate.synth.teacher.effects import Ask, Attempt, Claim, Run
from curate.synth.words.forms import Unsayable

BEGINNING = "The function"
"""The first words of the paragraph, where the teacher takes up what was begun: left to begin by itself, it wrote a
heading in 1,506 of 1,907 answers."""
HEADING = re.compile(r"\A\s*(?:#+ .*|\*\*.*\*\*)\n+")
FEWEST_WORDS = 20
"""Of the teacher's paragraph."""
ASIDE = re.compile(
    r"\b(?:first|second|third|last|next|following) (?:paragraph|section)|\bparagraph of\b|"
    r"\bsentences? (?:explain|would|could|describe)|\bas it stands\b|\bproblem statement\b|\bprovided examples?\b|"
    r"\bthis section\b|^[ \t]*(?:[-*•]|\d+[.)]) ",
    re.IGNORECASE | re.MULTILINE,
)
"""Talk about the text itself, and lists, of which a code block would stand in the middle."""
CALLS = 2
"""Calls that a section prints."""
LONGEST_CALL = 70


class Explain(Textbook):
    """Write sections around verified exercises: code, purpose and results are theirs, a rule goes through the code."""

    VERSION: ClassVar[int] = 9
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "before", "header", "description", "cases", "solution", "second", "topic",
    )  # fmt: skip

    max_tokens: int = 220
    described_by: Literal["rule", "teacher"] = "rule"
    """Who goes through the code: rules (synth/section/lesson.py), which ask nothing, or the teacher."""

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin an attempt an exercise."""
        if self.described_by == "teacher" and voice.style != "chat":
            raise UserError(f"{context.name} needs a chat model as its teacher; name another, or leave the stage out")
        return [Explaining(self, voice, seed, context.name).attempt() for seed in seeds]


class Explaining(Writing):
    """One attempt."""

    @property
    def told_by_rule(self) -> bool:
        """Whether the stage lets a rule go through the code."""
        return isinstance(self.stage, Explain) and self.stage.described_by == "rule"

    def run(self) -> Generator[Ask | Run | Claim, Any, dict[str, Any]]:
        """Go the whole way and return the row."""
        if not self.told_by_rule:
            row: dict[str, Any] = yield from super().run()
            return row
        item = read_item(self.seed)
        shown = shown_cases(item)
        if len(shown) < CALLS:
            return self._row(item.program(), "no short calls")
        random = Random(derive_seed(self.voice.seed, self.seed["id"], self.source, "lesson"))
        try:
            lesson = Lesson(item, shown, random)
        except Unsayable:
            return self._row(item.program(), "no rule has words for it")
        code = Section(("", ""), (lesson.code,))
        reason = fault_of_code(code)
        if reason:
            return self._row(lesson.code, reason)
        outcome, steady = yield from ran(lesson.program(), lesson.code)
        if outcome.status != "value" or not steady:
            return self._row(lesson.code, OTHER_ORDER if not steady else "code fails")
        (printed, _), values = ast.literal_eval(outcome.value)
        text = lesson.text(printed, values)
        reason = "shows too little" if not text else fault_of_output([printed]) or self.stage.objection(text, code)
        if reason is None and len(text.split()) < self.stage.min_words:
            reason = "too short"
        return self._row(text, reason)

    def _written(self) -> Generator[Ask | Run | Claim, Any, tuple[str, str | None]]:
        """Let the teacher write what stands around the code; return the section and why it is none, if it is."""
        item = read_item(self.seed)
        cases = shown_cases(item)
        calls = [(f"{item.name}({case.arguments})", case.value) for case in cases]
        if len(calls) < CALLS:
            return item.program(), "no short calls"
        prints = "\n".join(f"print({call})" for call, _ in calls)
        begun = f"# {titled(item)}\n\n{purpose(item)}\n\n```python\n{item.program().strip()}\n\n\n{prints}\n```\n\n"
        random = Random(derive_seed(self.voice.seed, self.seed["id"], self.source))
        values = {
            "program": item.program().strip(),
            "description": item.description,
            "calls": calls,
            "audience": random.choice(AUDIENCES),
            "wording": random.randrange(6),
        }
        printed = "\n".join(str(case.read()) for case in cases)
        stage = self.stage
        asked = self._asked(
            "section", "explain", values, begun=f"{begun}Output:\n\n```text\n{printed}\n```\n\n{BEGINNING}",
            max_tokens=stage.max_tokens, temperature=stage.temperature, top_p=stage.top_p,
            stop=("```", "\n# ", "\n\n") if self.voice.continues else (),
        )  # fmt: skip
        [reply] = yield Ask((asked,))
        said = f"{BEGINNING}{reply.text}" if self.voice.continues else HEADING.sub("", reply.text)
        said = said.strip()
        if reply.finish_reason == "length":
            said = said[: max(said.rfind(mark) for mark in (". ", ".\n", ".")) + 1]
        if len(said.split()) < FEWEST_WORDS:
            return f"{begun}{said}", "no answer" if reply.finish_reason == "error" else "says too little"
        return f"{begun}{said}", None

    def _fault(self, text: str) -> str | None:
        """Say whether the text speaks of itself. The function is the section's own: its name may stand there."""
        prose = "\n".join(read_section(text).prose)
        if ASIDE.search(prose) or prose.rstrip().endswith(":"):
            return "speaks of itself, or in lists"
        return None


def titled(item: Item) -> str:
    """Return the words of a function's name as a title."""
    words = item.name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def purpose(item: Item) -> str:
    """Return a description as a sentence about the function.

    >>> purpose(Item("twice", "", "def twice(a: int) -> int:", "Return two times a.", (), ()))
    '`twice` returns two times a.'
    """
    text = " ".join(item.description.split())
    told = re.sub(r"^Returns? ", "returns ", text)
    return f"`{item.name}` {told}" if told != text else text


def shown_cases(item: Item) -> list[Case]:
    """Return up to CALLS cases of an exercise to be printed: short ones, of different values where there are such. What
    prints nothing, or blanks at an end, cannot be seen."""
    short = [case for case in item.cases if len(case.arguments) + len(item.name) < LONGEST_CALL and item.exact(case)]
    short = [case for case in short if (printed := str(case.read())) and printed == printed.strip()]
    first = {case.value: case for case in reversed(short)}
    different = [case for case in short if first[case.value] is case]
    return [*different, *(case for case in short if case not in different)][:CALLS]
