"""One measurement of benchmarks/train.py, as a process of its own: a job as JSON in, a line of JSON out."""

import atexit
import gc
import json
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist

import curate.train.steps.loss as losses
from benchmarks.train_variants import variant
from curate.files.shards import documents, write_shard
from curate.progress import Progress
from curate.stage import Context
from curate.train.accounts import measured_peak
from curate.train.corpus.mix import Phase
from curate.train.corpus.packing import PLACED, Corpus
from curate.train.corpus.rows import Rows, held_out_rows, training_rows
from curate.train.lm import TrainLM
from curate.train.plan import pass_tokens
from curate.train.session import prepare
from curate.train.steps.loop import Learner
from curate.train.steps.loop import train as train_loop
from curate.train.steps.loss import shifted
from curate.train.steps.model import computed_parameters, flops_per_token
from curate.train.steps.place import Place
from curate.train.steps.presets import PRESETS, config_of
from curate.train.steps.schedule import Schedule

BATCH = 131_072
LOG_EVERY = 4
PREPARED = Path(tempfile.mkdtemp())
"""The tokenizer and the tokens that the runs of `optimizers` share."""


def model_of(preset: str) -> Any:
    """Return a fresh model of a preset with its own vocabulary."""
    from transformers import LlamaForCausalLM, Qwen3ForCausalLM

    shape = PRESETS[preset]
    torch.manual_seed(1)
    config = config_of(shape, shape.vocab_size, 0, 1)
    return Qwen3ForCausalLM(config) if shape.family == "qwen3" else LlamaForCausalLM(config)


def random_rows(vocabulary: int, length: int, steps: int, batch_rows: int) -> tuple[Rows, Rows]:
    """Return rows to train on and rows held out, of documents of random tokens and lengths."""
    rng = np.random.default_rng(1)
    lengths = np.exp(rng.normal(5.5, 1.2, 6000)).astype(np.int64).clip(2, 20_000)
    index = np.zeros(len(lengths), PLACED)
    index["length"], index["offset"] = lengths, np.cumsum(lengths) - lengths
    index["order"] = rng.integers(0, 2**63, len(lengths))
    tokens = rng.integers(2, vocabulary, lengths.sum()).astype(np.uint16)
    corpus = Corpus(("random",), index[60:], index[:60], [tokens])
    total = float(steps * batch_rows * length)
    phase = Phase(total, (total / float(index["length"][60:].sum()),))
    rows = training_rows(corpus, np.ones(len(corpus.train)), [phase], steps, batch_rows, length, 1, 1)
    return rows, held_out_rows(corpus, length, 1)


