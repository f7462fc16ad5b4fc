"""`synth.render`: several documents from one verified exercise, by the recipe's shares.

In: rows that hold an Item (synth/item/item.py). Out: for each shape that is drawn for it (synth/item/renderings.py) a
Document with the Item's columns, `rendering` (which shape) and `item_id`; or, where the Item does not fit the shape, a
rejected row that says so. A share is a probability that depends on the seed, the row's id and the shape alone. Rows
without an Item, such as textbook sections, pass as they are. An Item whose examples or tests do not hold once more
(synth/item/proof.py) is rejected whole.

The few-shot shape shows other Items of the shard: keep documents apart that must not meet (those held out) before this.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Annotated, Any, ClassVar

import pyarrow as pa
from pydantic import Field, field_validator

from curate.errors import did_you_mean
from curate.files.shards import conform
from curate.stage import Columns, Context, Made, Maker, derive_seed
from curate.synth.item.item import Item, read_item
from curate.synth.item.proof import hold
from curate.synth.item.renderings import RENDERINGS, SHOTS

Share = Annotated[float, Field(ge=0, le=1)]
SHARES = {
    "humaneval": 1.0,
    "mbpp": 0.5,
    "fewshot": 0.2,
    "google": 0.3,
    "examples_first": 0.2,
    "tests_after": 0.3,
    "explained": 0.2,
    "case2code": 0.3,
}
FALSE = "its examples or tests do not hold everywhere"
ADDED = {"rendering": pa.string(), "item_id": pa.string()}


class Render(Maker):
    """Write each exercise in the shapes that scores ask for, and in others."""

    VERSION: ClassVar[int] = 5
    ALONE: ClassVar[bool] = True

    shares: dict[str, Share] = Field(default=SHARES)
    """For each shape the share of the exercises that are written so."""

    @field_validator("shares")
    @classmethod
    def _known(cls, shares: dict[str, float]) -> dict[str, float]:
        for name in shares:
            if name not in RENDERINGS:
                raise ValueError(f"unknown shape {name!r}{did_you_mean(name, RENDERINGS)}")
        if not any(shares.values()):
            raise ValueError("every share is 0, so that nothing would be written; give one of more")
        return shares

    def passes_on(self, column: str) -> bool:  # noqa: ARG002 - all of them
        """Keep the columns of the exercise."""
        return True

    def adds(self) -> Columns:
        """List the shape and the exercise."""
        return ADDED

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Render the Items of a shard."""
        rows = shard.to_pylist()
        items = {place: read_item(row) for place, row in enumerate(rows) if row.get("header")}
        false = {place for place, holds in zip(items, hold(list(items.values())), strict=True) if not holds}
        shown = {place: item for place, item in items.items() if place not in false}
        own = [(place, row) for place, row in enumerate(rows) if place not in false]
        made = [new for place, row in own for new in self._render(place, row, shown, context)]
        made += [
            {**rows[place], "rendering": None, "item_id": rows[place]["id"], "reason": FALSE} for place in sorted(false)
        ]
        fields = [field for field in shard.schema if field.name not in ADDED]
        schema = pa.schema([*fields, *ADDED.items()])
        kept = pa.Table.from_pylist([row for row in made if row["reason"] is None], schema)
        lost = pa.Table.from_pylist(
            [row for row in made if row["reason"]], schema.append(pa.field("reason", pa.string()))
        )
        counts = {
            f"as_{name}": float(sum(row["rendering"] == name for row in kept.to_pylist())) for name in self.shares
        }
        return Made(conform(kept), conform(lost), counts)

    def _render(
        self, place: int, row: Mapping[str, Any], items: Mapping[int, Item], context: Context
    ) -> Iterator[dict[str, Any]]:
        """Yield a row for each shape that is drawn, with a `reason` where it could not be written."""
        own = {"item_id": row["id"], "reason": None}
        if place not in items:
            yield {**row, "rendering": "as it is", **own}
            return
        drawn = [name for name, share in self.shares.items() if self._draw(context, row["id"], name) < share]
        for name in drawn:
            others = _others(place, items, derive_seed(context.seed, row["id"], "others")) if name == "fewshot" else []
            text = RENDERINGS[name](items[place], others)
            new = {"id": f"{row['id']}#{name}", "source": context.name, "rendering": name}
            yield {**row, **own, **new} | ({"text": text} if text else {"reason": f"does not fit {name}"})
        if not drawn:
            yield {**row, **own, "rendering": None, "reason": "no shape drawn"}

    def _draw(self, context: Context, id: str, name: str) -> float:
        return derive_seed(context.seed, context.name, id, name) / (1 << 63)


def _others(place: int, items: Mapping[int, Item], seed: int) -> list[Item]:
    """Return other Items that can be shown solved."""
    rest = [number for number in items if number != place]
    random = Random(seed)
    tried = (items[number] for number in random.sample(rest, min(len(rest), 8 * SHOTS)))
    return [item for item in tried if RENDERINGS["fewshot"](item, [item] * SHOTS)][:SHOTS]
