"""What stages took in earlier runs on this machine: the nearest measure of what they will take.

In: the folder of all runs. Out: an `Earlier` for every stage that stands finished there. Nothing is opened but records
and the sums of receipts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from curate.records.receipts import record_or_none
from curate.records.status import disk_bytes

MOST = 300
"""Stages that are looked at, the newest first."""


@dataclass(frozen=True)
class Earlier:
    """One finished stage of a run."""

    where: str
    """Its run, such as `runs/mine`."""
    name: str
    use: str
    parameters: Mapping[str, Any]
    rows_in: int
    rows_kept: int
    bytes_in: int
    bytes_kept: int
    work_s: float
    """Of all workers together, planning included."""
    wall_s: float
    disk_bytes: int
    metrics: Mapping[str, float]
    """What the stage counted itself, its plan included."""
    model: tuple[str, str] | None = None
    """Backend and model that it asked, if it asked one."""

    @property
    def tokens(self) -> tuple[float, float] | None:
        """Prompt and completion tokens, if it asked a model."""
        found = [self.metrics.get(name) for name in ("prompt_tokens", "completion_tokens")]
        return None if None in found else (float(found[0] or 0), float(found[1] or 0))


def earlier_stages(runs: Path) -> list[Earlier]:
    """Return the finished stages of all runs in a folder."""
    records = sorted(runs.glob("*/stages/*/stage.json"), key=lambda path: -path.stat().st_mtime)[:MOST]
    return [found for path in records if (found := _read(path.parent)) is not None]


def _read(directory: Path) -> Earlier | None:
    record = record_or_none(directory)
    if record is None or record.state != "done":
        return None
    try:
        sums = json.loads((directory / "stats.json").read_text(encoding="utf-8"))
        metrics = dict(sums["metrics"])
        for name, value in record.plan_metrics.items():
            metrics[name] = metrics.get(name, 0.0) + value
        return Earlier(
            where=str(directory.parents[1]),
            name=record.name,
            use=record.use,
            parameters=record.parameters,
            rows_in=sums["rows_in"],
            rows_kept=sums["rows_kept"],
            bytes_in=sums["bytes_in"],
            bytes_kept=sums["bytes_kept"],
            work_s=sums["seconds"] + record.plan_seconds,
            wall_s=record.wall_seconds,
            disk_bytes=disk_bytes(directory),
            metrics=metrics,
            model=_model(directory.parents[1], record.parameters.get("model")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _model(run: Path, name: object) -> tuple[str, str] | None:
    """Return which model a run's recipe means by a name."""
    if not isinstance(name, str):
        return None
    try:
        spec = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))["models"][name]
        return str(spec["backend"]), str(spec["model"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None


def nearest(found: Sequence[Earlier], use: str, name: str, same: Mapping[str, Any] | None = None) -> Earlier | None:
    """Return the stage of that kind which says most: one of the same name first, then the one that worked on most.

    With `same`, only one whose parameters have these values.
    """
    fitting = [each for each in found if each.use == use and (same or {}).items() <= dict(each.parameters).items()]
    return max(fitting, key=lambda each: (each.name == name, each.rows_in), default=None)
