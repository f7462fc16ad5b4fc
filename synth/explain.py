"""`synth.explain`: textbook sections around verified exercises: code and results are known, the teacher explains.

In: exercises, as `synth.exercise`, `synth.evolve` or `synth.mined` make them. For each, one attempt: the teacher, who
sees the code, what it is for and what calls of it give, writes what stands before and behind it; the whole is put
together, run and checked like any section (synth/textbook.py). Out: one row an attempt, kept or rejected with a reason;
`seed_id` is the exercise. Of thirty sections whose code the teacher chose too, eight were true: what it explains of its
own is often other code than what it wrote.
"""

import re
from collections.abc import Generator, Sequence
from random import Random
from typing import Any, ClassVar

from curate.errors import UserError
from curate.stage import Context, derive_seed
from synth.asking import Voice
from synth.flow import Ask, Attempt, Claim, Run
from synth.item import Item, read_item
from synth.textbook import Textbook, Writing, whole_sentences
from synth.topics import AUDIENCES

BREAK = re.compile(r"^[ \t>*`#]*CODE[ \t*`.:]*$", re.MULTILINE)
"""Where the teacher wants the code to stand."""
TITLE = re.compile(r"\A#+ [^\n]{3,100}\n")
CALLS = 2
"""Calls that a section prints."""
LONGEST_CALL = 70


class Explain(Textbook):
    """Let the teacher explain verified exercises and keep what is true of them."""

    VERSION: ClassVar[int] = 1
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "before", "header", "description", "cases", "solution", "second", "topic",
    )  # fmt: skip

    max_tokens: int = 300

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin an attempt an exercise."""
        if voice.style != "chat":
            raise UserError(f"{context.name} needs a chat model as its teacher; name another, or leave the stage out")
        return [Explaining(self, voice, seed, context.name).run() for seed in seeds]


class Explaining(Writing):
    """One attempt."""

    def _written(self) -> Generator[Ask | Run | Claim, Any, tuple[str, str | None]]:
        """Let the teacher write what stands around the code; return the section and why it is none, if it is."""
        item, stage = read_item(self.seed), self.stage
        calls = shown_calls(item)
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
        [reply] = yield Ask(
            (
                self._asked(
                    "section", "explain", values, begun="# ", max_tokens=stage.max_tokens,
                    temperature=stage.temperature, top_p=stage.top_p, stop=("\n# ", "```"),
                ),
            )
        )  # fmt: skip
        if reply.finish_reason == "error":
            return "", "no answer"
        text = reply.text if reply.text.lstrip().startswith("# ") else self.voice.whole(reply, "# ")
        before, after = [*BREAK.split(text.strip(), maxsplit=1), ""][:2]
        if reply.finish_reason == "length":
            after = whole_sentences(f"```{after}")[3:]
        if not (after.strip() and TITLE.match(before)):
            return text, "not in the form asked for"
        prints = "\n".join(f"print({call})" for call, _ in calls)
        title = before.strip().removeprefix("#").strip()
        return f"# {title}\n\n```python\n{item.program().strip()}\n\n\n{prints}\n```\n\n{after.strip()}", None

    def _fault(self, text: str) -> str | None:  # noqa: ARG002
        """The function is the section's own: its name may stand there."""
        return None


def shown_calls(item: Item) -> list[tuple[str, str]]:
    """Return up to CALLS calls of an exercise with what they give: short ones, of different values where there are."""
    short = [case for case in item.cases if len(case.arguments) + len(item.name) < LONGEST_CALL and item.exact(case)]
    first = {case.value: case for case in reversed(short)}
    different = [case for case in short if first[case.value] is case]
    chosen = [*different, *(case for case in short if case not in different)][:CALLS]
    return [(f"{item.name}({case.arguments})", case.value) for case in chosen]
