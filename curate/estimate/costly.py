"""What asks a model, trains one or scores one: tokens, GPU hours, dollars.

A stage that was run before on this machine, on the same model, tells best. Else a teacher's tokens are those of a
measured run with another teacher, without the prompts, and so a lower bound of the price; how fast it answers is known
of the teacher that was measured, and of no other. Training goes by the tokens/s of its preset on one GPU, or, where
that was not measured, by the FLOP/s of the largest preset that was.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from curate.estimate.earlier import Earlier, nearest
from curate.estimate.figures import Flow, Forecast, Known, summed
from curate.estimate.shapes import flops_per_token, parameters
from curate.llm.types import ModelSpec, cost
from curate.recipe import Node
from curate.train.corpus.mix import Epochs
from curate.train.parameters import Training

SMALLEST_ON_GPU = 50e6
"""Parameters from which on a training is reckoned for a GPU where none was made here before."""
BYTES_PER_WEIGHT = 4
REACH = 100
"""An earlier run tells of so many times the attempts that it made, and no more."""


def asking(known: Known, node: Node, above: Flow, spec: ModelSpec) -> Forecast:
    """Return the forecast of a maker that asks a teacher: an attempt a document, or as many as it is to make."""
    count = getattr(node.stage, "count", None)
    attempts = above.documents if count is None else min(float(count), above.documents or float(count))
    one = Forecast(node.name, node.use, "to do", Flow(), takes=_takes(spec))
    if attempts is None:
        return one
    before = _asked_before(known, node, spec, attempts)
    if before is not None:
        scale = attempts / before.rows_in
        each = before.bytes_kept / max(before.rows_kept, 1)
        kept = before.rows_kept * scale
        one = replace(one, out=Flow(kept, kept * each, above.at_most))
        return _spent(known, one, spec, before, scale)
    made = _documents(known, node.use, attempts)
    measured: Mapping[str, Any] | None = known.rates["synthesis"].get(node.use)
    if measured is None:
        one = replace(one, out=replace(made, at_most=True))
        written = known.rates["tokens_per_document"].get(node.use)
        origin = f"{written['from']} (tokens of what was kept)" if written else ""
        return _answered(one, spec, attempts * written["value"], origin) if written else one
    one = replace(one, out=replace(made.times(measured["kept"]), at_most=above.at_most))
    tokens = attempts * measured["output_tokens"]
    one = _answered(one, spec, tokens, f"{measured['from']} (answers of {measured['model']}, without the prompts)")
    if spec.backend == "vllm" and spec.model == measured["model"]:
        return _on_gpus(known, one, tokens / measured["output_tokens_per_s"] / 3600, spec.gpus, None)
    return one


def _documents(known: Known, use: str, count: float) -> Flow:
    """Return so many made documents, with their text where the length of their kind was measured."""
    written = known.rates["tokens_per_document"].get(use)
    width = known.rates["bytes_per_token"].get(written["vocabulary"]) if written else None
    return Flow(count, count * written["value"] * width["value"] if written and width else None)


def _answered(one: Forecast, spec: ModelSpec, tokens: float, origin: str) -> Forecast:
    """Add the tokens of answers alone, and their price."""
    one = replace(one.resting_on(origin, tokens=tokens), at_least=frozenset({"tokens"}))
    if spec.usd_per_mtok is None:
        return one
    return replace(one, usd=cost(spec, 0, round(tokens)), at_least=frozenset({"tokens", "usd"}))


def judging(known: Known, node: Node, above: Flow, spec: ModelSpec, one: Forecast) -> Forecast:
    """Return the forecast of a filter that asks a grader about some of its documents."""
    one = replace(one, takes=_takes(spec), seconds=None)
    count = getattr(node.stage, "count", None)
    if not count or above.documents is None:
        return one
    asked = min(float(count), above.documents)
    before = _asked_before(known, node, spec, asked)
    if before is None:
        return one
    return _spent(known, one, spec, before, asked / min(float(before.parameters.get("count") or 1), before.rows_in))


def _asked_before(known: Known, node: Node, spec: ModelSpec, attempts: float) -> Earlier | None:
    """Return an earlier stage of the kind that asked the same model, and about enough documents to tell."""
    same = (spec.backend, spec.model)
    asked = [each for each in known.earlier if each.tokens and each.model == same and each.rows_in * REACH >= attempts]
    return nearest(asked, node.use, node.name)


def _takes(spec: ModelSpec) -> frozenset[str]:
    return frozenset(
        {"tokens", "usd"}
        if spec.backend == "openai"
        else {"tokens", "gpu_hours"}
        if spec.backend == "vllm"
        else {"tokens"}
    )


def _spent(known: Known, one: Forecast, spec: ModelSpec, before: Earlier, scale: float) -> Forecast:
    """Add what asking comes to, by an earlier run of the stage."""
    prompt, answer = before.tokens or (0.0, 0.0)
    one = one.resting_on(before.where, tokens=(prompt + answer) * scale, seconds=before.wall_s * scale)
    if spec.usd_per_mtok is not None:
        one = replace(one, usd=cost(spec, round(prompt * scale), round(answer * scale)))
    if spec.backend == "vllm" and spec.gpus != "auto":
        return _on_gpus(known, one, before.wall_s * scale * spec.gpus / 3600, spec.gpus, None)
    return one


def _on_gpus(known: Known, one: Forecast, hours: float, gpus: int | str, price: float | None) -> Forecast:
    """Add GPU hours, their price, and how long so many GPUs take (one, where it is not said how many)."""
    count = gpus if isinstance(gpus, int) and gpus else 1
    usd = price if price is not None else known.usd_per_gpu_hour
    one = replace(one, gpu_hours=hours, seconds=hours * 3600 / count, takes=one.takes | {"gpu_hours", "usd"})
    return one if usd is None else replace(one, usd=(one.usd or 0.0) + hours * usd)


def training(known: Known, node: Node, begun: Training, inputs: Mapping[str, Flow], above: Flow) -> Forecast:
    """Return the forecast of a training: tokens to see, and how long they take on one GPU, or took here before.

    `begun` is the training that chose the shape of the model.
    """
    job = node.stage
    assert isinstance(job, Training)
    tokens, origins = _tokens_to_see(known, job, begun, inputs, above)
    one = Forecast(node.name, node.use, "to do", Flow(), tokens=tokens, takes=frozenset({"tokens"}), origins=origins)
    one = replace(one, disk_bytes=float(parameters(begun.shape) * BYTES_PER_WEIGHT))
    before = nearest(known.earlier, node.use, node.name, {"preset": job.preset, "gpus": job.gpus, "init": job.init})
    if before is not None and tokens is not None and before.metrics.get("tokens_per_s"):
        return one.resting_on(before.where, seconds=tokens / before.metrics["tokens_per_s"])
    if job.gpus == 0 or parameters(begun.shape) < SMALLEST_ON_GPU:
        return one
    one = replace(one, takes=one.takes | {"gpu_hours", "usd"})
    if tokens is None:
        return one
    speed, why = _speed(known, begun)
    return _on_gpus(known, one.resting_on(why), tokens / speed / 3600, job.gpus, job.usd_per_gpu_hour)


def _speed(known: Known, begun: Training) -> tuple[float, str]:
    """Return tokens/s on one GPU, and what says so."""
    measured: Mapping[str, Any] = known.rates["training"]
    if begun.preset in measured:
        found = measured[begun.preset]
        return found["tokens_per_s"][
            "value"
        ], f"{found['tokens_per_s']['from']} ({begun.preset}, one {found['device']})"
    largest = max(measured, key=lambda name: measured[name]["tflops"]["value"])
    found = measured[largest]
    speed = found["tflops"]["value"] * 1e12 / flops_per_token(begun.shape)
    told = f"{found['tflops']['value']:.0f} TFLOP/s of {largest} on one {found['device']}, {begun.preset} not measured"
    return speed, f"{found['tflops']['from']} ({told})"


def _tokens_to_see(
    known: Known, job: Training, begun: Training, inputs: Mapping[str, Flow], above: Flow
) -> tuple[float | None, tuple[str, ...]]:
    """Return the tokens that a training sees, and what they rest on; nothing where the recipe says it."""
    passes = {name: mixed.epochs for name, mixed in (job.mix or {}).items() if isinstance(mixed, Epochs)}
    if not passes:
        if job.tokens is not None:
            return job.tokens, ()
        if job.epochs is None and (steps := job.steps or job.shape.steps) is not None:
            return float(steps * job.shape.batch_tokens), ()
    width = known.rates["bytes_per_token"].get(str(begun.shape.vocab_size))
    if passes:
        sizes = [None if (size := inputs[name].text_bytes) is None else size * often for name, often in passes.items()]
        size = summed(sizes)
    else:
        size = None if above.text_bytes is None else above.text_bytes * (job.epochs or 1.0)
    if size is None or width is None:
        return None, ()
    return size * (1 - job.held_out) / width["value"], (width["from"],)


def scoring(known: Known, node: Node) -> Forecast:
    """Return the forecast of a scoring: what it took before in the same run, with the same tasks."""
    one = Forecast(node.name, node.use, "to do", Flow())
    before = nearest([each for each in known.earlier if each.where == known.here], node.use, node.name)
    if before is None or before.parameters.get("tasks") != node.stage.model_dump(mode="json").get("tasks"):
        return one
    return one.resting_on(before.where, seconds=before.wall_s, disk_bytes=float(before.disk_bytes))
