"""Exercises that nobody ran: what a teacher wrote, in the form that verified ones have, to learn what checks are worth.

In: a stub with a solution of it, or a function with a description. Out: a row like that of a verified exercise, without
examples and tests, which only a run could give. Contamination is refused all the same, and so is, unless the stage
keeps all, what is named or written like another: then verification is all that sets the two apart. Code is formatted
where that can be done; where it cannot, because a name is not there, say, it stays as it was written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from curate.synth.item.form import format_items
from curate.synth.item.item import Item, read_item
from curate.synth.item.item import row as item_row
from curate.synth.item.prose import tidy_prose
from curate.synth.teacher.answers import Program, Stub

UNKNOWN: dict[str, Any] = {"agreement": None, "distinct": None, "tier": None}
"""What only runs could tell."""


def unverified(known: Mapping[str, Any], stub: Stub, program: Program, described_by: str) -> dict[str, Any]:
    """Return the row of an exercise that is believed as it was written."""
    item = Item(stub.name, program.above(stub), stub.header, tidy_prose(stub.prose), (), (program.body,))
    names = ("id", "source", "seed_id", "topic")
    return item_row(item, **{name: known[name] for name in names}) | {
        **UNKNOWN, "tests": None, "reason": None, "asked": 1, "agree": "", "truth": None, "round_trip": None,
        "described_by": described_by,
    }  # fmt: skip


def formatted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows, those kept with their code formatted where it can be."""
    kept = [place for place, row in enumerate(rows) if row["reason"] is None]
    found = list(rows)
    for place, item in zip(kept, format_items([read_item(rows[place]) for place in kept]), strict=True):
        if item is not None:
            text = {"text": item.text, "before": item.before, "header": item.header, "solution": item.solutions[0]}
            found[place] = rows[place] | text
    return found
