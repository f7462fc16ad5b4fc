"""What will be trained on, and how: rows laid out, parameters turned into step counts and sizes."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from curate.errors import UserError
from curate.train.corpus.mix import mix_tokens, phases, weights
from curate.train.corpus.packing import Corpus
from curate.train.corpus.rows import Rows, held_out_rows, training_rows
from curate.train.parameters import Training
from curate.train.steps.place import Place
from curate.train.steps.schedule import Schedule

INIT_LEARNING_RATE = 1e-4
"""phi-1's for fine-tuning (section 2.3)."""
CPU_PASS_TOKENS, MOST_PASS_TOKENS = 16_384, 131_072
ACTIVATIONS_SHARE = 0.5
"""Of a GPU's memory, for what a pass keeps: 370 kB a token were seen where `pass_tokens` reckons 465."""


STATES_SHARE = 0.2
"""Of a GPU's memory, for weights, gradients and optimiser states, before they are sharded: half is for activations."""
STATE_BYTES = {"muon": 14, "adamw": 18}
"""A parameter: its weight, its copy in bf16, its gradient, its momenta."""


@dataclass(frozen=True)
class Plan:
    """What will be trained on, and how."""

    rows: Rows
    held_out: Rows
    schedule: Schedule


def plan(job: Training, corpus: Corpus, model: Any, place: Place, seed: int) -> Plan:
    """Lay out the rows and turn the parameters into step counts. Raises UserError for a corpus smaller than a batch."""
    shape, length = job.shape, job.block_length or model.config.max_position_embeddings
    pad = model.config.pad_token_id
    batch_rows = max(1, shape.batch_tokens // length)
    available = int(corpus.train["length"].sum())
    if available < batch_rows * length:
        raise UserError(
            f"the corpus has {available:,} tokens to train on, fewer than one batch of {batch_rows * length:,}; "
            f"give more documents or lower batch_tokens"
        )
    if batch_rows < place.world:
        raise UserError(
            f"a batch has {batch_rows} rows of {length} tokens, too few for {place.world} GPUs; raise batch_tokens"
        )
    steps, tokens = _length(job, corpus, batch_rows * length)
    share = phases(corpus, tokens, job.mix, job.decay_mix, job.warmdown)
    rows = training_rows(corpus, weights(corpus, job.upsample), share, steps, batch_rows, length, pad, seed)
    return Plan(
        rows,
        held_out_rows(corpus, length, pad),
        _schedule(job, len(rows) // batch_rows, batch_rows, length, model, place),
    )


def _length(job: Training, corpus: Corpus, step_tokens: int) -> tuple[int | None, float]:
    """Return the steps, if they are given, and the tokens to see."""
    if (mixed := mix_tokens(corpus, job.mix or {})) > 0:
        return None, mixed
    if job.epochs is not None:
        return None, float(corpus.train["length"].sum()) * job.epochs
    steps = round(job.tokens / step_tokens) if job.tokens else job.shape.steps
    return (
        (max(1, steps), max(1, steps) * float(step_tokens))
        if steps is not None
        else (None, float(corpus.train["length"].sum()))
    )


def _schedule(job: Training, steps: int, batch_rows: int, length: int, model: Any, place: Place) -> Schedule:
    shape, gpu = job.shape, place.device.type == "cuda"
    most = job.pass_tokens or pass_tokens(model.config, place.device)
    mine = -(-batch_rows // place.world)
    passes = -(-mine // max(1, most // length))
    return Schedule(
        steps=steps,
        batch_rows=batch_rows,
        pass_rows=-(-mine // passes),
        optimizer=shape.optimizer,
        learning_rate=shape.learning_rate if job.init is None or job.learning_rate else INIT_LEARNING_RATE,
        warmup_steps=round(job.warmup * steps),
        decay_steps=round(job.warmdown * steps),
        weight_decay=shape.weight_decay,
        clip=job.clip,
        checkpoint_every=job.checkpoint_every,
        log_every=job.log_every,
        measure_every=job.measure_every or max(1, steps // 6),
        bf16=job.precision == "bf16" or (job.precision == "auto" and gpu),
        compile=job.compile if job.compile is not None else gpu,
        sharded=is_sharded(job, model, place),
    )


def is_sharded(job: Training, model: Any, place: Place) -> bool:
    """Whether each process is to hold its rows of weights, gradients and optimiser states instead of all."""
    if job.sharded != "auto":
        return job.sharded
    if place.world == 1 or place.device.type != "cuda":
        return False
    states = STATE_BYTES[job.shape.optimizer] * sum(parameter.numel() for parameter in model.parameters())
    return bool(states > STATES_SHARE * torch.cuda.get_device_properties(place.device).total_memory)


def pass_tokens(config: Any, device: torch.device) -> int:
    """Return the tokens of one pass: a power of two, so that what a pass keeps fits into half the GPU's memory."""
    if device.type != "cuda":
        return CPU_PASS_TOKENS
    memory = torch.cuda.get_device_properties(device).total_memory
    kept = 2 * config.num_hidden_layers * (10 * config.hidden_size + 5 * config.intermediate_size)
    return min(MOST_PASS_TOKENS, 1 << int(math.log2(ACTIVATIONS_SHARE * memory / kept)))
