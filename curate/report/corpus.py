"""The finished corpus of a run: which stages hold it, how much it is, and how other programs load it.

In: a run's files and its status. Out: a Corpus, or None where no stage holds documents that are an end in themselves.
The corpus is what training stages read; without training, what no later stage reads on. Sizes and counts come from
receipts and files, tokens from the profiles and from the training that counted them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.files.shards import REQUIRED, list_shards
from curate.records.receipts import read_receipts
from curate.records.status import RunFiles, StageFiles
from curate.report import wording
from curate.report.quality_report import Change

GRADERS = ("filter.rubric", "filter.annotate")


@dataclass(frozen=True)
class Part:
    """The documents of one stage."""

    stage: str
    folder: str
    """Relative to the run's directory; its Parquet files are the documents."""
    documents: int
    text_bytes: int
    file_bytes: int
    tokens: int | None
    """An estimate: words and signs."""


@dataclass(frozen=True)
class Corpus:
    """All parts, and how they are read."""

    parts: list[Part]
    counted: tuple[int, str] | None
    """Tokens by the tokenizer of a training stage that read exactly these parts, and its name."""
    finished: bool
    """Whether all stages that it comes from are done."""
    loading: list[tuple[str, str]]
    """(title, Python source that loads it); `run` is to be set to the run's directory."""

    @property
    def documents(self) -> int:
        """Of all parts."""
        return sum(part.documents for part in self.parts)

    @property
    def text_bytes(self) -> int:
        """UTF-8 bytes of text."""
        return sum(part.text_bytes for part in self.parts)

    @property
    def tokens(self) -> int | None:
        """The estimate; None where a part has none."""
        known = [part.tokens for part in self.parts if part.tokens is not None]
        return sum(known) if len(known) == len(self.parts) else None


def corpus(
    files: RunFiles, stages: Sequence[Mapping[str, Any]], changes: Sequence[Change], place: str
) -> Corpus | None:
    """Describe what the run has to give. `place` is the run's directory as a user would name it."""
    named = {stage["name"]: stage for stage in stages}
    ends, trainings = _ends(stages)
    holding = [name for name in ends if named[name]["rows_kept"]]
    if not holding:
        return None
    tokens = {change.stage: change.after.tokens for change in changes}
    parts = [_part(files.stage(name), named[name], tokens.get(name)) for name in holding]
    counts = [
        (int(count), stage["name"])
        for stage in trainings
        if set(stage["inputs"]) == set(ends) and (count := stage["metrics"].get("dataset_tokens"))
    ]
    return Corpus(
        parts,
        counts[0] if counts else None,
        all(named[name]["state"] == "done" for name in ends),
        _loading(place, [part.folder for part in parts])
        if not any(_rests(files.stage(name)) for name in holding)
        else _exporting(place, holding),
    )


def _rests(stage: StageFiles) -> bool:
    """Tell whether a stage's text lies in an earlier one's shards, which only this program joins."""
    return any(receipt.base for receipt in read_receipts(stage.directory))


def _exporting(place: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines that load a corpus which must be written into one folder first."""
    command = f"curate export {place} {' '.join(names)} --to FOLDER"
    return [
        (
            "datasets",
            f'# {command}\nfrom datasets import load_dataset\n\ncorpus = load_dataset("FOLDER", split="train")\n',
        ),
        ("pandas", f'# {command}\nimport pandas\n\ncorpus = pandas.read_parquet("FOLDER/data")\n'),
    ]


def ends(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the stages that hold the corpus, by what `curate status --json` says of all."""
    return _ends(stages)[0]


def _ends(stages: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """Return the names of the stages that hold the corpus, and the trainings that read it."""
    trainings = [stage for stage in stages if stage["use"].startswith("train.")]
    read = dict.fromkeys(name for stage in trainings for name in stage["inputs"])
    if read:
        return list(read), trainings
    held = [stage for stage in stages if stage["rows_kept"]]
    makers = [stage for stage in held if stage["use"].startswith("synth.")]
    used = {name for stage in held if stage not in makers for name in stage["inputs"]}
    means = {stage["name"] for stage in makers} & {name for stage in makers for name in stage["inputs"]}
    graders = {stage["name"] for stage in held if stage["use"] in GRADERS}
    ends = [stage["name"] for stage in held if stage["name"] not in used | means]
    return [name for name in ends if name not in graders] or ends, []


def _part(place: StageFiles, stage: Mapping[str, Any], tokens: int | None) -> Part:
    folder = place.directory / "kept"
    size = sum(path.stat().st_size for path in list_shards(folder))
    name = f"stages/{place.directory.name}/kept"
    return Part(place.name, name, stage["rows_kept"], stage["bytes_kept"], size, tokens)


def _loading(place: str, folders: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines that load the corpus. Stages differ in their other columns, so those that all have are read."""
    wanted = "[" + ", ".join(f'"{name}"' for name in REQUIRED) + "]"
    head = f'run = "{place}"  # the folder of this page\n'
    files = "".join(f'        f"{{run}}/{folder}/*.parquet",\n' for folder in folders)
    datasets = (
        f"from datasets import load_dataset\n\n{head}corpus = load_dataset(\n"
        f'    "parquet",\n    data_files=[\n{files}    ],\n    columns={wanted},\n    split="train",\n)\n'
    )
    listed = "".join(f'    f"{{run}}/{folder}",\n' for folder in folders)
    pandas = (
        f"import pandas\n\n{head}folders = [\n{listed}]\ncolumns = {wanted}\n"
        "parts = [\n    pandas.read_parquet(folder, columns=columns)\n    for folder in folders\n]\n"
        "corpus = pandas.concat(parts, ignore_index=True)\n"
    )
    return [("datasets", datasets), ("pandas", pandas)]


def mixture(metrics: Any) -> list[dict[str, str]]:
    """Return a table of what a training read: one row an input with its unique tokens, visits and epochs.

    `metrics` is what the training wrote under `mix` or `inputs`: a list of objects, or an object by name of input.
    """
    rows = [{"input": name, **inner} for name, inner in metrics.items()] if isinstance(metrics, dict) else metrics
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return []
    return [
        {wording.title(str(name)): wording.value(str(name), figure) for name, figure in row.items()} for row in rows
    ]
