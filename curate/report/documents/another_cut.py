"""What another cut would change, without running: `curate show RUN quality --keep 0.3`.

In: a finished stage that keeps a share of its documents by score (`filter.quality`, `select.target`), and another one.
Out: an `OtherCut`, as data and as text for a terminal. The scores are those that the stage noted, and the cut is found
as the stage finds it (curate/filters/selection/ranking.py), ties and noise included, so that a run with that share
keeps just these documents. Not covered: what the stages below would make of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Group, RenderableType
from rich.text import Text

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard
from curate.filters.selection.ranking import find_cut, kept_at
from curate.records.receipts import StageRecord, read_receipts, read_record, total
from curate.records.status import RunFiles, StageFiles, read_run
from curate.report.documents.browse import plain
from curate.report.findings import columns, fetch
from curate.stage import Context
from curate.terminal import display
from curate.terminal import drawing as terminal
from curate.text.buffers import text_buffers

COLUMNS = {"filter.quality": "quality", "select.target": "target_weight"}
"""The stages that keep a share, and the column of their score."""
LINES = 12


@dataclass(frozen=True)
class Share:
    """What is kept at one cut."""

    keep: float
    documents: int
    bytes: int | None
    """Of text; None where the run no longer has all of it (`keep: last`), as are the tokens."""
    tokens: int | None
    """Words and signs, as in `curate report --quality`; a model's tokenizer counts otherwise."""
    cut: float
    """The score from which documents are kept; of a stage that adds noise, the score and noise together."""
    mean_score: float


@dataclass(frozen=True)
class OtherCut:
    """The cut of a run beside another one."""

    run: str
    stage: str
    use: str
    documents_in: int
    now: Share
    then: Share
    noisy: bool
    fate: str
    """What becomes of the documents that are judged otherwise: they are newly `dropped` or newly `kept`; or `same`."""
    changed: int
    lowest: float | None
    """The scores of these documents, from to."""
    highest: float | None
    examples: list[dict[str, Any]]
    """Some of them: whole rows with their score, from the new cut on."""
    runs_again: list[str]
    """The stages below, which another cut would run again."""


def another_cut(run: Path, stage: str, keep: float, *, count: int = 5) -> OtherCut:
    """Return what `keep` would change, with `count` of the documents that would be judged otherwise.

    Raises UserError for a share that is none, and for a stage that keeps no share or has not finished.
    """
    if not 0 < keep <= 1:
        raise UserError(f"--keep {keep:g}: it must be a share above 0 and at most 1, such as 0.3")
    files = read_run(run)
    found = files.stage(stage)
    record = _record(found, run)
    context = Context(stage, int(files.facts.get("seed") or 0), found.directory)
    scores = pa.concat_tables([read_shard(path) for path in list_shards(context.plan / "scores")]).combine_chunks()
    known = json.loads((context.plan / "plan.json").read_text(encoding="utf-8"))
    ids, ranks = scores.column("id"), scores.column("rank").to_numpy()
    cut, tie = find_cut(ranks, keep, context)
    now = kept_at(known["cut"], known["tie"], ranks, ids, context)
    then = kept_at(cut, tie, ranks, ids, context)
    value = scores.column("score").to_numpy()
    sizes = _sizes(found, ids)
    changed = np.flatnonzero(now != then)
    fate = "same" if not len(changed) else "dropped" if now[changed[0]] else "kept"
    return OtherCut(
        run=str(run),
        stage=stage,
        use=found.use,
        documents_in=len(ids),
        now=_share(record.parameters["keep"], now, known["cut"], value, sizes),
        then=_share(keep, then, cut, value, sizes),
        noisy=found.use == "select.target" or bool(record.parameters.get("noise")),
        fate=fate,
        changed=len(changed),
        lowest=float(value[changed].min()) if len(changed) else None,
        highest=float(value[changed].max()) if len(changed) else None,
        examples=_examples(found, scores, changed, fate, count),
        runs_again=_below(files, stage),
    )


def _record(found: StageFiles, run: Path) -> StageRecord:
    record = read_record(found.directory)
    if found.use not in COLUMNS:
        raise UserError(
            f"--keep: {found.name!r} ({found.use}) keeps no share by score; this is for {' and '.join(COLUMNS)}"
        )
    receipts = total(read_receipts(found.directory))
    if record is None or record.state != "done" or not receipts["rows_in"]:
        raise UserError(f"{found.name!r} has not judged its documents (yet); see `curate status {run}`")
    return record


