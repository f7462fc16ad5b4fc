"""One training from parameters to a published model, as one process sees it.

`prepare` trains the tokenizer and tokenises the corpus: files, so that a second start, or the other processes of a
training on several devices, find them done. `fit` lays out the rows, trains, and publishes `model/` by one rename.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from curate.errors import UserError
from curate.files.shards import list_shards, write_json
from curate.progress import Progress
from curate.stage import Context, Metrics, derive_seed
from curate.train.accounts import figures, input_figures, totals
from curate.train.corpus.infill import MARKS, infill_of
from curate.train.corpus.packing import Corpus, load_corpus, tokenise
from curate.train.corpus.tokenizer import load_tokenizer, sample_texts, train_tokenizer
from curate.train.parameters import Training
from curate.train.plan import Plan, plan
from curate.train.steps.loop import train
from curate.train.steps.model import new_model, saved_model
from curate.train.steps.place import Place
from curate.train.steps.sharding import gathered

RECORD = "curate.json"
COMPRESSION = 4
"""Bytes of source code in a byte of a zstd shard, about (3.5 to 4.5 seen)."""


def base_of(job: Training, context: Context) -> Path | None:
    """Return the folder of the model to go on from, if there is one."""
    return context.references[job.init] / "model" if job.init is not None else None


def prepare(job: Training, context: Context, progress: Progress) -> tuple[Any, Corpus]:
    """Train the tokenizer, or take the base model's, and tokenise the corpus; what stands already is only read."""
    seed = derive_seed(context.seed, context.name)
    progress.update(0, 0, "tokenizer")
    tokenizer = _tokenizer(job, context, seed)
    shards = {name: list_shards(folder / "kept") for name, folder in context.inputs.items()}
    folder = context.directory / "tokens"
    marker = folder / "done.json"
    if marker.exists():
        owners = [name for name, paths in shards.items() for _ in paths]
        return tokenizer, load_corpus(folder, tuple(shards), owners, job.held_out)
    corpus = tokenise(
        shards,
        tokenizer,
        folder,
        held_out=job.held_out,
        seed=seed,
        report=partial(progress.update, note="tokens"),
        score={name: rule.by for name, rule in (job.upsample or {}).items()},
        infill=infill_of(job.fim, tokenizer, given_tokenizer(job, context)),
    )
    write_json({"shards": sum(map(len, shards.values()))}, marker)
    return tokenizer, corpus


def given_tokenizer(job: Training, context: Context) -> Path | None:
    """Return the folder of a tokenizer that another stage made, if one is named."""
    if job.init is not None:
        return base_of(job, context)
    return context.references[job.tokenizer] / "model" if job.tokenizer is not None else None


def _tokenizer(job: Training, context: Context, seed: int) -> Any:
    """Train the tokenizer and save it, so that a second start reads the same one."""
    given, folder = given_tokenizer(job, context), context.directory / "tokenizer"
    if given is None:
        marks = MARKS if job.fim else ()
        keep_tokenizer(folder, context.shards(), job.tokenizer_mb, job.shape.vocab_size, marks, seed)
    return load_tokenizer(given or folder)


def keep_tokenizer(
    folder: Path, shards: Sequence[Path], most_mb: float, vocab_size: int, marks: Sequence[str], seed: int
) -> None:
    """Train a tokenizer on at most so much text of the shards and save it in a folder, unless one stands there."""
    if folder.exists():
        return
    size = sum(path.stat().st_size for path in shards) * COMPRESSION
    share = min(1.0, most_mb * 1e6 / max(size, 1))
    unfinished = folder.with_name(f".{folder.name}")
    train_tokenizer(sample_texts(shards, share, seed), vocab_size, marks).save_pretrained(unfinished)
    unfinished.replace(folder)


