"""`synth.explain`: textbook sections around verified exercises: code and results are known, the teacher explains.

In: exercises, as `synth.exercise`, `synth.evolve` or `synth.mined` make them. For each, one attempt: the teacher, who
sees the code, what it is for and what calls of it give, writes what stands before and behind it; the whole is put
together, run and checked like any section (synth/textbook.py). Out: one row an attempt, kept or rejected with a reason;
`seed_id` is the exercise. Of thirty sections whose code the teacher chose too, eight were true: what it explains of its
own is often other code than what it wrote.
"""

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from curate.errors import UserError
from curate.stage import Context, derive_seed
from synth.asking import Voice
from synth.flow import Ask, Attempt, Claim, Run
from synth.item import Case, Item, read_item
from synth.textbook import Textbook, Writing
from synth.topics import AUDIENCES

HEADING = re.compile(r"^[ \t]*(?:#+ .*|\*\*[^*\n]+\*\*:?[ \t]*|CODE:?[ \t]*)\n?", re.MULTILINE)
"""What parts a section is made of; it is one paragraph before its code and one behind it."""
FEWEST_WORDS = 12
"""Of each of the two."""
CALLS = 2
"""Calls that a section prints."""
LONGEST_CALL = 70


class Explain(Textbook):
    """Let the teacher explain verified exercises and keep what is true of them."""

    VERSION: ClassVar[int] = 1
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "before", "header", "description", "cases", "solution", "second", "topic",
    )  # fmt: skip

    max_tokens: int = 220
    """Of what stands before the code, and of what stands behind it."""

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin an attempt an exercise."""
        if voice.style != "chat":
            raise UserError(f"{context.name} needs a chat model as its teacher; name another, or leave the stage out")
        return [Explaining(self, voice, seed, context.name).run() for seed in seeds]


class Explaining(Writing):
    """One attempt."""

    def _written(self) -> Generator[Ask | Run | Claim, Any, tuple[str, str | None]]:
        """Let the teacher write what stands around the code; return the section and why it is none, if it is."""
        item = read_item(self.seed)
        cases = shown_cases(item)
        calls = [(f"{item.name}({case.arguments})", case.value) for case in cases]
        if len(calls) < CALLS:
            return item.program(), "no short calls"
        random = Random(derive_seed(self.voice.seed, self.seed["id"], self.source))
        values = {
            "program": item.program().strip(),
            "description": item.description,
            "calls": calls,
            "audience": random.choice(AUDIENCES),
            "wording": random.randrange(6),
        }
        prints = "\n".join(f"print({call})" for call, _ in calls)
        code = f"```python\n{item.program().strip()}\n\n\n{prints}\n```"
        text = yield from self._part("before", values, "# ")
        title, _, before = text.strip().removeprefix("#").strip().partition("\n")
        before = HEADING.sub("", before).strip()
        if self.voice.continues:
            printed = "\n".join(str(case.read()) for case in cases)
            begun = f"# {title}\n\n{before}\n\n{code}\n\nOutput:\n\n```text\n{printed}\n```\n\n"
            after = (yield from self._part("after", values, begun)).removeprefix(begun)
        else:
            before, after = before.split("```", maxsplit=1)[0].strip(), before.rsplit("```", maxsplit=1)[-1]
        after = HEADING.sub("", after).strip()
        if not title or min(len(before.split()), len(after.split())) < FEWEST_WORDS:
            return f"# {title}\n\n{before}\n\n{code}\n\n{after}", "not in the form asked for"
        return f"# {title}\n\n{before}\n\n{code}\n\n{after}", None

    def _part(self, what: str, values: dict[str, Any], begun: str) -> Generator[Ask | Run | Claim, Any, str]:
        """Let the teacher go on from what was begun, up to the next code block; return the whole."""
        stage = self.stage
        asked = self._asked(
            what, "explain", values, begun=begun, max_tokens=stage.max_tokens, temperature=stage.temperature,
            top_p=stage.top_p, stop=("```", "\n# ") if self.voice.continues else (),
        )  # fmt: skip
        [reply] = yield Ask((asked,))
        if reply.finish_reason == "length":
            ended = max(reply.text.rfind(mark) for mark in (". ", ".\n", "."))
            return self.voice.whole(replace(reply, text=reply.text[: ended + 1]), begun)
        return self.voice.whole(reply, begun)

    def _fault(self, text: str) -> str | None:  # noqa: ARG002
        """The function is the section's own: its name may stand there."""
        return None


def shown_cases(item: Item) -> list[Case]:
    """Return up to CALLS cases of an exercise to be printed: short ones, of different values where there are such."""
    short = [case for case in item.cases if len(case.arguments) + len(item.name) < LONGEST_CALL and item.exact(case)]
    first = {case.value: case for case in reversed(short)}
    different = [case for case in short if first[case.value] is case]
    return [*different, *(case for case in short if case not in different)][:CALLS]
