"""The table of stages: what a recipe's `use:` may say, and where the code for it lives.

Strings, so that torch, ray, vllm or datasets load only when a stage that needs them is used.
"""

from importlib import import_module

from curate.errors import UserError, did_you_mean
from curate.stage import Stage

STAGES = {
    "dedup.behaviour": "curate.dedup.behaviour:Behaviour",
    "dedup.exact": "curate.dedup.exact:Exact",
    "dedup.lines": "curate.dedup.lines:Lines",
    "dedup.minhash": "curate.dedup.minhash:MinHash",
    "decontam.ngram": "curate.decontam.ngram:NGram",
    "decontam.ast": "curate.decontam.structure:Structure",
    "decontam.behavioural": "curate.decontam.behavioural:Behavioural",
    "filter.signals": "filters.heuristics:Signals",
    "filter.heuristics": "filters.heuristics:Heuristics",
    "filter.language": "filters.language:Language",
    "filter.license": "filters.license:License",
    "filter.secrets": "filters.secrets:Secrets",
    "filter.rubric": "filters.rubric:Rubric",
    "filter.annotate": "filters.annotate:Annotate",
    "filter.optout": "filters.optout:OptOut",
    "filter.quality": "filters.quality:Quality",
    "select.diverse": "filters.diverse:Diverse",
    "select.holdout": "filters.holdout:Holdout",
    "select.target": "filters.target:Target",
    "synth.seeds": "synth.seeds:Seeds",
    "synth.textbook": "synth.textbook:Textbook",
    "synth.explain": "synth.explain:Explain",
    "synth.exercise": "synth.exercise:Exercise",
    "synth.evolve": "synth.evolve:Evolve",
    "synth.render": "synth.render:Render",
    "synth.mined": "synth.mined:Mined",
    "train.lm": "train.lm:TrainLM",
    "eval.code": "eval.code:EvalCode",
}

SOURCES = {
    "installed": "curate.sources:Installed",
    "folder": "curate.sources:Folder",
    "parquet": "curate.sources:ParquetFiles",
    "jsonl": "curate.sources:JsonLines",
    "hub": "curate.sources:Hub",
}


def find(use: str, table: dict[str, str] = STAGES) -> type[Stage]:
    """Return the class behind a `use:` word. Raises UserError with the nearest known word."""
    if use not in table:
        raise UserError(f"unknown stage {use!r}{did_you_mean(use, table)}")
    module, _, name = table[use].partition(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]