def fit(job: Training, context: Context, progress: Progress, place: Place) -> Metrics | None:
    """Train, or go on training, and publish the model; return the figures, or None where another process does.

    Raises UserError for what `plan` and `train` refuse, and where the device's memory does not suffice.
    """
    begun = time.monotonic()
    seed = derive_seed(context.seed, context.name)
    base = base_of(job, context)
    tokenizer, corpus = prepare(job, context, progress)
    if place.device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // place.world))
    model = saved_model(base) if base is not None else new_model(job.shape, tokenizer, seed)
    check_tokenizer(tokenizer, model, given_tokenizer(job, context))
    made = plan(job, corpus, model, place, seed)

    def report(step: int, note: str) -> None:
        progress.update(step, made.schedule.steps, note)

    identify = partial(document_ids, corpus, context)
    try:
        if not made.schedule.sharded:  # sharded weights go there a layer at a time
            model = model.to(place.device)
        state = train(
            model.train(), made.rows, made.held_out, made.schedule, context.directory, report, place, identify
        )
    except torch.OutOfMemoryError as error:
        raise UserError(too_little_memory(made, place)) from error
    weights = gathered(model.state_dict(keep_vars=True), place)
    if not place.first:
        return None
    metrics = figures(model, corpus, made, state, place, job.usd_per_gpu_hour)
    metrics["seconds"] = time.monotonic() - begun
    inputs = input_figures(corpus, made.rows)
    metrics |= {f"{name}.{what}": value for name, found in inputs.items() for what, value in found.items()}
    record = {
        "name": context.name,
        "init": job.init,
        "parameters": int(metrics["parameters"]),
        **totals(metrics, json.loads((base / RECORD).read_text()) if base is not None else {}),
        "held_out_loss": state.held_out_loss,
        "block_length": made.rows.length,
        "inputs": inputs,
        "metrics": metrics,
    }
    publish(model, weights, tokenizer, record, context.directory)
    return metrics


def too_little_memory(made: Plan, place: Place) -> str:
    """Say what to lower: the passes while they have several rows, or what is kept between them."""
    schedule, tokens = made.schedule, made.schedule.pass_rows * made.rows.length
    ways = [f"set pass_tokens to {tokens // 2:,} (the batch stays what it is)"] if schedule.pass_rows > 1 else []
    ways += ["set sharded to true"] if place.world > 1 and not schedule.sharded else []
    ways += [] if schedule.pass_rows > 1 else ["lower block_length"]
    return (
        f"the GPU's memory does not suffice for passes of {tokens:,} tokens; {', '.join(ways)}, "
        f"or choose a smaller preset"
    )


def check_tokenizer(tokenizer: Any, model: Any, given: Path | None) -> None:
    """Raise UserError where the tokenizer makes tokens that the model does not have."""
    if len(tokenizer) > model.config.vocab_size or tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise UserError(
            f"{given}: the tokenizer does not fit the model: {len(tokenizer):,} tokens, end token "
            f"{tokenizer.eos_token!r} and padding {tokenizer.pad_token!r} for a vocabulary of "
            f"{model.config.vocab_size:,}; name another stage under init or tokenizer"
        )


def document_ids(corpus: Corpus, context: Context, places: list[int]) -> list[str]:
    """Return the ids of documents to train on, read from their shards."""
    shards = context.shards()
    return [
        pq.read_table(shards[int(corpus.train["shard"][place])], columns=["id"])["id"][
            int(corpus.train["row"][place])
        ].as_py()
        for place in places[:8]
    ] + [f"number {place}" for place in places[8:]]


def publish(
    model: Any, weights: Mapping[str, torch.Tensor], tokenizer: Any, record: Mapping[str, Any], folder: Path
) -> None:
    """Write `model/` with these weights whole or not at all."""
    unfinished = folder / ".model"
    shutil.rmtree(unfinished, ignore_errors=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(unfinished, state_dict=dict(weights))
    tokenizer.save_pretrained(unfinished)
    write_json(dict(record), unfinished / RECORD)
    for path in unfinished.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    unfinished.replace(folder / "model")


def remove_scraps(folder: Path) -> None:
    """Remove what only training needed."""
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    shutil.rmtree(folder / "tokens", ignore_errors=True)
    shutil.rmtree(folder / "tokenizer", ignore_errors=True)
