"""What the cards say: a pure function of the run's files, so that the same run has the same card.

In: the stages that are exported, their manifest and what was counted on the way. Out: the text of README.md, whose
metadata are written by huggingface_hub. Names of files, licences and reasons are other people's text and stand in code
spans (curate/export/markdown.py). Of benchmarks the names of tasks are told, never their texts.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files as resources
from typing import Any

import yaml

from curate.export.choice import Goods
from curate.export.corpus import SHARD_MB, Tally
from curate.export.markdown import block, code
from curate.records.status import StageFiles, status
from curate.report.dropped import contamination
from curate.report.findings import read_json
from curate.table.rows import title_of
from curate.terminal import display
from curate.text.licenses import spdx

HUB_LICENCES = """
apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear cc0-1.0 cc-by-4.0 cc-by-sa-4.0 cc-by-nc-4.0 gpl gpl-2.0
gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 agpl-3.0 mpl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 isc zlib unlicense wtfpl artistic-2.0
bsl-1.0 ncsa ofl-1.1 postgresql afl-3.0 ecl-2.0 osl-3.0 ms-pl lppl-1.3c
"""
"""Identifiers that the hub accepts in a card; whatever else is `other`."""
LISTED = 40
"""Rows of a table of licences or sources."""
SIZES = (
    (1e3, "n<1K"),
    (1e4, "1K<n<10K"),
    (1e5, "10K<n<100K"),
    (1e6, "100K<n<1M"),
    (1e7, "1M<n<10M"),
    (1e8, "10M<n<100M"),
)
BIRTHS = ("source.", "synth.")
DATASETS = {
    "humaneval": "openai/openai_humaneval",
    "humaneval+": "evalplus/humanevalplus",
    "mbpp": "google-research-datasets/mbpp",
    "mbpp+": "evalplus/mbppplus",
    "mbpp-sanitized": "google-research-datasets/mbpp",
}


def data_card(goods: Goods, manifest: Mapping[str, Any], tally: Tally) -> str:
    """Return the card of a data set."""
    from huggingface_hub import DatasetCard, DatasetCardData

    stages = {stage["name"]: stage for stage in status(goods.files.directory)["stages"]}
    suffix = "jsonl" if manifest["asked"]["format"] == "jsonl" else "parquet"
    made = any(stages[name]["use"].startswith("synth.") for name in _above(stages, tally.by_stage))
    data = DatasetCardData(
        pretty_name=str(manifest["asked"]["run"]),
        license=_hub_licences(tally.licences),
        language=["code", "en"],
        size_categories=next((name for most, name in SIZES if manifest["rows"] < most), "n>100M"),
        task_categories=["text-generation"],
        tags=["code", "python", "curate", *(["synthetic"] if made else [])],
        configs=[
            {"config_name": "default", "data_files": [{"split": "train", "path": f"data/train-*.{suffix}"}]},
        ],
    )
    facts = _common(goods, manifest) | {
        "suffix": suffix,
        "by_stage": list(tally.by_stage.items()),
        "licences": _listed(tally.licences),
        "sources": _listed(tally.sources),
        "unknown_licence": tally.licences[None],
        "clean": [_decontamination(goods, stages, name) for name in tally.by_stage],
        "made": made,
        "models": _models(goods),
    }
    return str(DatasetCard.from_template(data, template_str=_template("data_card.md.jinja"), **facts)) + "\n"


def model_card(goods: Goods, manifest: Mapping[str, Any]) -> str:
    """Return the card of a model; its `model-index` holds the scores that the run has of it."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    [stage] = goods.stages
    scores = scores_of(goods, stage)
    name = f"{goods.files.facts.get('name', goods.files.directory.name)}-{stage.name}"
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=DATASETS.get(row["benchmark"], "own"),
            dataset_name=title_of(row["benchmark"]),
            dataset_split="test",
            metric_type="pass@1",
            metric_name="pass@1",
            metric_value=round(row["pass_at_1"], 6),
            metric_args={"protocol": row["protocol"], "version": row.get("protocol_version"), "tasks": row["n_tasks"]},
        )
        for row in scores
    ]
    data = ModelCardData(
        model_name=name,
        eval_results=results or None,
        language=["code", "en"],
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["code", "python", "curate"],
        license="other",
        license_name="see-the-sources",
    )
    record = read_json(stage.directory / "model" / "curate.json") or {}
    stages = {each["name"]: each for each in status(goods.files.directory)["stages"]}
    facts = _common(goods, manifest) | {
        "name": name,
        "scores": [_score(row) for row in scores],
        "figures": _figures(record),
        "inputs": [
            (name, stages[name]["rows_kept"], display.size(stages[name]["bytes_kept"])) for name in stage.inputs
        ],
        "clean": [_decontamination(goods, stages, name) for name in stage.inputs],
        "unscored": not scores,
    }
    return str(ModelCard.from_template(data, template_str=_template("model_card.md.jinja"), **facts)) + "\n"


def scores_of(goods: Goods, stage: StageFiles) -> list[dict[str, Any]]:
    """Return the rows of `scores.json` that this run's evaluations have of a model."""
    exams = [place for place in goods.files.stages if place.use.startswith("eval.") and stage.name in place.inputs]
    rows = [row for place in exams for row in read_json(place.directory / "scores.json") or []]
    return [row for row in rows if row.get("label", row.get("model")) == stage.name]


@cache
def _template(name: str) -> str:
    return resources("curate.export").joinpath(name).read_text(encoding="utf-8")


