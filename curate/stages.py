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
    "filter.signals": "curate.filters.signals.heuristics:Signals",
    "filter.heuristics": "curate.filters.signals.heuristics:Heuristics",
    "filter.language": "curate.filters.signals.language:Language",
    "filter.license": "curate.filters.rights.license:License",
    "filter.secrets": "curate.filters.private.secrets:Secrets",
    "filter.rubric": "curate.filters.grading.rubric:Rubric",
    "filter.annotate": "curate.filters.grading.annotate:Annotate",
    "filter.optout": "curate.filters.rights.optout:OptOut",
    "filter.quality": "curate.filters.selection.quality:Quality",
    "select.diverse": "curate.filters.selection.diverse:Diverse",
    "select.holdout": "curate.filters.selection.holdout:Holdout",
    "select.target": "curate.filters.selection.target:Target",
    "synth.seeds": "curate.synth.seeds.seeds:Seeds",
    "synth.textbook": "curate.synth.section.textbook:Textbook",
    "synth.explain": "curate.synth.section.explain:Explain",
    "synth.exercise": "curate.synth.exercise.exercise:Exercise",
    "synth.evolve": "curate.synth.exercise.evolve:Evolve",
    "synth.render": "curate.synth.item.render:Render",
    "synth.mined": "curate.synth.code.mined:Mined",
    "train.tokenizer": "curate.train.vocabulary:TrainTokenizer",
    "train.lm": "curate.train.lm:TrainLM",
    "eval.code": "curate.eval.code:EvalCode",
}

SOURCES = {
    "installed": "curate.sources.kinds:Installed",
    "packages": "curate.sources.kinds:Packages",
    "folder": "curate.sources.kinds:Folder",
    "parquet": "curate.sources.kinds:ParquetFiles",
    "jsonl": "curate.sources.kinds:JsonLines",
    "hub": "curate.sources.kinds:Hub",
}


def find(use: str, table: dict[str, str] = STAGES) -> type[Stage]:
    """Return the class behind a `use:` word. Raises UserError with the nearest known word."""
    if use not in table:
        raise UserError(f"unknown stage {use!r}{did_you_mean(use, table)}")
    module, _, name = table[use].partition(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]
