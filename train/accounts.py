"""The account of a training: tokens by input, speed against a measured peak, memory, energy, money.

FLOPs are counted by train/steps/model.py's formula. The peak is what a large bf16 matrix product reaches on this very
device, measured once: a maker's number is not reached by anything.
"""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch

from curate.stage import Metrics
from curate.train.corpus.packing import Corpus
from curate.train.corpus.rows import Rows
from curate.train.plan import Plan
from curate.train.steps.checkpoint import State
from curate.train.steps.model import computed_parameters, flops_per_token
from curate.train.steps.place import Place

JOULES_PER_KWH = 3.6e6
SIDE, PRODUCTS = 8192, 20


def figures(
    model: Any, corpus: Corpus, plan: Plan, state: State, place: Place, usd_per_gpu_hour: float | None
) -> Metrics:
    """Return what the report shows. Times count all starts of a training, but for what a kill lost."""
    steady = state.steady_tokens / state.steady_seconds if state.steady_seconds else None
    rate = steady or state.tokens_seen / max(state.seconds, 1e-9)
    flops = rate * flops_per_token(model, plan.rows.length)
    found: Metrics = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "computed_parameters": computed_parameters(model),
        "steps": state.step,
        "tokens_seen": state.tokens_seen,
        "unique_tokens": _unique(plan.rows),
        "dataset_tokens": int(corpus.train["length"].sum()),
        "padding_share": 1 - plan.rows.filled(0, len(plan.rows)) / (len(plan.rows) * plan.rows.length),
        "documents": len(corpus.train),
        "held_out_documents": len(corpus.held_out),
        "first_held_out_loss": state.first_held_out_loss or 0.0,
        "held_out_loss": state.held_out_loss or 0.0,
        "tokens_per_s": rate,
        "tflops": flops / 1e12,
        "train_seconds": state.seconds,
        "devices": place.world,
    }
    if place.device.type == "cuda":
        found["peak_tflops_measured"] = measured_peak(place.device.index or 0) / 1e12
        found["model_flops_utilisation"] = flops / (measured_peak(place.device.index or 0) * place.world)
        found["peak_gb"] = state.peak_bytes / 1e9
    if state.joules is not None:
        found["joules"], found["kwh"] = state.joules, state.joules / JOULES_PER_KWH
    if usd_per_gpu_hour is not None:
        found["usd"] = usd_per_gpu_hour * place.world * state.seconds / 3600
    return found


def input_figures(corpus: Corpus, rows: Rows) -> dict[str, dict[str, float]]:
    """Return for every input its documents and unique tokens, the tokens seen (visits), and their ratio (epochs)."""
    owner = corpus.train["input"][rows.segments["document"][: rows.starts[-1]]]
    seen = np.bincount(owner, weights=rows.segments["length"][: rows.starts[-1]], minlength=len(corpus.inputs))
    found = {}
    for place, name in enumerate(corpus.inputs):
        unique = corpus.unique(name)
        found[name] = {
            "documents": float((corpus.train["input"] == place).sum()),
            "unique_tokens": float(unique),
            "visits": float(seen[place]),
            "epochs": float(seen[place]) / unique if unique else 0.0,
            "share": float(seen[place] / max(seen.sum(), 1.0)),
        }
    return found


def _unique(rows: Rows) -> int:
    """Return the tokens that are seen at least once."""
    pieces = rows.segments[: rows.starts[-1]]
    key = (pieces["document"].astype(np.uint64) << np.uint64(32)) | pieces["start"]
    _, first = np.unique(key, return_index=True)
    return int(pieces["length"][first].sum())


@cache
def measured_peak(device: int) -> float:
    """Return the FLOP/s of a bf16 product of two random matrices of 8192 x 8192 on a GPU."""
    a, b = (torch.randn(SIDE, SIDE, device=f"cuda:{device}", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        a @ b
    torch.cuda.synchronize(device)
    return PRODUCTS * 2 * SIDE**3 / (time.perf_counter() - start)


def totals(metrics: Metrics, before: Mapping[str, Any]) -> dict[str, float]:
    """Return tokens over all training stages: this one's and, if it went on from a model, that one's."""
    names = ("tokens_seen", "unique_tokens", "dataset_tokens")
    return {name: before.get(name, 0) + metrics[name] for name in names}