def schedule_of(preset: str, settings: dict[str, Any], steps: int, device: str) -> Schedule:
    """Return the loop's settings for a variant."""
    shape = PRESETS[preset]
    gpu, batch = device == "cuda", settings.get("batch", BATCH)
    size = settings.get("pass_tokens") or pass_tokens(config_of(shape, shape.vocab_size, 0, 1), torch.device(device))
    return Schedule(
        steps=steps,
        batch_rows=max(1, batch // shape.block_length) if gpu else 4,
        pass_rows=max(1, min(size, batch) // shape.block_length) if gpu else 2,
        optimizer=settings.get("optimizer", shape.optimizer),
        learning_rate=1e-4,
        warmup_steps=2,
        decay_steps=0,
        weight_decay=0.1,
        clip=1.0,
        checkpoint_every=10**9,
        log_every=LOG_EVERY,
        measure_every=10**9,
        bf16=gpu,
        compile=gpu,
        compile_mode=settings.get("mode"),
        whole=settings.get("whole", False),
        attention=settings.get("attention", "auto"),
        sharded=settings.get("sharded", False),
    )


def speed(job: dict[str, Any]) -> dict[str, Any]:
    """Measure the loop, then the parts of a step."""
    settings, preset = job["settings"], job["preset"]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if settings.get("sharded") and not dist.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    model = model_of(preset).train()
    if not settings.get("sharded"):
        model = model.to(device)
    schedule = schedule_of(preset, settings, job["steps"], device.type)
    length = model.config.max_position_embeddings
    rows, held_out = random_rows(model.config.vocab_size, length, schedule.steps, schedule.batch_rows)
    unsaved = mock.patch("curate.train.steps.loop.save_checkpoint")  # of 1.3b it would be 11 GB
    with tempfile.TemporaryDirectory() as folder, variant(settings), unsaved:
        state = train_loop(model, rows, held_out, schedule, Path(folder), lambda *_: None, Place(device), lambda _: [])
    rate = state.steady_tokens / max(state.steady_seconds, 1e-9)
    found = told(model, length, rate, 1, device)
    found["peak_gb"] = round(state.peak_bytes / 1e9, 1)
    if not settings and job.get("parts", True):
        found |= parts(model, rows, schedule, device)
    return found


def told(model: Any, length: int, rate: float, devices: int, device: torch.device) -> dict[str, Any]:
    """Return a rate in tokens/s with what it comes to."""
    flops = rate * flops_per_token(model, length)
    peak = measured_peak(0) * devices if device.type == "cuda" else None
    return {
        "computed_parameters": computed_parameters(model),
        "tokens_per_s": rate,
        "tflops": flops / 1e12,
        "peak_tflops": peak / 1e12 if peak else None,
        "of_peak": flops / peak if peak else None,
        "torch": torch.__version__,
    }


def parts(model: Any, rows: Rows, schedule: Schedule, device: torch.device) -> dict[str, Any]:
    """Return the milliseconds of a step, and of its parts each timed alone; and the kernel that attention takes."""
    learner = Learner(model, schedule, Place(device))
    ids = torch.from_numpy(rows.read(0, schedule.batch_rows)).to(device)
    part, passes = ids[: schedule.pass_rows], -(-schedule.batch_rows // schedule.pass_rows)
    targets, scale = shifted(part, 1), torch.full((), 1e-5, device=device)
    states = learner.forward(part).detach().requires_grad_()
    gradient = torch.randn_like(states)

    def whole() -> None:
        learner.step(ids, schedule.batch_rows * rows.length, 1e-4)

    def body() -> None:
        learner.forward(part).backward(gradient)
        learner.weights.collect()

    def loss() -> None:
        losses.linear_cross_entropy(states, learner.weights.head, targets, scale, learner.kernel).backward()

    def optimizer() -> None:
        learner.optimizers.step(1e-4)

    def begin() -> None:
        learner.weights.begin()

    def data() -> None:
        rows.read(0, schedule.batch_rows)

    found = {"step": timed(whole, device), "forward_backward": timed(body, device) * passes}
    found |= {"loss": timed(loss, device) * passes, "optimizer": timed(optimizer, device)}
    found |= {"refresh": timed(begin, device), "data_on_the_host": timed(data, device)}
    return {"ms": {name: round(value, 2) for name, value in found.items()}, "attention": learner.attention}


def timed(work: Any, device: torch.device, turns: int = 6) -> float:
    """Return the milliseconds of one call, the mean of some after two."""
    for _ in range(2):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(turns):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / turns * 1000


def trainer(job: dict[str, Any]) -> dict[str, Any]:
    """Measure transformers.Trainer: the same model, batch, pass and precision, with fused AdamW."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    schedule = schedule_of(job["preset"], {}, job["steps"], device.type)
    model = model_of(job["preset"])
    length = model.config.max_position_embeddings
    ids = torch.randint(2, model.config.vocab_size, (schedule.batch_rows * 2, length))
    data = [{"input_ids": row, "labels": row} for row in ids] * (job["steps"] // 2 + 1)
    times: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=schedule.pass_rows,
            gradient_accumulation_steps=schedule.batch_rows // schedule.pass_rows,
            max_steps=job["steps"],
            bf16=device.type == "cuda",
            torch_compile=device.type == "cuda" and job["name"].endswith("compiled"),
            optim="adamw_torch_fused",
            learning_rate=1e-4,
            logging_steps=10**6,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_num_workers=2 if device.type == "cuda" else 0,
            use_cpu=device.type == "cpu",
        )
        Trainer(model=model, args=arguments, train_dataset=data, callbacks=[Watch()]).train()
    rate = (len(times) - 1 - LOG_EVERY) * schedule.batch_rows * length / (times[-1] - times[LOG_EVERY])
    found = told(model, length, rate, 1, device)
    found["peak_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 1) if device.type == "cuda" else 0.0
    return found


def own_files(folder: Path) -> Path:
    """Write the standard library as a stage's kept documents, over and over until there is enough of it."""
    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))[:1500]
    rows = [{"id": str(n), "text": path.read_text(errors="replace"), "source": "s"} for n, path in enumerate(files)]
    write_shard(documents(rows), folder / "kept" / "0.parquet")
    return folder


def scaling(job: dict[str, Any]) -> dict[str, Any]:
    """Run the stage on so many GPUs."""
    with tempfile.TemporaryDirectory() as name:
        corpus = own_files(Path(name) / "corpus")
        stage = TrainLM(
            preset=job["preset"],
            steps=job["steps"],
            batch_tokens=BATCH if torch.cuda.is_available() else 4096,
            gpus=job["gpus"] if torch.cuda.is_available() else 0,
            sharded=job.get("sharded", "auto"),
            tokenizer_mb=8,
            log_every=LOG_EVERY,
            checkpoint_every=10**6,
            measure_every=10**6,
        )
        return run_stage(stage, {"corpus": corpus}, Path(name) / "out")


def run_stage(stage: TrainLM, inputs: dict[str, Path], out: Path) -> dict[str, Any]:
    """Run the stage and return its figures."""
    out.mkdir(parents=True, exist_ok=True)
    metrics = stage.run(Context("model", 17, out, inputs), Progress())
    names = ("tokens_per_s", "tflops", "peak_gb", "held_out_loss", "steps", "kwh", "train_seconds", "padding_share")
    found: dict[str, Any] = {name: metrics.get(name) for name in names}
    found |= {"of_peak": metrics.get("model_flops_utilisation"), "peak_gb": metrics.get("peak_gb", 0.0)}
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found["curve"] = [[line["step"], line["held_out_loss"]] for line in lines if "held_out_loss" in line]
    return found


def optimizers(job: dict[str, Any]) -> dict[str, Any]:
    """Run the stage with one optimiser on real documents; the corpus is tokenised once for all of this process."""
    with tempfile.TemporaryDirectory() as name:
        inputs = {}
        for path in map(Path, job["corpus"]):
            folder = Path(name) / path.stem
            (folder / "kept").mkdir(parents=True)
            (folder / "kept" / "0.parquet").symlink_to(path.resolve())
            inputs["part_" + path.stem.replace("-", "_")] = folder
        stage = TrainLM(
            preset=job["preset"],
            tokens=job["tokens"],
            optimizer=job["optimizer"],
            learning_rate=job.get("learning_rate"),
            tokenizer_mb=32,
            gpus=job["gpus"] if torch.cuda.is_available() else 0,
            measure_every=20,
        )
        if not list(PREPARED.iterdir()):
            prepare(stage, Context("model", 17, PREPARED, inputs), Progress())
        out = Path(name) / "out"
        shutil.copytree(PREPARED, out)
        return run_stage(stage, inputs, out)


def run_one(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job of one variant."""
    if job["part"] in {"speed", "sharding"}:
        return trainer(job) if job["name"].startswith("Trainer") else speed(job)
    return scaling(job) if job["part"] == "scaling" else optimizers(job)


def run_all(job: dict[str, Any]) -> None:
    """Do a job's variants one after another and print a line each; one that fails is an error in its line."""
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    for chosen in job["variants"]:
        start = time.monotonic()
        try:
            found = run_one({**job, **chosen})
        except Exception as error:  # noqa: BLE001 - the next variant may do better
            found = {"error": f"{type(error).__name__}: {error}"[:600]}
        print(json.dumps({"done": {**found, "seconds": round(time.monotonic() - start, 1)}}), flush=True)
        gc.collect()
        torch._dynamo.reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def end_with(parent: int) -> None:
    """End this process, and what it has started, when the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__" and len(sys.argv) == 2:
    atexit.register(shutil.rmtree, PREPARED, ignore_errors=True)
    if os.getpgid(0) == os.getpid():
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    run_all(json.loads(sys.argv[1]))
