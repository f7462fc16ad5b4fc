"""`keep: last` in a recipe: once all is done, only stages that nothing reads further, or a job, hold their documents.

What earlier stages kept is removed from `stages/<name>-<key>/kept/`; their receipts, their dropped rows, plans and call
logs stay, and `released.json` says that the absence is meant. Such a stage counts as done as long as no stage that is
still to be worked on reads it; else its documents are made again, with the same bytes, from the stages above it.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curate.files.shards import write_json
from curate.recipe import Node
from curate.records.standing import standing
from curate.stage import Job

if TYPE_CHECKING:
    from curate.run.opened import Run

MARK = "released.json"


def is_released(directory: Path) -> bool:
    """Tell whether a stage's documents were removed on purpose."""
    return (directory / MARK).exists()


def unneeded(run: "Run", nodes: Sequence[Node], *, verify: bool = False) -> set[str]:
    """Return the stages without documents that no stage needs which is still to be worked on."""
    released = {node.name for node in nodes if is_released(run.stage_directory(node))}
    if not released:
        return set()
    working: set[str] = set()
    for node in reversed(nodes):
        if node.name in released:
            needed = node.name in working or run.is_whole(node) or not run.is_done(node)
        else:
            found = standing(run.stage_directory(node), verify=verify)
            needed = node.name in working or not run.is_done(node) or bool(found.damaged)
        if needed:
            working |= {node.name, *(name for name in (*node.inputs, *node.references) if name in released)}
    return released - working


def take_back(directory: Path) -> bool:
    """Let a stage's documents be missed again, so that they are made anew; tell whether they had been removed."""
    if not is_released(directory):
        return False
    (directory / MARK).unlink()
    return True


def release(run: "Run") -> int:
    """Remove the documents of stages that are read by other stages alone. Returns the bytes that this frees.

    The last stage goes first: what rests on the text of another (curate/files/lean.py) never outlives it.
    """
    freed = 0
    for node in reversed(run.recipe.nodes):
        kept = run.stage_directory(node) / "kept"
        if run.is_whole(node) or isinstance(node.stage, Job) or not kept.is_dir():
            continue
        size = sum(path.stat().st_size for path in kept.iterdir())
        write_json({"bytes": size}, run.stage_directory(node) / MARK)
        shutil.rmtree(kept)
        freed += size
    return freed
