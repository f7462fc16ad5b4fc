"""A model's folder in results/: what proves its row, and nothing that repeats a benchmark.

    model.json                         what it is and what it cost: recipe, commit, seed, tokens, GPU seconds, dollars
    scores.json                        as `curate eval` wrote it, with the files below
    curate.json                        the account that lies beside the weights
    <protocol>.samples.jsonl.gz        what the model wrote, without what it was asked (eval/again.py)
    <protocol>.results.jsonl           the verdicts
    <protocol>.bits.jsonl              what each reference solution costs it
    ../recipe-<digest>.yaml            the recipe, once for all models of a run
    ../exercises-<digest>.jsonl.gz     the held-out exercises that were asked

In: a run. Out: those. Scores at a temperature carry it in the names of their files.
"""

import gzip
import hashlib
import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.eval.again import keep_answers, score_again
from curate.eval.judging.passk import estimate
from curate.files.shards import list_shards, read_jsonl, read_shard, write_json
from curate.table.rows import scores_path

Key = tuple[str, int]
"""A sample: its task and its number."""


def add(
    run: Path,
    results: Path,
    only: Mapping[str, str],
    related: str | None,
    price: float | None,
    commit: str | None,
) -> Iterator[Path]:
    """Keep the models of a run that were scored; yield their folders, which `only` may name. Raises UserError where
    there are none."""
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    stages = {stage["name"]: stage for stage in facts["stages"]}
    near = related_tasks(run / stages[related]["directory"]) if related else None
    recipe = _keep_recipe(run, results)
    scored = _scores(run, stages)
    names = list(only) or list(scored)
    if not names or (missing := [name for name in names if name not in scored]):
        raise UserError(
            f"{run}: no scores of {', '.join(missing) if names else 'any model'}; score it, all settings alike"
        )
    for name in names:
        folder = results / (only.get(name) or f"{facts['name']}-{name}")
        folder.mkdir(parents=True, exist_ok=True)
        model = run / stages[name]["directory"] / "model" / "curate.json"
        account = json.loads(model.read_text(encoding="utf-8"))
        write_json(account, folder / "curate.json")
        rows = [_keep_score(place, row, folder, results) for place, row in scored[name]]
        write_json(rows, folder / "scores.json")
        write_json(
            {
                "name": name,
                "run": facts["name"],
                "seed": facts["seed"],
                "key": stages[name]["key"],
                "recipe": recipe,
                "commit": commit or _commit(),
                "machine": facts["machine"],
                "trained": facts["started"][:10],
                **cost(account["metrics"], price),
                "related_tasks": near,
                "split": split(folder, rows, near) if near else None,
            },
            folder / "model.json",
        )
        yield folder


def cost(metrics: Mapping[str, Any], price: float | None) -> dict[str, Any]:
    """Return what a training took: tokens, FLOPs by the formula of train/steps/model.py, GPU seconds, energy, price."""
    gpus = metrics["devices"] if metrics.get("peak_gb") else 0
    seconds = metrics["train_seconds"] * gpus
    usd = metrics.get("usd")
    paid = usd * 3600 / seconds if usd is not None and seconds else price
    return {
        "parameters": metrics["parameters"],
        "unique_tokens": metrics["unique_tokens"],
        "tokens_seen": metrics["tokens_seen"],
        "flops": metrics["tflops"] * 1e12 / metrics["tokens_per_s"] * metrics["tokens_seen"],
        "gpu_seconds": seconds,
        "joules": metrics.get("joules"),
        "kwh": metrics.get("kwh"),
        "usd_per_gpu_hour": paid,
        "usd": paid * seconds / 3600 if paid is not None else None,
        "held_out_loss": metrics["held_out_loss"],
    }


def related_tasks(stage: Path) -> list[str]:
    """Return the tasks for which a stage `decontam.*` dropped documents: something in them is near to these."""
    tables = [read_shard(path) for path in list_shards(stage / "dropped")]
    return sorted({task for table in tables if "task" in table.column_names for task in table["task"].to_pylist()})


def _scores(run: Path, stages: Mapping[str, Any]) -> dict[str, list[tuple[Path, dict[str, Any]]]]:
    """Return the rows of scores by the training stage whose model they are of, with the folder that they stand in."""
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for stage in stages.values():
        place = run / stage["directory"]
        if stage["use"] == "eval.code" and (place / "scores.json").exists():
            for row in json.loads((place / "scores.json").read_text(encoding="utf-8")):
                found[row["label"]].append((place, row))
    return {name: rows for name, rows in found.items() if name in stages}


