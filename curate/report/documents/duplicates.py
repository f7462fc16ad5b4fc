"""One cluster of a deduplication stage, to look at: its survivors, and what each dropped document differs in.

In: a run directory, a stage, the id of any document of the cluster. Out: a `Cluster` of plain values, and text of it
for a terminal. Texts of documents are not trusted: `render_cluster` shows control characters instead of sending them.

A cluster is what the stage wrote down: documents that hang together by verified pairs. It may have several survivors;
those that stand for no other document are not named in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curate.errors import UserError
from curate.files.shards import list_shards, read_schema, read_shard
from curate.records.status import StageFiles, read_run
from curate.report.documents.browse import plain
from curate.report.excerpts import difference
from curate.report.findings import fetch
from curate.terminal import display
from curate.terminal import drawing as terminal
from curate.terminal.excerpts import WIDTH, excerpt

DIFF_LINES = 60
STYLES = {"+": "good", "-": "bad", "@": "live"}
EVIDENCE = ("similarity", "survivor", "cluster", "reason")


@dataclass(frozen=True)
class Cluster:
    """Documents that hang together."""

    name: str
    survivors: int
    dropped: int
    members: list[dict[str, Any]]
    """Rows, first the survivors of those dropped rows that are shown, then these, the least similar first. Each has
    `fate` (kept or dropped); a dropped one has `diff`, the lines of a unified diff that turns its survivor into it, or
    None where its survivor stands in an earlier corpus, `corpus`."""


def read_cluster(run: Path, stage: str, document: str, *, count: int = 5) -> Cluster:
    """Return the cluster of a document with the `count` dropped members that are least like their survivor.

    Raises UserError for an unknown run or stage, and for a document that is in no cluster there.
    """
    files = read_run(run).stage(stage)
    rows = _members(files, document)
    if not rows:
        raise UserError(
            f"no document {document!r} in a cluster of {stage!r}; `curate show {run} {stage} --dropped` prints ids"
        )
    rows.sort(key=lambda row: (row["similarity"], row["id"]))
    survivors = {row["survivor"] for row in rows}
    shown = rows[:count]
    gone = fetch(files, "dropped", {row["id"] for row in shown})
    kept = fetch(files, "kept", {row["survivor"] for row in shown if gone[row["id"]].get("corpus") is None})
    members = [{"fate": "kept", **kept[name]} for name in sorted(kept)]
    for row in shown:
        member = gone[row["id"]]
        own = member.get("corpus") is None
        diff = difference(kept[row["survivor"]]["text"], member["text"], context=2) if own else None
        members.append({"fate": "dropped", **member, "diff": diff})
    return Cluster(rows[0]["cluster"], len(survivors), len(rows), [plain(member) for member in members])


def _members(files: StageFiles, document: str) -> list[dict[str, Any]]:
    """Return id, survivor, similarity and cluster of the dropped rows that hang together with a document."""
    tables = list(_dropped(files))
    for table in tables:
        columns = [pc.equal(table.column(name), document) for name in ("id", "survivor", "cluster")]
        place = pc.index(pc.or_(pc.or_(columns[0], columns[1]), columns[2]), True).as_py()
        if place >= 0:
            name = table.column("cluster")[place]
            return [
                row for table in tables for row in table.filter(pc.equal(table.column("cluster"), name)).to_pylist()
            ]
    return []


def _dropped(files: StageFiles) -> Iterator[pa.Table]:
    """Yield what each shard dropped as a duplicate. Where a stage names no cluster, its survivor is its name."""
    for path in list_shards(files.directory / "dropped"):
        names = read_schema(path).names
        if "survivor" not in names or "similarity" not in names:
            continue
        table = read_shard(path, ["id", *(name for name in ("survivor", "similarity", "cluster") if name in names)])
        table = table.filter(pc.is_valid(table.column("survivor")))
        yield table if "cluster" in names else table.append_column("cluster", table.column("survivor"))


def render_cluster(cluster: Cluster) -> str:
    """Return a cluster for a terminal: its members side by side, then what each dropped one changes."""
    gone = [member for member in cluster.members if member["fate"] == "dropped"]
    shown = f", {len(gone)} least similar shown (-n N shows more)" if len(gone) < cluster.dropped else ""
    heading = Text.assemble(
        ("cluster ", "bold"), (display.one_line(cluster.name), "bold"),
        f"  {cluster.dropped:,} dropped for {cluster.survivors:,} that stay{shown}",
    )  # fmt: skip
    parts: list[RenderableType] = [heading, _side_by_side(cluster.members)]
    for member in gone:
        name, survivor = display.one_line(member["id"]), display.one_line(member["survivor"])
        title = Text(f"── {name}  {member['similarity']:.3f} like {survivor}", style="bold")
        where = f"which stands in {display.one_line(member['corpus'])}" if member["diff"] is None else ""
        parts += [title, Text(where, style="quiet") if where else coloured(member["diff"])]
    return terminal.render(Group(*parts))


def _side_by_side(members: list[dict[str, Any]]) -> Table:
    """Return a table of the members with their metadata, but for columns in which all agree."""
    facts = {
        name: [member.get(name) for member in members]
        for name in dict.fromkeys(name for member in members for name in member)
        if name not in ("id", "fate", "text", "diff", *EVIDENCE)
    }
    told = [name for name, values in facts.items() if len(set(map(str, values))) > 1]
    table = Table(box=None, pad_edge=False, header_style="quiet")
    for name in ("", "id", "similarity", "lines", *told):
        table.add_column(display.one_line(name), overflow="fold")
    for member in members:
        colour = "good" if member["fate"] == "kept" else "bad"
        table.add_row(
            Text(member["fate"], style=colour), _cell(member, "id"), _cell(member, "similarity"),
            Text(f"{len(member['text'].splitlines()):,}"), *(_cell(member, name) for name in told),
        )  # fmt: skip
    return table


def _cell(member: Mapping[str, Any], name: str) -> Text:
    value = member.get(name)
    return Text("" if value is None else display.one_line(value, 60))


def coloured(diff: list[str]) -> Text:
    """Return the lines of a diff, each in the colour of what it says."""
    if not diff:
        return Text("the same lines", style="quiet")
    cut = excerpt("\n".join(diff), DIFF_LINES, width=WIDTH)
    lines = [Text(line, style=STYLES.get(line[:1], "")) for line in cut.lines]
    if cut.after:
        lines.append(Text(f"… {cut.after:,} more lines (--json prints all)", style="quiet"))
    return Text("\n").join(lines)
