"""Which stages of a run are exported: finished, whole on disk, and of one kind.

In: a run directory and names of stages. Out: the stages with their receipts. Without names, the corpus: what training
reads, or what no later stage reads on (curate/report/corpus.py). Every byte of what is exported is compared with the
receipts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import UserError
from curate.records.receipts import Receipt, read_record
from curate.records.standing import standing
from curate.records.status import RunFiles, StageFiles, read_run, status
from curate.report.corpus import ends

TRAINING = "train."
CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")
"""A user's name and password before a host."""


@dataclass(frozen=True)
class Goods:
    """What is exported: the run, and its stages in the run's order."""

    files: RunFiles
    stages: tuple[StageFiles, ...]

    @property
    def is_model(self) -> bool:
        """Whether it is a model and no documents."""
        return self.stages[0].use.startswith(TRAINING)

    def recipe(self) -> str:
        """Return the recipe without what stands before the @ of an address."""
        return CREDENTIALS.sub("", (self.files.directory / "recipe.yaml").read_text(encoding="utf-8"))


def choose(run: Path, names: Sequence[str] = ()) -> Goods:
    """Return the stages that are named, or those that hold the corpus.

    Raises UserError for a stage that there is not, that is not done, or that holds neither documents nor a model, and
    for models beside other things.
    """
    files = read_run(run)
    known = {stage.name: stage for stage in files.stages}
    found = list(dict.fromkeys(names)) or ends(status(run)["stages"])
    if not found:
        raise UserError(f"{run} holds no documents (yet); continue it with `curate run RECIPE`")
    chosen = [files.stage(name) for name in found]
    models = [stage.name for stage in chosen if stage.use.startswith(TRAINING)]
    if models and len(chosen) > 1:
        raise UserError(f"{', '.join(found)}: a model is exported alone; name {models[0]} without the others")
    for stage in chosen:
        record = read_record(stage.directory)
        if record is None or record.state != "done":
            state = record.state if record else "not begun"
            raise UserError(f"stage {stage.name!r} is {state}; finish it with `curate run RECIPE`, then export it")
        if not models and not (stage.directory / "kept").is_dir():
            raise UserError(f"stage {stage.name!r} ({stage.use}) holds no documents; name one that keeps some")
    return Goods(files, tuple(stage for name, stage in known.items() if stage in chosen))


def receipts_of(stage: StageFiles) -> list[Receipt]:
    """Return a stage's receipts once every byte that they speak of is as they say. Raises UserError."""
    found = standing(stage.directory, verify=True)
    if found.damaged:
        raise UserError(
            f"stage {stage.name!r} is damaged on disk: {found.told()}; make it again with `curate run RECIPE --verify`"
        )
    return found.receipts
