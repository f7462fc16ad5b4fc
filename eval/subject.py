"""Subjects: the models that are scored, and what is known of each before it says a word.

In: the folder of a trained model, or a model as the command line names it. Out: how to open it through the LLM door,
where its weights lie, and the facts that the table shows (size, tokens). Not covered: loading it.
"""

import hashlib
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean
from curate.eval.asking.protocols import Prompt
from curate.llm import ModelSpec

BACKENDS = ("vllm", "transformers", "openai", "replay")
LOCAL = ("vllm", "transformers")
"""Backends whose tokenizer is at hand."""
CONTEXT = 2048
"""Context of a model whose config states none."""
ROOM = 8192
"""More than any prompt here with its answer needs; memory is set aside for it."""
SERVED = 64
"""Calls in flight to an endpoint."""


@dataclass(frozen=True)
class Subject:
    """One model to score. `folder` is None where the weights are not at hand (an endpoint, a hub name, a GGUF file)."""

    label: str
    """Its name for files: the stage's or the folder's. No two subjects of one evaluation share it."""
    name: str
    """Its name for people."""
    spec: ModelSpec
    folder: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """From `curate.json`: parameters, dataset_tokens, unique_tokens, tokens_seen; any may be missing."""


def trained(label: str, folder: Path) -> Subject:
    """Describe a `transformers` folder, with the notes that `train.lm` leaves there. Raises UserError for another."""
    config = _read_json(folder / "config.json")
    notes = _read_json(folder / "curate.json") if (folder / "curate.json").exists() else {}
    facts = {"parameters": count_parameters(folder), **notes}
    spec = ModelSpec(
        backend="transformers",
        model=str(folder),
        max_context=min(config.get("max_position_embeddings") or CONTEXT, ROOM),
    )
    return Subject(label, str(facts.get("name", label)), spec, folder, facts)


def named(model: str | ModelSpec, backend: str = "transformers", base_url: str | None = None) -> Subject:
    """Describe a model given by hand: a spec, a folder, a GGUF file, a file in a package, or a hub name.

    `backend` `openai` takes any name that its endpoint knows, `replay` a call log. Raises UserError for a path where
    nothing is, and for a backend that there is not.
    """
    if isinstance(model, ModelSpec):
        return Subject(_label(model.model), _label(model.model), model)
    if backend not in BACKENDS:
        raise UserError(f"unknown backend {backend!r}{did_you_mean(backend, BACKENDS)}")
    if backend == "openai" or base_url is not None:
        spec = ModelSpec(backend="openai", model=model, base_url=base_url, batch_size=SERVED)
        return Subject(_label(model), _label(model), spec)
    if backend == "replay":
        return Subject(_label(model), _label(model), ModelSpec(backend="replay", model=model))
    subject = _local(model)
    if backend == "vllm":
        spec = ModelSpec(backend="vllm", model=subject.spec.model, max_context=subject.spec.max_context)
        return replace(subject, spec=spec)
    return subject


def _local(model: str) -> Subject:
    if Path(model).is_dir():
        return trained(_label(model), Path(model))
    if not Path(model).is_file() and not re.fullmatch(r"pkg://.+|[\w-][\w.-]*/[\w.-]+", model):
        raise UserError(f"no model at {model!r}; name a folder, a GGUF file, pkg://package/file or a hub name")
    return Subject(_label(model), _label(model), ModelSpec(backend="transformers", model=model))


def stamp(subject: Subject) -> str:
    """Return a word that changes when the files in the model's folder do; empty for a model without one.

    It stands in the name of the call log, so that a model trained anew in the same place is asked anew.
    """
    if subject.folder is None:
        return ""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in subject.folder.iterdir())
    return "-" + hashlib.sha256(repr(files).encode()).hexdigest()[:8]


def fitted(subject: Subject, prompts: Mapping[str, Prompt], max_tokens: int) -> dict[str, Prompt]:
    """Return the prompts; of one that is too long for the model's context the end, with a quarter left to answer.

    A chat is never cut: without its beginning it would ask nothing. The context of a model without a folder is not
    known here; its door refuses what does not fit.
    """
    if subject.folder is None:
        return dict(prompts)
    tokenizer = tokenizer_of(subject)
    room = subject.spec.max_context - min(max_tokens, subject.spec.max_context // 4)
    return {
        task_id: _last_tokens(tokenizer, prompt, room) if isinstance(prompt, str) else prompt
        for task_id, prompt in prompts.items()
    }


def tokenizer_of(subject: Subject) -> Any:
    """Return the model's own tokenizer, None where it is not at hand. Raises UserError where it cannot be loaded."""
    return _tokenizer(subject.spec.model, stamp(subject)) if subject.spec.backend in LOCAL else None


@lru_cache(maxsize=2)
def _tokenizer(model: str, stamp: str) -> Any:
    """Load it once; the stamp tells a model that was trained anew in the same place."""
    from curate.llm.backends.transformers_backend import load_tokenizer
    from curate.llm.places import locate

    del stamp
    return load_tokenizer(locate(model))


def _last_tokens(tokenizer: Any, prompt: str, count: int) -> str:
    starts = [start for start, _ in tokenizer(prompt, return_offsets_mapping=True)["offset_mapping"]]
    return prompt if len(starts) <= count else prompt[starts[-count] :]


def told_apart(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the subjects with the label added to names that several of them have."""
    names = Counter(subject.name for subject in subjects)
    return [
        replace(subject, name=f"{subject.name} ({subject.label})") if names[subject.name] > 1 else subject
        for subject in subjects
    ]


def count_parameters(folder: Path) -> int | None:
    """Return the number of weights from the safetensors headers alone, or None where there are none."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
        total += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    return total or None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path.parent} holds no model: cannot read {path.name}; name a `transformers` folder"
        ) from error
    return dict(value)


def _label(model: str) -> str:
    """Return a name for files: of `runs/x/stages/base-1a2b/model` `base-1a2b`, of a call log `x.jsonl` `x`."""
    path = Path(model).resolve() if Path(model).exists() else Path(model)
    name = path.parent.name if path.name == "model" else path.name.removesuffix(".jsonl")
    return re.sub(r"[^\w.-]+", "-", name) or "model"
