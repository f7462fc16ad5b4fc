"""`synth.evolve`: a second wave: the teacher changes exercises that were verified (Xu et al. 2023, Evol-Instruct).

In: exercises, as `synth.exercise` makes them. For each, one attempt: the teacher writes a new stub from it, by one of
five changes (one more condition, another requirement, one more parameter, another setting, two exercises joined), and
what comes out is solved and verified as any other. Out: one row an attempt, kept or rejected with a reason; `seed_id`
is the exercise it came from. Whether a changed exercise does what some exercise of the first wave does is not asked
here, for the waves are stages of their own: let a deduplication read both.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from pydantic import Field

from curate.errors import UserError
from curate.stage import Context, derive_seed
from curate.synth.exercise.exercise import Solving
from curate.synth.item.item import Item, read_item
from curate.synth.seeds.topics import RESULTS, SETTINGS
from curate.synth.teacher.asking import Voice
from curate.synth.teacher.effects import Attempt

CHANGES = ("condition", "requirement", "parameter", "setting", "join")


class Evolve(Solving):
    """Let the teacher change exercises into new ones, and keep those whose solutions agree when they run."""

    VERSION: ClassVar[int] = 11
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "before", "header", "description", "cases", "solution", "second", "topic",
    )  # fmt: skip

    rounds: int = Field(default=1, ge=1)
    """Attempts on each exercise, in turn by each of the changes, with a setting and a kind of result drawn anew."""

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin `rounds` attempts an exercise."""
        if voice.style != "chat":
            raise UserError(f"{context.name} needs a chat model as its teacher; name another, or leave the stage out")
        items = [read_item(seed) for seed in seeds]
        settings = self.settings()
        template = "evolve_code" if self.first_comes == "code" else "evolve"
        made = []
        for seed, item in zip(seeds, items, strict=True):
            random = Random(derive_seed(context.seed, context.name, seed["id"]))
            order = list(CHANGES)
            for number in range(self.rounds):
                order = order if number % len(CHANGES) else random.sample(CHANGES, len(CHANGES))
                change = order[number % len(CHANGES)]
                known = {
                    "id": f"{seed['id']}/{context.name}{number or ''}",
                    "source": context.name,
                    "seed_id": seed["id"],
                }
                other = random.choice(items)
                seen = f"def {item.name}( def {other.name}("
                known["topic"] = seed["topic"]
                drawn = {"setting": random.choice(SETTINGS), "result": random.choice(RESULTS)}
                values = _values(item, other, change) | drawn
                made.append(self.begin(template, values, known, seen, voice, settings))
        return made


def _values(item: Item, other: Item, change: str) -> dict[str, str]:
    """Return what the prompt shows: an exercise alone cannot be joined with itself, so it gets a condition instead."""
    return {
        "header": item.header,
        "description": item.description,
        "program": item.program(),
        "other_header": other.header,
        "other_description": other.description,
        "other_program": other.program(),
        "change": "condition" if change == "join" and other.name == item.name else change,
    }