def _keep_score(place: Path, row: dict[str, Any], folder: Path, results: Path) -> dict[str, Any]:
    """Copy what stands behind a row of scores, and return the row with the names that it has there."""
    drawn = f"-{row['samples']}x{row['temperature']:g}" if row.get("temperature") else ""
    base = f"{row['protocol']}{drawn}"
    samples = place / row["label"] / f"{row['protocol']}.samples.jsonl"
    kept = row | {"model": folder.name, "label": folder.name}
    keep_answers(samples, folder / f"{base}.samples.jsonl.gz", _packed)
    kept["samples_file"] = f"{base}.samples.jsonl.gz"
    verdicts = [
        {name: each[name] for name in ("task_id", "index", "verdict", "base_verdict") if name in each}
        for each in read_jsonl(place / row["results"])
    ]
    lines = "".join(json.dumps(each) + "\n" for each in verdicts)
    kept["results"] = f"{base}.results.jsonl"
    (folder / kept["results"]).write_text(lines, encoding="utf-8")
    if row.get("bits"):
        kept["bits"] = f"{base}.bits.jsonl"
        (folder / kept["bits"]).write_bytes((place / row["bits"]).read_bytes())
    exercises = place / "exercises.jsonl"
    if row["data"] == exercises.name and exercises.exists():
        data = _packed(exercises.read_bytes())
        kept["tasks_file"] = f"exercises-{row['data_sha256'][:12]}.jsonl.gz"
        (results / kept["tasks_file"]).write_bytes(data)
    return kept


def split(folder: Path, rows: Iterable[Mapping[str, Any]], near: Sequence[str]) -> dict[str, Any]:
    """Return pass@1 with its interval for tasks with and without a near relative, by protocol; exercises have none."""
    found: dict[str, Any] = {}
    for row in rows:
        passed: dict[str, list[bool]] = defaultdict(list)
        for each in read_jsonl(folder / row["results"]):
            if each["verdict"] != "infra":
                passed[each["task_id"]].append(each["verdict"] == "pass")
        parts = {"related": set(passed) & set(near), "others": set(passed) - set(near)}
        if not parts["related"]:
            continue
        name = row["results"].removesuffix(".results.jsonl")
        found[name] = {part: _share([passed[task] for task in sorted(tasks)]) for part, tasks in parts.items()}
    return found


def _share(passed: Sequence[Sequence[bool]]) -> dict[str, float] | None:
    if not passed:
        return None
    found = estimate([(len(each), sum(each)) for each in passed])
    return {"tasks": found.tasks, "pass_at_1": found.value, "low": found.low, "high": found.high}


def again(results: Path, names: Sequence[str]) -> tuple[list[str], bool]:
    """Judge kept answers again; return a line a row, and whether all rows came out the same."""
    folders = [results / name for name in names] or sorted(path.parent for path in results.glob("*/scores.json"))
    lines, same = [], True
    for folder in folders:
        if not (folder / "scores.json").exists():
            raise UserError(f"{folder} holds no scores.json; name a folder of {results}")
        for row in json.loads((folder / "scores.json").read_text(encoding="utf-8")):
            if "samples_file" not in row:
                lines.append(f"{folder.name} {row['protocol']}: no answers are kept")
                continue
            if row.get("limit"):
                lines.append(f"{folder.name} {row['results']}: the first {row['limit']} tasks only, not judged again")
                continue
            value, now = _judged(folder, row, results)
            before = _verdicts(folder / row["results"])
            changed = [key for key in before if before[key] != now.get(key)]
            other = [key for key in changed if "pass" in (before[key], now.get(key))]
            same = same and not other and len(now) == len(before)
            lines.append(f"{folder.name} {row['results']}: pass@1 {value:.1%}, {_compared(before, changed, other)}")
    return lines, same


def _compared(before: Mapping[Key, str], changed: Sequence[Key], other: Sequence[Key]) -> str:
    """Say how two judgements of the same samples compare. Which error a failure ends with may depend on the machine:
    on the packages that samples can import there, say."""
    if other:
        return f"the score differs: {len(other)} of {len(before)} samples ({other[0][0]}) passes or fails otherwise"
    return f"the same; {len(changed)} fail with another error" if changed else "the same"


def _verdicts(path: Path) -> dict[Key, str]:
    return {(row["task_id"], row["index"]): row["verdict"] for row in read_jsonl(path)}


def _judged(folder: Path, row: Mapping[str, Any], results: Path) -> tuple[float, dict[Key, str]]:
    """Return the pass@1 and the verdicts that a row's kept answers give now."""
    with tempfile.TemporaryDirectory() as place:
        tasks = str(row["data"])
        if "tasks_file" in row:
            tasks = str(Path(place, row["data"]))
            Path(tasks).write_bytes(gzip.decompress((results / row["tasks_file"]).read_bytes()))
        out = Path(place, "again.jsonl")
        score_again(folder / row["samples_file"], tasks, row["protocol"], out)
        [found] = json.loads(scores_path(out).read_text(encoding="utf-8"))
        return found["pass_at_1"], _verdicts(out)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)  # the same bytes whenever it is packed


def _keep_recipe(run: Path, results: Path) -> str:
    """Copy the recipe, once for all models; return its digest."""
    data = (run / "recipe.yaml").read_bytes()
    name = hashlib.sha256(data).hexdigest()[:12]
    results.mkdir(parents=True, exist_ok=True)
    (results / f"recipe-{name}.yaml").write_bytes(data)
    return name


def _commit() -> str | None:
    told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None
