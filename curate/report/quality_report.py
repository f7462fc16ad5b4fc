"""The quality report: the profile of the documents before and after each stage of a run.

In: a run directory. Out: one Change for every finished stage that has documents, as data, as JSON, and as a table for
the terminal and the report. A profile is kept in the stage's directory as `profile.json` and read from there as long
as the stage's shards stay what they are, so a second report costs nothing. What the figures mean:
curate/text/profile.py.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from curate.errors import UserError
from curate.files.shards import list_shards, write_json
from curate.records.receipts import read_receipts, read_record
from curate.records.status import RunFiles, StageFiles, read_run
from curate.report.findings import read_json
from curate.terminal import display
from curate.terminal import drawing as terminal
from curate.text.profile import SAMPLE, VERSION, Profile, profile


@dataclass(frozen=True)
class Change:
    """A stage, and its documents before and after. `before` is None for stages that begin anew: sources and makers."""

    stage: str
    use: str
    before: Profile | None
    after: Profile


@dataclass(frozen=True)
class Figure:
    """One column of the table: its title, what it says, and its text for a profile (None: nothing to say)."""

    title: str
    meaning: str
    text: Callable[[Profile], str | None]


def share(value: float | None) -> str | None:
    """Return a share with one decimal; what is not all or nothing never looks as if it were.

    >>> share(0.5), share(1.0), share(0.99999), share(0.00001), share(None)
    ('50.0 %', '100 %', '>99.9 %', '<0.1 %', None)
    """
    if value is None:
        return None
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    return "<0.1 %" if value < 0.0005 else ">99.9 %" if value > 0.9995 else f"{100 * value:.1f} %"


def _indentation(found: Profile) -> str | None:
    return share(1 - found.indentation["mixed"]) if found.indentation else None


def _permissive(found: Profile) -> str | None:
    return share(found.licence_classes["permissive"] / found.documents) if found.licence_classes else None


FIGURES = (
    Figure("documents", "", lambda found: display.number(found.documents)),
    Figure("text", "", lambda found: display.size(found.bytes)),
    Figure(
        "tokens", "words and signs; a model's tokenizer counts otherwise", lambda found: display.amount(found.tokens)
    ),
    Figure("complete", "cells of metadata columns that are filled", lambda found: share(found.complete)),
    Figure(
        "parse",
        f"documents that are valid Python, or prose (not seeds) with valid code; {SAMPLE} at most are tried",
        lambda found: share(found.parses),
    ),
    Figure("duplicate", "documents with the words of another one", lambda found: share(found.duplicates)),
    Figure("repeated", "text in lines that stand elsewhere too", lambda found: share(found.repeated_text)),
    Figure("noise", "documents with control characters or blobs", lambda found: share(found.noise)),
    Figure(
        "outliers",
        "documents with a line over 1,000 characters, under 25 % letters and digits, under 50 bytes or over 1 MB",
        lambda found: share(found.outliers),
    ),
    Figure(
        "encoding",
        "documents of one encoding: no trace of bad decoding, one kind of line end",
        lambda found: share(found.uniform_encoding),
    ),
    Figure("indent", "documents of one indentation: not both tabs and spaces", _indentation),
    Figure("permissive", "documents under a permissive licence", _permissive),
    Figure("median date", "", lambda found: found.dates.get("median")),
)


def changes(run: RunFiles) -> list[Change]:
    """Return the profile of every finished stage that has documents, in recipe order, beside that of its input."""
    parsed: dict[bytes, bool] = {}
    after: dict[str, Profile] = {}
    found = []
    for stage in run.stages:
        record = read_record(stage.directory)
        if record is None or record.state != "done" or not list_shards(stage.directory / "kept"):
            continue
        after[stage.name] = _kept_profile(stage.directory / "profile.json", [stage], parsed)
        found.append(Change(stage.name, stage.use, _before(run, stage, after, parsed), after[stage.name]))
    return found


def _before(
    run: RunFiles, stage: StageFiles, after: Mapping[str, Profile], parsed: dict[bytes, bool]
) -> Profile | None:
    if stage.use.startswith(("source.", "synth.")) or not all(name in after for name in stage.inputs):
        return None
    if len(stage.inputs) == 1:
        return after[stage.inputs[0]]
    return _kept_profile(stage.directory / "profile-before.json", [run.stage(name) for name in stage.inputs], parsed)


def _kept_profile(path: Path, stages: Sequence[StageFiles], parsed: dict[bytes, bool]) -> Profile:
    """Return the profile of the stages' kept shards: the one that stands if it is of these shards, else a new one."""
    held = [receipt for stage in stages for receipt in read_receipts(stage.directory)]
    receipts = [(each.shard, each.rows_kept, each.kept_sha256 + each.base_sha256) for each in held]
    shape = [each.name for each in fields(Profile)]
    digest = hashlib.sha256(repr((VERSION, SAMPLE, shape, receipts)).encode()).hexdigest()
    stands = None
    with suppress(UserError):
        stands = read_json(path)
    if isinstance(stands, dict) and stands.get("digest") == digest:
        return Profile(**stands["profile"])
    found = profile([path for stage in stages for path in list_shards(stage.directory / "kept")], parsed)
    write_json({"digest": digest, "profile": asdict(found)}, path)
    return found


def cells(found: Sequence[Change]) -> list[tuple[Figure, list[tuple[str | None, str | None]]]]:
    """Return the columns that say something: each figure with (before, after) of every change.

    `before` is None where nothing stood before, or where it reads the same as after.
    """
    columns = []
    for figure in FIGURES:
        pairs = []
        for change in found:
            after = figure.text(change.after)
            before = figure.text(change.before) if change.before else None
            pairs.append((before if before != after else None, after))
        if any(after is not None for _, after in pairs):
            columns.append((figure, pairs))
    return columns


def quality_text(directory: Path, *, as_json: bool = False, wide: bool = False) -> str:
    """Return what `curate report --quality` prints; in a terminal in as many blocks as fit, unless `wide`.

    Raises UserError for a directory that is no run.
    """
    found = changes(read_run(directory))
    if as_json:
        return json.dumps([asdict(change) for change in found], indent=2, ensure_ascii=False)
    if not found:
        return "no stage with documents is finished yet"
    figures = cells(found)
    columns = [terminal.Column("stage", [display.one_line(change.stage) for change in found], left=True)]
    columns += [
        terminal.Column(figure.title, [" → ".join(filter(None, pair)) for pair in pairs]) for figure, pairs in figures
    ]
    blocks = terminal.stack(columns, None if wide else terminal.room())
    parts: list[RenderableType] = []
    for block in blocks:
        parts += [Text("")] if parts else []
        parts.append(terminal.draw(block))
    parts += [Text("before → after; one figure where both read the same", "quiet")]
    parts += [Text(f"{figure.title}: {figure.meaning}", "quiet") for figure, _ in figures if figure.meaning]
    return terminal.render(Group(*parts), max(map(terminal.width_of, blocks)) if wide else None)
