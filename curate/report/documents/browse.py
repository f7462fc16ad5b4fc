"""Reading what a run kept and dropped: `show` prints documents of one stage, `trace` the life of one document.

In: a run directory. Out: plain values ready for JSON (as text for a terminal: curate/report/documents/showing.py). A
condition that the user gives in SQL sees the rows of one shard at a time and nothing else: no files, no network, no
extensions.

Documents are found by a scan of the id columns, a shard at a time, so memory is bounded by one shard.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UserError, did_you_mean
from curate.files.shards import list_shards, read_jsonl, read_schema, read_shard
from curate.records.receipts import read_receipts, read_record, total
from curate.records.status import RunFiles, StageFiles, read_run
from curate.terminal import display

PARENT = "seed_id"  # the column of a made document that names the document it was made from
HALVES = ("kept", "dropped")
IDS_SHOWN = 10
IDS_COMPARED = 20_000  # ids that a misspelt one is compared with: more would take seconds


def show(
    run: Path,
    stage: str,
    *,
    dropped: bool = False,
    reason: str | None = None,
    count: int = 10,
    where: str | None = None,
) -> list[dict[str, Any]]:
    """Return the first `count` rows of a stage, in shard order, as dictionaries.

    dropped   read the dropped rows, which carry `reason` and evidence, instead of the kept ones
    reason    only rows dropped for this reason (implies `dropped`)
    where     only rows for which this SQL condition over the columns holds, such as `length(text) < 500`

    Raises UserError for an unknown run, stage or reason, a stage without documents, or a condition that fails.
    """
    files = read_run(run).stage(stage)
    half = files.directory / ("dropped" if dropped or reason is not None else "kept")
    if not half.is_dir():
        raise UserError(
            f"stage {stage!r} ({files.use}) holds no {half.name} documents (yet); see `curate status {run}`"
        )
    if reason is not None:
        known = total(read_receipts(files.directory))["dropped_by_reason"]
        if reason not in known:
            raise UserError(f"stage {stage!r} dropped nothing for reason {reason!r}{did_you_mean(reason, known)}")
    return list(islice(_rows(list_shards(half), reason, where, count), count))


def cut_of(run: Path, stage: str) -> float | None:
    """Return what a stage measured the `score` or the `similarity` of its rows against, where it is one number for all.

    Rows of `filter.heuristics` and of decontamination bring a `cut` of their own. A quality filter that adds noise
    ranks by score and noise together, so that no score is its cut.
    """
    files = read_run(run).stage(stage)
    record = read_record(files.directory)
    return None if record is None else known_cut(files.use, record.parameters, record.plan_metrics)


def known_cut(use: str, parameters: Mapping[str, Any], plan_metrics: Mapping[str, float]) -> float | None:
    """Return the cut of a stage with these parameters and this plan, as `cut_of` does."""
    if parameters.get("noise"):
        return None
    known = {
        "filter.quality": plan_metrics.get("cut"),
        "filter.rubric": parameters.get("minimum"),
        "filter.annotate": parameters.get("minimum"),
        "dedup.minhash": parameters.get("threshold"),
    }
    return known.get(use)


def _rows(shards: list[Path], reason: str | None, where: str | None, count: int) -> Iterator[dict[str, Any]]:
    for path in shards:
        table = read_shard(path)
        if reason is not None:
            table = table.filter(pc.equal(table.column("reason"), reason))
        if where is not None:
            table = _select(table, where, count)
        for row in table.slice(0, count).to_pylist():
            yield plain(row)


def _select(table: pa.Table, where: str, count: int) -> pa.Table:
    """Return the rows for which the condition holds. The engine is closed first: it reaches this table alone."""
    import duckdb

    closed = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "threads": "1",
    }
    with duckdb.connect(":memory:", config=closed) as connection:
        connection.execute("SET lock_configuration = true")
        connection.register("documents", table)
        try:
            found = connection.sql(f"SELECT * FROM documents WHERE (\n{where}\n) LIMIT {count:d}")
            return found.to_arrow_table() if found is not None else table.slice(0, 0)
        except duckdb.Error as error:
            detail = display.one_line(str(error).splitlines()[0], 200)
            columns = ", ".join(table.column_names)
            raise UserError(f"--where {where!r}: {detail}; the columns are: {columns}") from error


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: no bytes, no dates, no numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


@dataclass(frozen=True)
class Step:
    """What one stage did with one document."""

    document: str
    stage: str
    use: str
    fate: str
    """`read` from a source, `made`, `kept`, `dropped`, or `used` by a stage that made others of it or read it whole."""
    shard: str
    reason: str | None = None
    gained: dict[str, Any] = field(default_factory=dict)
    """Columns that the stage added or changed."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """What only a dropped row carries: the score that broke the rule, the survivor, the similarity."""
    absorbed: int = 0
    """How many duplicates this document stands for since."""
    absorbed_ids: list[str] = field(default_factory=list)
    made: int = 0
    """How many documents the stage made from this one."""
    made_ids: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    """The LLM calls behind a made document."""


def trace(run: Path, document_id: str) -> list[dict[str, Any]]:
    """Return the life of one document as steps (see `Step`), through the current stages in order.

    A made document starts with the life of what it was made from. Raises UserError for an unknown run, or for an
    unknown id with the nearest ones.
    """
    files = read_run(run)
    steps = _life(files, document_id)
    if not steps:
        raise UserError(f"no document {document_id!r} in {run}{_nearest(files, document_id)}")
    seen = {document_id}
    parent = steps[0].gained.get(PARENT)
    while isinstance(parent, str) and parent not in seen:
        seen.add(parent)
        before = _life(files, parent)
        steps = before + steps
        parent = before[0].gained.get(PARENT) if before else None
    return [plain(asdict(step)) for step in steps]


def _life(files: RunFiles, document: str) -> list[Step]:
    """Follow one document: it is looked for where it is not born yet, then only below stages that kept it."""
    steps: list[Step] = []
    rows: dict[str, dict[str, Any]] = {}
    for stage in files.stages:
        above = next((rows[name] for name in stage.inputs if name in rows), None)
        if steps and above is None:
            continue
        step, row = _find(stage, document, above)
        if step is None:
            continue
        steps.append(step)
        if step.fate in ("read", "made", "kept"):
            rows[stage.name] = row
    return steps


def _find(stage: StageFiles, document: str, above: dict[str, Any] | None) -> tuple[Step | None, dict[str, Any]]:
    """Return what a stage did with a document, and its row there; (None, {}) where the stage never met it."""
    for half in HALVES:
        for path in list_shards(stage.directory / half):
            position = pc.index(read_shard(path, ["id"]).column("id"), document).as_py()
            if position >= 0:
                row = read_shard(path).slice(position, 1).to_pylist()[0]
                return _step(stage, path, half, row, above), row
    if above is None:
        return None, {}
    made, made_ids = _count_matches(stage, "kept", PARENT, document)
    job_is_done = (stage.directory / "done" / "job.json").exists()
    if not made and not job_is_done:
        return None, {}
    return Step(document, stage.name, stage.use, "used", "", made=made, made_ids=made_ids), {}


def _step(stage: StageFiles, path: Path, half: str, row: dict[str, Any], above: dict[str, Any] | None) -> Step:
    fate = half
    if half == "kept" and above is None:
        fate = "made" if stage.inputs else "read"
    evidence_names = _evidence_columns(stage, path) if half == "dropped" else set()
    gained = {
        name: value
        for name, value in row.items()
        if value is not None
        and name not in {"id", "text", "reason"} | evidence_names
        and (above is None or above.get(name) != value)
    }
    absorbed, absorbed_ids = _count_matches(stage, "dropped", "survivor", row["id"])
    return Step(
        document=row["id"],
        stage=stage.name,
        use=stage.use,
        fate=fate,
        shard=path.stem,
        reason=row.get("reason") if half == "dropped" else None,
        gained=gained,
        evidence={name: row[name] for name in sorted(evidence_names) if row[name] is not None},
        absorbed=absorbed,
        absorbed_ids=absorbed_ids,
        calls=_calls(stage, row) if above is None and stage.inputs else [],
    )


def _evidence_columns(stage: StageFiles, path: Path) -> set[str]:
    """Return the columns that dropped rows have and kept rows of the same shard have not."""
    kept = stage.directory / "kept" / path.name
    if not kept.exists():
        return set()
    return set(read_schema(path).names) - set(read_schema(kept).names) - {"reason"}


def _count_matches(stage: StageFiles, half: str, column: str, value: str) -> tuple[int, list[str]]:
    """Return how many rows of one half of a stage hold the value in a column, and the first few ids."""
    count = 0
    ids: list[str] = []
    for path in list_shards(stage.directory / half):
        if column not in read_schema(path).names:
            continue
        table = read_shard(path, ["id", column])
        found = table.column("id").filter(pc.fill_null(pc.equal(table.column(column), value), False))
        count += len(found)
        ids += found.slice(0, IDS_SHOWN - len(ids)).to_pylist()
    return count, ids


def _calls(stage: StageFiles, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the logged LLM calls whose id is the document's or its seed's, or starts with it and a separator."""
    names = tuple(str(row[name]) for name in ("id", PARENT) if row.get(name))
    calls = []
    for path in sorted((stage.directory / "calls").glob("*.jsonl")):
        for call in read_jsonl(path):
            request = call.get("request", call)
            identity = str(request.get("id", ""))
            if any(identity == name or identity.startswith((f"{name}/", f"{name}#", f"{name}:")) for name in names):
                calls.append(call)
    return calls


def _nearest(files: RunFiles, document: str) -> str:
    """Suggest known ids that hold the given one, else the one spelt most like it."""
    near: list[str] = []
    compared: list[str] = []
    births = [stage for stage in files.stages if stage.use.startswith(("source.", "synth."))]
    for path in [path for stage in births for half in HALVES for path in list_shards(stage.directory / half)]:
        ids = read_shard(path, ["id"]).column("id")
        near += ids.filter(pc.match_substring(ids, document)).slice(0, 3).to_pylist() if document else []
        compared += ids.slice(0, IDS_COMPARED - len(compared)).to_pylist()
        if len(near) >= 3:
            break
    if near:
        return f"; did you mean {', '.join(repr(display.one_line(name)) for name in near[:3])}?"
    guess = did_you_mean(document, compared)
    return guess if guess.startswith("; did you mean") else "; `curate show` prints the ids of a stage's documents"
