"""Columns along a recipe's graph, before anything runs: does each stage find those that it needs, of the right kind?

In: a checked recipe, whose stages say what they need and what they add (curate/stage.py). Out: nothing, or a UserError
that names the stage, the column, and the columns that there are. Where a stage cannot say what it adds, nothing below
it is refused. Not covered: what the columns hold.
"""

from collections.abc import Sequence

import pyarrow as pa

from curate.errors import UserError, did_you_mean
from curate.files.shards import REQUIRED
from curate.recipe import Node, Recipe, named_after
from curate.stage import Columns, Filter, Maker, Need, Source


def check_columns(recipe: Recipe) -> None:
    """Raise UserError for a stage that would miss a column, or would certainly have too few documents."""
    carried = columns_of(recipe)
    most = _most_documents(recipe)
    for node in recipe.nodes:
        with named_after(node):
            needs = node.stage.needs()
        for need in needs:
            for name in [need.of] if need.of else node.inputs:
                above = carried[name]
                if above is not None:
                    _check(need, node, recipe.node(name), above)
        documents = most[node.name]
        if documents is not None and documents < node.stage.fewest():
            raise UserError(
                f"{node.name}: {node.use} needs at least {node.stage.fewest()} documents, and the limit of the sources "
                f"lets {documents} in; raise `limit` (--limit)"
            )


def columns_of(recipe: Recipe) -> dict[str, Columns | None]:
    """Return the columns that each stage's kept rows carry, by name; None where they are not known beforehand."""
    carried: dict[str, Columns | None] = {}
    for node in recipe.nodes:
        with named_after(node):
            own = node.stage.adds()
        above = _common([carried[name] for name in node.inputs])
        if isinstance(node.stage, Maker) and above is not None:
            above = {**REQUIRED, **{name: kind for name, kind in above.items() if node.stage.passes_on(name)}}
        if isinstance(node.stage, Source | Maker | Filter):
            carried[node.name] = None if own is None or above is None else {**above, **own}
        else:
            carried[node.name] = {}  # a job leaves no rows
    return carried


def _common(inputs: Sequence[Columns | None]) -> Columns | None:
    """Return the columns that the rows of all inputs carry; without inputs, those of every Document."""
    first, *others = inputs or [dict(REQUIRED)]
    if first is None:
        return None
    common = dict(first)
    for other in others:
        if other is None:
            return None
        common = {name: kind if other[name] == kind else None for name, kind in common.items() if name in other}
    return common


def _check(need: Need, node: Node, giver: Node, above: Columns) -> None:
    there = [name for name in need.columns if name in above]
    where = f"{node.name}: {need.asked_by}: "
    if not there:
        near = did_you_mean(need.columns[0], above) if len(need.columns) == 1 else f"; known: {', '.join(above)}"
        raise UserError(
            f"{where}the rows of {giver.name!r} ({giver.use}) carry no column "
            f"{' or '.join(map(repr, need.columns))}{near}; {need.advice}"
        )
    kind = above[there[0]]
    if need.numbers and kind is not None and not _is_number(kind):
        raise UserError(
            f"{where}the column {there[0]!r} of {giver.name!r} ({giver.use}) holds {kind}, not numbers; name another"
        )


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(test(kind) for test in tests)


def _most_documents(recipe: Recipe) -> dict[str, int | None]:
    """Return how many documents can reach each stage at most, by the sources' limits; None where there is no limit."""
    most: dict[str, int | None] = {}
    for node in recipe.nodes:
        if isinstance(node.stage, Source):
            most[node.name] = getattr(node.stage, "limit", None)
            continue
        inputs = [most[name] for name in node.inputs]
        known = not isinstance(node.stage, Maker) and None not in inputs
        most[node.name] = sum(count or 0 for count in inputs) if known else None
    return most