def _sizes(found: StageFiles, ids: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Return bytes and tokens of each document; None where the run no longer has the text of all."""
    from curate.text import scan

    place = {name: row for row, name in enumerate(ids.to_pylist())}
    sizes, tokens = np.full(len(ids), -1, np.int64), np.zeros(len(ids), np.int64)
    for half in ("kept", "dropped"):
        for _, table in columns(found, half, ["id", "text"]):
            data, offsets = text_buffers(table.column("text"))
            rows = np.array([place[name] for name in table.column("id").to_pylist()], np.int64)
            sizes[rows], tokens[rows] = np.diff(offsets), scan.scan(data, offsets)[0][:, scan.TOKENS]
    return None if (sizes < 0).any() else (sizes, tokens)


def _share(
    keep: float,
    mask: npt.NDArray[np.bool_],
    cut: float,
    scores: npt.NDArray[np.float64],
    sizes: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None,
) -> Share:
    size, tokens = (None, None) if sizes is None else (int(each[mask].sum()) for each in sizes)
    return Share(keep, int(mask.sum()), size, tokens, float(cut), float(scores[mask].mean()))


def _examples(
    found: StageFiles, scores: pa.Table, changed: npt.NDArray[np.intp], fate: str, count: int
) -> list[dict[str, Any]]:
    """Return some of the documents that are judged otherwise, evenly from those next to the new cut to the furthest."""
    ranks = scores.column("rank").to_numpy()[changed]
    order = changed[np.argsort(-ranks if fate == "dropped" else ranks, kind="stable")]
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))]
    picked = scores.take(pa.array(chosen)).to_pylist()
    rows = fetch(found, "kept" if fate == "dropped" else "dropped", {row["id"] for row in picked})
    told = [{**rows[row["id"]], "score": row["score"]} for row in picked if row["id"] in rows]
    return [plain({name: value for name, value in row.items() if name != "reason"}) for row in told]


def _below(files: RunFiles, stage: str) -> list[str]:
    below = {stage}
    for each in files.stages:
        if below & set(each.inputs):
            below.add(each.name)
    return [each.name for each in files.stages if each.name in below]


def render_cut(found: OtherCut) -> str:
    """Return it for a terminal: the two cuts side by side, then some of the documents between them."""
    head = Text.assemble(
        (found.stage, "bold"), f" of {found.run}: keep {found.then.keep:g} instead of {found.now.keep:g}, "
        f"of {found.documents_in:,} documents",
    )  # fmt: skip
    parts: list[RenderableType] = [head, terminal.draw(_table(found))]
    if found.then.bytes is None:
        parts.append(Text("the run no longer has all texts (keep: last), so their size is not known", "quiet"))
    if found.noisy:
        parts.append(Text("the cut is of score and noise together", "quiet"))
    parts += [_between(found), Text("")]
    for row in found.examples:
        name = Text.assemble(("── ", "bold"), (display.one_line(row["id"]), "bold"))
        parts += [name.append(f"  score {display.number(row['score'])}"), terminal.code(str(row["text"]), LINES)]
        parts.append(Text(""))
    return terminal.render(Group(*parts))


def _table(found: OtherCut) -> Sequence[terminal.Column]:
    now, then = vars(found.now), vars(found.then)
    rows = (
        ("documents", "documents", display.number),
        ("text", "bytes", display.size),
        ("tokens (words and signs)", "tokens", display.amount),
        ("cut", "cut", display.number),
        ("mean score", "mean_score", display.number),
    )
    cells: Mapping[str, list[str]] = {
        "": [title for title, _, _ in rows],
        "now": [show(now[name]) for _, name, show in rows],
        "then": [show(then[name]) for _, name, show in rows],
        "change": [_change(now[name], then[name]) if name not in ("cut", "mean_score") else "" for _, name, _ in rows],
    }
    return [terminal.Column(title, shown, left=not title) for title, shown in cells.items()]


def _change(now: float | None, then: float | None) -> str:
    if now is None or then is None or not now:
        return "–"
    return f"{100 * (then / now - 1):+.0f} %"


def _between(found: OtherCut) -> Text:
    if found.fate == "same":
        return Text("the same documents are kept")
    line = Text.assemble(
        f"{found.changed:,} newly ", (found.fate, "bad" if found.fate == "dropped" else "good"),
        f", score {display.number(found.lowest)} to {display.number(found.highest)}",
    )  # fmt: skip
    again = f"--set stages.{found.stage}.keep={found.then.keep:g} would make again: {', '.join(found.runs_again)}"
    return line.append(f"\n{again}", "quiet")