def _common(goods: Goods, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both cards use."""
    stages = {stage["name"]: stage for stage in status(goods.files.directory)["stages"]}
    names = [stage.name for stage in goods.stages]
    run = manifest["asked"]["run"]
    asked = manifest["asked"]
    options = ["--format", asked["format"]] if not goods.is_model else []
    options += ["--columns", ",".join(asked["columns"])] if asked["columns"] else []
    options += ["--shard-mb", f"{asked['shard_mb']:g}"] if asked["shard_mb"] not in (0, SHARD_MB) else []
    again = ["curate", "export", f"runs/{run}", *names, "--to", "FOLDER", *options]
    return {
        "code": code,
        "number": display.number,
        "size": display.size,
        "manifest": manifest,
        "run": run,
        "command": block(f"curate run recipe.yaml\n{shlex.join(again)}", "sh"),
        "names": names,
        "rows": [stages[name] for name in stages if name in _above(stages, names) and stages[name]["rows_in"]],
        "recipe": block(goods.recipe(), "yaml"),
    }


def _above(stages: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> set[str]:
    """Return these stages and all that they come from."""
    waiting = list(names)
    found = set(waiting)
    while waiting:
        above = [name for name in stages[waiting.pop()]["inputs"] if name not in found]
        found.update(above)
        waiting += above
    return found


def _listed(counter: Counter[Any]) -> list[tuple[str, int]]:
    """Return the commonest values with their counts, and the sum of the rest."""
    pairs = counter.most_common()
    shown = [("not stated" if name is None else code(name), count) for name, count in pairs[:LISTED]]
    rest = pairs[LISTED:]
    return [*shown, *([(f"{len(rest):,} others", sum(count for _, count in rest))] if rest else [])]


def _hub_licences(counter: Counter[str | None]) -> list[str] | str:
    """Return the licences as the hub knows them: identifiers, `other`, or `unknown` where none is stated."""
    names = {_hub_licence(name) for name in counter if name is not None}
    if not names:
        return "unknown"
    found = sorted(names - {"other"}) + (["other"] if "other" in names else [])
    return found[0] if len(found) == 1 and counter[None] == 0 else found + (["unknown"] if counter[None] else [])


def _hub_licence(stated: str) -> str:
    name = (spdx(stated) or "").lower()
    plain = re.sub(r"-(?:only|or-later)$", "", name)
    return next((each for each in (name, plain) if each in HUB_LICENCES.split()), "other")


def _decontamination(goods: Goods, stages: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Say by which rules the documents of a stage were compared with which benchmarks since they were born, and what
    had been done to those that they were made from."""
    own: dict[str, None] = {}
    waiting, births = [name], set()
    while waiting:
        stage = waiting.pop()
        own[stage] = None
        if stages[stage]["use"].startswith(BIRTHS):
            births.add(stage)
        else:
            waiting += [above for above in stages[stage]["inputs"] if above not in own]
    before = _above(stages, births) - set(own)
    return {
        "stage": name,
        "rules": [_rule(goods, stages[each]) for each in stages if each in own and _cleans(stages[each])],
        "before": [_rule(goods, stages[each]) for each in stages if each in before and _cleans(stages[each])],
        "made": any(stages[birth]["use"].startswith("synth.") for birth in births),
    }


def _cleans(stage: Mapping[str, Any]) -> bool:
    return str(stage["use"]).startswith("decontam.")


def _rule(goods: Goods, stage: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one stage of decontamination compared with what, and what it dropped."""
    place = goods.files.stage(stage["name"])
    parameters = (read_json(place.directory / "stage.json") or {}).get("parameters", {})
    against = parameters.get("against") or []
    settings = {name: value for name, value in parameters.items() if name != "against" and value is not None}
    found = contamination(place)
    return {
        "name": stage["name"],
        "use": stage["use"],
        "against": ", ".join(code(title_of(str(each))) for each in against),
        "settings": ", ".join(code(f"{name}: {value}") for name, value in settings.items()),
        "dropped": stage["rows_dropped"],
        "rows_in": stage["rows_in"],
        "tasks": len(found),
        "documents": [(code(each.task), each.documents) for each in found[:5]],
    }


def _models(goods: Goods) -> list[str]:
    """Return the models that the recipe names: what they wrote stands under their terms too."""
    recipe = yaml.safe_load(goods.recipe()) or {}
    models = recipe.get("models") or {}
    return [code(spec.get("model", name)) for name, spec in models.items() if isinstance(spec, dict)]


def _score(row: Mapping[str, Any]) -> dict[str, Any]:
    bits = row.get("bits_per_byte")
    return {
        "benchmark": code(title_of(row["benchmark"])),
        "protocol": code(row["protocol"]),
        "score": f"{100 * row['pass_at_1']:.1f} %",
        "between": f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
        "tasks": row["n_tasks"],
        "bits": "-" if bits is None else f"{bits:.3f}",
        "sandbox": code(row.get("sandbox_level", "")),
        "limit": bool(row.get("limit")),
    }


def _figures(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of the training, in words."""
    shown = {
        "parameters": "parameters",
        "block_length": "context, in tokens",
        "dataset_tokens": "tokens in the data set",
        "unique_tokens": "unique tokens",
        "tokens_seen": "tokens seen in training",
        "held_out_loss": "held-out loss, nats a token",
        "init": "goes on from the stage",
    }
    return [
        (words, code(display.number(v) if isinstance(v, int | float) else v))
        for n, words in shown.items()
        if (v := record.get(n)) is not None
    ]
