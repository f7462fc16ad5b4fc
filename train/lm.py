"""Training a language model: shards of Documents in, a model that `transformers` loads out.

The job's directory, in the order in which it fills:

    tokenizer/       the tokenizer, trained on the corpus or taken from the model that `init` names
    tokens/          packed blocks (train/packing.py)
    metrics.jsonl    loss, learning rate and held-out loss by step (train/loop.py)
    checkpoint.pt    the state to go on from after a kill
    model/           safetensors, config, tokenizer and curate.json, published by one rename

When `model/` stands, `tokens/` and `checkpoint.pt` are removed. Not covered: more than one device, dropout, models of
other shapes than Llama's.
"""

import json
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from curate.progress import Progress
from curate.shards import write_json
from curate.stage import Context, Job, Metrics, StageRef, derive_seed
from train.presets import PRESETS, Preset, llama_config

if TYPE_CHECKING:
    from train.loop import Schedule, State
    from train.packing import Packed

RECORD = "curate.json"
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "B200": 2250e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bf16 FLOP/s that the makers state, by a part of the device's name."""


class TrainLM(Job):
    """Train a Llama-type language model on the kept documents and save it for `transformers`.

    One of `steps`, `tokens` and `epochs` says how long; without any, the preset's steps or one pass over the corpus.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    VERSION: ClassVar[int] = 2
    YIELDS: ClassVar[str] = "a model"

    preset: Literal["tiny", "97m", "350m", "1.3b"] = "tiny"
    """Shape and settings by name; each parameter below that is given replaces the preset's."""
    init: StageRef | None = None
    """Go on from the model of this stage, with its shape and its tokenizer."""
    hidden: int | None = Field(default=None, ge=8)
    layers: int | None = Field(default=None, ge=1)
    heads: int | None = Field(default=None, ge=1)
    feed_forward: int | None = Field(default=None, ge=8)
    vocab_size: int | None = Field(default=None, ge=258)
    block_length: int | None = Field(default=None, ge=8)
    """Tokens in a block: the longest context the model sees."""
    batch_tokens: int | None = Field(default=None, ge=1)
    """Tokens in one optimiser step."""
    pass_tokens: int = Field(default=16_384, ge=1)
    """Tokens in one forward and backward pass; lower it if the device runs out of memory."""
    steps: int | None = Field(default=None, ge=1)
    tokens: float | None = Field(default=None, ge=1)
    """Tokens to see."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the corpus."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak; the schedule is a linear warm-up and a cosine down to a tenth."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps."""
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)
    """Longest gradient."""
    held_out: float = Field(default=0.02, gt=0, lt=0.5)
    """Share of the documents to measure on instead of training."""
    tokenizer_mb: float = Field(default=64, gt=0)
    """Text to train the tokenizer on, at most; a sample if the corpus is larger."""
    precision: Literal["auto", "bf16", "f32"] = "auto"
    """auto: bf16 arithmetic on a GPU, f32 on the CPU. Weights are f32 always."""
    compile: bool | None = None
    """Compile the model; by default on a GPU alone."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps."""
    log_every: int = Field(default=10, ge=1)
    """Steps."""
    measure_every: int | None = Field(default=None, ge=1)
    """Steps between held-out losses; by default a sixth of the run."""

    @model_validator(mode="after")
    def _one_length(self) -> "TrainLM":
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of steps, tokens and epochs, not {' and '.join(given)}")
        shape = [name for name in ("hidden", "layers", "heads", "feed_forward", "vocab_size") if getattr(self, name)]
        if self.init is not None and shape:
            raise ValueError(f"{shape[0]} is fixed by the model that init names; leave it out")
        if self.init is None and self._shape().hidden % (2 * self._shape().heads):
            raise ValueError("hidden must be a multiple of twice the heads")
        return self

    def run(self, context: Context, progress: Progress) -> Metrics:
        """Train, or go on training, and return the figures.

        Raises UserError for an empty corpus or one too small for a block.
        """
        folder = context.directory
        published = folder / "model" / RECORD
        if published.exists():
            remove_scraps(folder)
            return dict(json.loads(published.read_text())["metrics"])
        start = time.monotonic()
        seed = derive_seed(context.seed, context.name)
        base = context.references[self.init] / "model" if self.init is not None else None
        progress.update(0, 0, "tokenizer")
        tokenizer = self._tokenizer(context, base, seed)
        model = self._model(tokenizer, base, seed)
        packed, state = self._train(context, progress, tokenizer, model, seed)
        metrics = figures(model, packed, state, time.monotonic() - start)
        record = {
            "name": context.name,
            "init": self.init,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            **_totals(metrics, base),
            "held_out_loss": state.held_out_loss,
            "block_length": packed.block_length,
            "metrics": metrics,
        }
        publish(model, tokenizer, record, folder)
        remove_scraps(folder)
        return metrics

    def _shape(self) -> Preset:
        preset = PRESETS[self.preset]
        given = {name: getattr(self, name) for name in vars(preset) if getattr(self, name, None) is not None}
        return Preset(**{**vars(preset), **given})

    def _tokenizer(self, context: Context, base: Path | None, seed: int) -> Any:
        """Train the tokenizer and save it, so that a second start reads the same one."""
        from train.tokenizer import load_tokenizer, sample_texts, train_tokenizer

        folder = context.directory / "tokenizer"
        if base is not None:
            return load_tokenizer(base)
        if not folder.exists():
            shards = context.shards()
            size = sum(path.stat().st_size for path in shards) * COMPRESSION
            share = min(1.0, self.tokenizer_mb * 1e6 / max(size, 1))
            tokenizer = train_tokenizer(sample_texts(shards, share, seed), self._shape().vocab_size)
            unfinished = folder.with_name(".tokenizer")
            tokenizer.save_pretrained(unfinished)
            unfinished.replace(folder)
        return load_tokenizer(folder)

    def _model(self, tokenizer: Any, base: Path | None, seed: int) -> Any:
        """Build the model, or load the one to go on from, on the device where it will train."""
        import torch
        from transformers import AutoModelForCausalLM, LlamaForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            torch.set_num_threads(len(os.sched_getaffinity(0)))
        if base is not None:
            model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        else:
            config = llama_config(self._shape(), len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                model = LlamaForCausalLM(config)
        return model.to(device).train()

    def _train(
        self, context: Context, progress: Progress, tokenizer: Any, model: Any, seed: int
    ) -> "tuple[Packed, State]":
        import numpy as np

        from train.loop import train
        from train.packing import pack

        tokens = context.directory / "tokens"
        packed = pack(
            context.shards(),
            tokenizer,
            tokens,
            block_length=self.block_length or model.config.max_position_embeddings,
            held_out=self.held_out,
            seed=seed,
            report=partial(progress.update, note="tokens"),
        )
        blocks = np.load(tokens / "train.npy", mmap_mode="r")
        held_out = np.load(tokens / "held_out.npy", mmap_mode="r")
        schedule = self._schedule(packed, next(model.parameters()).device.type, seed)

        def report(step: int, note: str) -> None:
            progress.update(step, schedule.steps, note)

        state = train(model, blocks, held_out, tokenizer.pad_token_id, schedule, context.directory, report)
        return packed, state

    def _schedule(self, packed: "Packed", device: str, seed: int) -> "Schedule":
        """Turn the parameters into step counts for this corpus and device."""
        from train.loop import Schedule

        shape = self._shape()
        blocks = max(1, shape.batch_tokens // packed.block_length)
        step_tokens = blocks * packed.block_length
        wanted = self.tokens or packed.train_tokens * (self.epochs or 1.0)
        preset_steps = shape.steps if self.tokens is None and self.epochs is None else None
        steps = preset_steps or max(1, round(wanted / step_tokens))
        return Schedule(
            steps=steps,
            batch_blocks=blocks,
            pass_blocks=max(1, min(blocks, self.pass_tokens // packed.block_length)),
            learning_rate=shape.learning_rate if self.init is None or self.learning_rate else INIT_LEARNING_RATE,
            warmup_steps=round(self.warmup * steps),
            weight_decay=self.weight_decay,
            clip=self.clip,
            seed=seed,
            checkpoint_every=self.checkpoint_every,
            log_every=self.log_every,
            measure_every=self.measure_every or max(1, steps // 6),
            bf16=self.precision == "bf16" or (self.precision == "auto" and device == "cuda"),
            compile=self.compile if self.compile is not None else device == "cuda",
        )


COMPRESSION = 4
"""Bytes of source code in a byte of a zstd shard, about (3.5 to 4.5 seen)."""
INIT_LEARNING_RATE = 1e-4
"""phi-1's for fine-tuning (section 2.3)."""


def figures(model: Any, packed: "Packed", state: "State", seconds: float) -> Metrics:
    """Return what the report shows; `seconds` counts this start alone, `train_seconds` all of them."""
    import torch

    parameters = sum(parameter.numel() for parameter in model.parameters())
    rate = state.tokens_seen / max(state.seconds, 1e-9)
    found: Metrics = {
        "parameters": parameters,
        "steps": state.step,
        "tokens_seen": state.tokens_seen,
        "unique_tokens": min(state.tokens_seen, packed.train_tokens),
        "dataset_tokens": packed.train_tokens,
        "documents": packed.train_documents,
        "held_out_documents": packed.held_out_documents,
        "first_held_out_loss": state.first_held_out_loss or 0.0,
        "held_out_loss": state.held_out_loss or 0.0,
        "tokens_per_s": rate,
        "train_seconds": state.seconds,
        "seconds": seconds,
    }
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        peak = next((flops for part, flops in PEAK_FLOPS.items() if part in name), None)
        config = model.config
        attention = 12 * config.num_hidden_layers * config.hidden_size * packed.block_length
        if peak is not None:
            found["model_flops_utilisation"] = rate * (6 * parameters + attention) / peak
    return found


def _totals(metrics: Metrics, base: Path | None) -> dict[str, float]:
    """Return tokens over all training stages: this one's and, if it went on from a model, that one's."""
    before = json.loads((base / RECORD).read_text()) if base is not None else {}
    names = ("tokens_seen", "unique_tokens", "dataset_tokens")
    return {name: before.get(name, 0) + metrics[name] for name in names}


def publish(model: Any, tokenizer: Any, record: dict[str, Any], folder: Path) -> None:
    """Write `model/` whole or not at all."""
    unfinished = folder / ".model"
    shutil.rmtree(unfinished, ignore_errors=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    write_json(record, unfinished / RECORD)
    for path in unfinished.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    unfinished.replace(folder / "model")


def remove_scraps(folder: Path) -> None:
    """Remove what only training needed."""
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    shutil.rmtree(folder / "tokens", ignore_errors=True)
    shutil.rmtree(folder / "tokenizer", ignore_errors=True)
