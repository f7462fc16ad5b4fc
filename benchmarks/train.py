"""Training on GPUs, measured: our loop by variants, beside transformers.Trainer, on several GPUs, Muon beside AdamW.

    python3 -m benchmarks.train speed [--quick] [--presets 124m,350m] [--budget 360] [--out FILE.json]
    python3 -m benchmarks.train sharding [--presets 1.3b] [--out FILE.json]
    python3 -m benchmarks.train scaling [--presets 124m] [--out FILE.json]
    python3 -m benchmarks.train optimizers --corpus FILE.parquet[,FILE.parquet] [--presets 60m] [--tokens 1e8]

On a machine without the project installed, run it in the repository's folder with what is missing beside it:

    PYTHONPATH=.:extra python3 -m benchmarks.train speed --quick --out $OUT/train.json                        # 1 GPU
    PYTHONPATH=.:extra python3 -m benchmarks.train speed scaling --quick --budget 420 --out $OUT/train.json   # 2 or 4

The variants of a preset share a process with a time limit, all else has one of its own; what fails is a line, not the
end. Processes run side by side, one a GPU, as long as there are GPUs; those of `scaling` take several at once. What is
done is in the file after each, and what it comes to is said at the end.

speed       tokens/s of `curate.train.steps.loop.train` on rows of random tokens, once compiled, and for `ours` a step's
            parts timed apart; beside it Trainer with the same model, batch and precision, compiled and not
sharding    the same loop at 1.3b with weights, gradients and states whole and sharded: tokens/s and peak memory; on
            several GPUs the stage, sharded and not
scaling     the stage as a recipe runs it, on one GPU, two, four, with the same batch
optimizers  the stage on real documents: AdamW for so many tokens at several learning rates, Muon for as many, two
            thirds, half and a third, each with its own decay: where Muon's held-out loss reaches AdamW's

FLOPs are 6 N + 12 x layers x heads x head size x length a token, N with the head and without the embedding look-up; the
peak is a bf16 product of two random matrices of 8192 x 8192 on the same GPU in the same process.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BATCH = 131_072
Job = dict[str, Any]

VARIANTS: dict[str, dict[str, Any]] = {
    "ours": {},
    "cudnn attention": {"attention": "cudnn"},
    "flash attention": {"attention": "flash"},
    "chunks of 32,768": {"chunk": 32_768},
    "passes of 32,768": {"pass_tokens": 32_768},
    "passes of 65,536": {"pass_tokens": 65_536},
    "compiled whole": {"whole": True},
    "adamw": {"optimizer": "adamw"},
    "all logits in the graph": {"loss": "whole"},
    "cudnn, chunks of 32,768": {"attention": "cudnn", "chunk": 32_768},
    "joined projections": {"joined": True},
    "coordinate descent": {"inductor": {"coordinate_descent_tuning": True}},
    "max-autotune": {"mode": "max-autotune-no-cudagraphs"},
}
QUICK = ("ours", "adamw", "joined projections", "coordinate descent")
TRAINERS = ("Trainer, compiled", "Trainer")


def main() -> None:
    """Plan the measurements, run them, print a line each and keep all in a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", default=["speed"], help="speed (the default), sharding, scaling, optimizers"
    )
    parser.add_argument("--quick", action="store_true", help="the variants that decide, and fewer steps")
    parser.add_argument("--presets", default="", help="by default 124m and 350m; 1.3b for sharding")
    parser.add_argument("--variants", default="", help="names of speed, split by ';', instead of all")
    parser.add_argument("--steps", type=int, default=0, help="steps of a measurement")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to use; default: all")
    parser.add_argument("--budget", type=float, default=360, help="seconds after which nothing new is started")
    parser.add_argument("--limit", type=float, default=200, help="seconds for one measurement")
    parser.add_argument("--corpus", default="", help="Parquet files with id and text, for optimizers")
    parser.add_argument("--tokens", type=float, default=1e8, help="tokens that AdamW sees in optimizers")
    parser.add_argument("--rates", default="3e-4,5e-4,1e-3,2e-3", help="AdamW's learning rates in optimizers")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "train.json")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PLANS]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(PLANS)}")
    gpus = given.gpus or _gpu_count()
    if not gpus:
        print("no GPU here; --gpus 1 measures on the CPU, which only the preset tiny suits")
        return
    jobs = [job for part in given.parts for job in PLANS[part](given, gpus)]
    Runner(jobs, gpus, given).run()


def _gpu_count() -> int:
    import torch

    return torch.cuda.device_count()


