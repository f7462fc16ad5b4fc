"""The variants of benchmarks/generation.py, in a process of their own: a job as JSON in, a line of JSON each out."""

import contextlib
import gc
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch

from curate.llm.backends.transformers_backend import TransformersBackend
from curate.llm.types import Completion, ModelSpec, Request

WAIT_S = 0.5
SHORT = 32
"""Requests answered before the clock starts, with a few tokens each."""


def main() -> None:
    """Run the variants of the job on standard input."""
    job = json.load(sys.stdin)
    for settings in job["variants"].values():
        try:
            found = measure(job, settings)
        except (RuntimeError, ValueError, TypeError, AttributeError, ImportError, torch.OutOfMemoryError) as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
            if "CUDA error" in found["error"]:  # the process has lost its device
                raise
        print(json.dumps({"done": found}), flush=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def measure(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Measure one variant."""
    gpu = torch.cuda.is_available()
    began = time.monotonic()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    backend = open_backend(job["model"], settings)
    try:
        with kernel(settings.get("attention")):
            run(backend, requests(job, settings)[:SHORT], 8, job["limit"])
            answers, rate = run(backend, requests(job, settings), job["tokens"], job["limit"])
            _, again = run(backend, requests(job, settings), job["tokens"], job["limit"])
        told = f"no slots: {backend.why_no_slots}" if settings["slots"] and not backend.slots else ""
        told = backend.slots.told if backend.slots else told
    finally:
        backend.close()
    return {
        "tokens_per_s": rate,
        "again": again,
        "alike": alike(Path(job["answers"]), answers, settings),
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9 if gpu else None,
        "seconds": time.monotonic() - began,
        "note": told,
        "device": torch.cuda.get_device_name() if gpu else "CPU",
    }


def open_backend(model: str, settings: dict[str, Any]) -> TransformersBackend:
    """Load the model for a variant."""
    rows = {"batch_size": settings["rows"]} if "rows" in settings else {}
    backend = TransformersBackend(ModelSpec(backend="transformers", model=model, **rows), slots=settings["slots"])
    if backend.slots:
        backend.slots.graphs = settings.get("graphs", True)
    return backend


def kernel(attention: str | None) -> contextlib.AbstractContextManager[object]:
    """Return the context in which torch takes this attention kernel alone."""
    if attention is None:
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(getattr(SDPBackend, attention))  # type: ignore[no-any-return]


def requests(job: dict[str, Any], settings: dict[str, Any]) -> list[Request]:
    """Return what is asked."""
    return [
        Request(
            str(index),
            prompt=prompt,
            max_tokens=job["tokens"],
            temperature=settings.get("temperature", 0.0),
            top_p=settings.get("top_p", 1.0),
            stop=tuple(stop),
            seed=index,
        )
        for index, (prompt, stop) in enumerate(job["prompts"])
    ]


def run(
    backend: TransformersBackend, asked: list[Request], tokens: int, limit_s: float
) -> tuple[dict[str, Completion], float]:
    """Answer as many requests as the time allows; return the answers and the rate in tokens/s."""
    from dataclasses import replace

    backend.submit([replace(request, max_tokens=tokens) for request in asked])
    answers: dict[str, Completion] = {}
    began = time.monotonic()
    until = began + limit_s
    while len(answers) < len(asked) and time.monotonic() < until:
        answers |= {answer.id: answer for answer in backend.take(min(WAIT_S, limit_s))}
    spent = time.monotonic() - began
    written = sum(answer.completion_tokens for answer in answers.values())
    if backend.slots:
        written += sum(len(row.ids) for _, row in backend.slots.live.values())
    backend.drop()
    return answers, written / spent


def alike(path: Path, answers: dict[str, Completion], settings: dict[str, Any]) -> float | None:
    """Return which share of the answers is as plain's, which are kept in a file."""
    if settings.get("temperature"):
        return None
    if not path.exists():
        if settings == {"slots": False, "rows": 16}:
            path.write_text(json.dumps({name: answer.text for name, answer in answers.items()}))
        return None
    kept = json.loads(path.read_text())
    both = [(kept[name], answer.text) for name, answer in answers.items() if name in kept]
    shares = [common(one, other) / max(len(one), len(other), 1) for one, other in both if one or other]
    return sum(shares) / len(shares) if shares else None


def common(one: str, other: str) -> int:
    """Return how many characters two texts begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


if __name__ == "__main__" and sys.argv[1:] == ["-"]:
    main()