def plan_speed(given: argparse.Namespace, _: int) -> list[Job]:
    """The first preset in all variants, the others as they are; Trainer beside each."""
    presets = (given.presets or "124m,350m").split(",")
    names = given.variants.split(";") if given.variants else QUICK if given.quick else tuple(VARIANTS)
    if unknown := [name for name in names if name not in VARIANTS and name not in TRAINERS]:
        sys.exit(f"{unknown[0]!r} is none of {', '.join((*VARIANTS, *TRAINERS))}")
    steps = given.steps or (24 if given.quick else 48)
    first, *others = presets
    groups: list[tuple[str, Sequence[str]]] = [(first, [name for name in names if name in VARIANTS])]
    groups += [(preset, ["ours"]) for preset in others]
    groups += [(preset, [name]) for preset in presets for name in TRAINERS if not given.variants or name in names]
    return [
        {
            "part": "speed",
            "steps": steps,
            "gpus": 1,
            "preset": preset,
            "variants": [{"name": name, "settings": VARIANTS.get(name, {})} for name in group],
        }
        for preset, group in groups
        if group
    ]


def plan_sharding(given: argparse.Namespace, gpus: int) -> list[Job]:
    """The loop on one GPU with the weights whole and sharded; the stage on several, likewise."""
    preset = (given.presets or "1.3b").split(",")[0]
    kinds = [("whole", False), ("sharded", True)]
    alone = {"part": "sharding", "preset": preset, "gpus": 1, "steps": given.steps or 12, "parts": False}
    jobs: list[Job] = [
        {**alone, "variants": [{"name": name, "settings": {"sharded": sharded, "batch": BATCH // 2}}]}
        for name, sharded in kinds
    ]
    together = {"part": "scaling", "preset": preset, "steps": given.steps or 24}
    for count in (2, 4, 8):
        for name, sharded in kinds if count <= gpus else ():
            jobs.append(
                {**together, "gpus": count, "sharded": sharded, "variants": [{"name": f"{count} GPUs, {name}"}]}
            )
    return jobs


def plan_scaling(given: argparse.Namespace, gpus: int) -> list[Job]:
    """The stage on one GPU, two, four, with the same batch."""
    preset = (given.presets or "124m").split(",")[0]
    steps = given.steps or (40 if given.quick else 80)
    counts = [count for count in (1, 2, 4, 8) if count <= gpus]
    return [
        {
            "part": "scaling",
            "preset": preset,
            "variants": [{"name": f"{count} GPU" + "s" * (count > 1)}],
            "gpus": count,
            "steps": steps,
        }
        for count in counts
    ]


def plan_optimizers(given: argparse.Namespace, _: int) -> list[Job]:
    """AdamW for so many tokens at several rates, Muon for as many and fewer, all on one tokenised corpus."""
    tokens = given.tokens
    adamw: list[Job] = [
        {"name": f"adamw at {rate:.3g}", "optimizer": "adamw", "tokens": tokens, "learning_rate": rate}
        for rate in map(float, given.rates.split(","))
    ]
    first, *shorter = [
        {"name": f"muon, {share:.2g} of the tokens", "optimizer": "muon", "tokens": tokens * share}
        for share in (1.0, 2 / 3, 0.5, 1 / 3)
    ]
    variants: list[Job] = [first, *adamw, *shorter]
    shared = {"preset": (given.presets or "124m").split(",")[0], "gpus": 1, "corpus": given.corpus.split(",")}
    return [{"part": "optimizers", **shared, "variants": variants}]


PLANS = {"speed": plan_speed, "sharding": plan_sharding, "scaling": plan_scaling, "optimizers": plan_optimizers}


def sums(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the results come to: the loop beside Trainer and the bar, sharded beside whole, Muon beside AdamW."""
    done = [found for found in results if "error" not in found]
    lines = []
    for preset in dict.fromkeys(found["preset"] for found in done):
        mine = [found for found in done if found["preset"] == preset]
        rates = {found["name"]: found["tokens_per_s"] for found in mine if found["part"] == "speed"}
        for other in TRAINERS:
            for name in rates if other in rates else ():
                if name not in TRAINERS:
                    lines.append(f"{preset}: {name} is {rates[name] / rates[other]:.2f} times {other}")
        held = {found["name"]: found for found in mine if found["part"] == "sharding"}
        if {"whole", "sharded"} <= held.keys():
            speed, memory = (
                held["sharded"][key] / max(held["whole"][key], 1e-9) for key in ("tokens_per_s", "peak_gb")
            )
            lines.append(f"{preset}: sharded has {speed:.3f} of the tokens/s of whole, and {memory:.3f} of its memory")
        lines += _reached(preset, [found for found in mine if found["part"] == "optimizers"])
    return lines


def _reached(preset: str, runs: list[dict[str, Any]]) -> list[str]:
    """Say in how many steps Muon has reached the lowest held-out loss of AdamW."""
    adamw = [run for run in runs if run["optimizer"] == "adamw"]
    muon = sorted((run for run in runs if run["optimizer"] == "muon"), key=lambda run: float(run["steps"]))
    if not adamw or not muon:
        return []
    best = min(adamw, key=lambda run: float(run["held_out_loss"]))
    said = (
        f"{preset}: {best['name']} ends at a held-out loss of {best['held_out_loss']:.3f} after {best['steps']} steps"
    )
    for run in muon:
        if run["held_out_loss"] <= best["held_out_loss"]:
            ratio = best["steps"] / run["steps"]
            return [f"{said}; muon at {run['held_out_loss']:.3f} after {run['steps']} ({ratio:.2f} times fewer)"]
    return [f"{said}; muon is above it after {muon[-1]['steps']}"]


class Runner:
    """Runs jobs side by side, each in a process on GPUs of its own."""

    def __init__(self, jobs: list[Job], gpus: int, given: argparse.Namespace) -> None:
        self.waiting, self.free, self.given = jobs, list(range(gpus)), given
        self.changed = threading.Condition()
        self.results: list[dict[str, Any]] = []
        self.start = time.monotonic()

    def run(self) -> None:
        """Run all that fits into the budget."""
        print(
            f"{'part':<11}{'preset':<12}{'what':<26}{'tokens/s':>10}{'TFLOP/s':>9}{'of peak':>9}{'GB':>7}{'s':>6}",
            flush=True,
        )
        threads = []
        with self.changed:
            while self.waiting:
                job = next((job for job in self.waiting[:1] if job["gpus"] <= len(self.free)), None)
                if time.monotonic() - self.start > self.given.budget:
                    break
                if job is None:
                    self.changed.wait(1.0)
                    continue
                self.waiting.remove(job)
                mine = [self.free.pop(0) for _ in range(job["gpus"])]
                threads.append(threading.Thread(target=self._one, args=(job, mine)))
                threads[-1].start()
            skipped = list(self.waiting)
        for thread in threads:
            thread.join()
        for job in skipped:
            for variant in job["variants"]:
                self._done({**_facts(job), **variant, "error": "not started: the budget was used up"})
        print("\n".join(sums(self.results)), flush=True)

    def _one(self, job: Job, gpus: list[int]) -> None:
        began = time.monotonic()
        own = 3600 if job["part"] == "optimizers" else self.given.limit + 40 * (len(job["variants"]) - 1)
        left = self.given.budget + 60 - (began - self.start)
        limit = max(30.0, min(own, left))
        visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus))} if _gpus_there() else {}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.train_job", json.dumps(job)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **visible, "TOKENIZERS_PARALLELISM": "true"},
        )
        alarm = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        assert process.stdout is not None
        assert process.stderr is not None
        errors: list[str] = []
        listener = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        listener.start()
        left_over = list(job["variants"])
        for line in process.stdout:
            if line.startswith('{"done"'):
                found = json.loads(line)["done"]
                with self.changed:
                    self._done({**_facts(job), **left_over.pop(0), **found})
        process.wait()
        alarm.cancel()
        listener.join(5)
        late = time.monotonic() - began >= limit
        why = f"stopped after {limit:.0f} s" if late else _tail("".join(errors))
        with self.changed:
            for variant in left_over:
                self._done({**_facts(job), **variant, "error": why})
            self.free += gpus
            self.changed.notify()

    def _done(self, result: dict[str, Any]) -> None:
        self.results.append(result)
        print(_line(result), flush=True)
        self.given.out.parent.mkdir(parents=True, exist_ok=True)
        self.given.out.write_text(json.dumps({"results": self.results}, indent=1) + "\n")


def _facts(job: Job) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key != "variants"}


def _gpus_there() -> bool:
    return Path("/dev/nvidiactl").exists()


def _tail(errors: str) -> str:
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    return " | ".join(lines[-6:])[-1500:]


def _line(found: dict[str, Any]) -> str:
    head = f"{found['part']:<11}{found['preset']:<12}{found['name']:<26}"
    if "error" in found:
        return f"{head}{found['error']}"
    share = f"{100 * found['of_peak']:8.1f}%" if found.get("of_peak") else f"{'-':>9}"
    rest = f"{found['tokens_per_s']:10,.0f}{found['tflops']:9.1f}{share}{found['peak_gb']:7.1f}{found['seconds']:6.0f}"
    extra = {key: found[key] for key in ("ms", "attention", "held_out_loss", "kwh") if found.get(key) is not None}
    return f"{head}{rest}  {json.dumps(extra)}"


if __name__ == "__main__":
    main()
