"""What a model of ours generates in a second through the backend `transformers`, by ways to do it.

    python3 -m benchmarks.generation [--quick] [--model FOLDER | --preset 124m] [--variants A;B] [--out FILE.json]

The prompts are HumanEval's and MBPP's (where they are to be had; else functions of this repository), each answered
with at most 512 tokens. Without a model one is made on the spot, with a preset's shape and random weights: it hardly
ever ends an answer, so all are of full length. Each variant answers the same requests, as many as its time allows:
once with all that must be set up (kernels, CUDA graphs) after 32 short ones, then `again`.

plain               batches of 16 rows, as before slots; rows that are done leave, no new ones come
plain, 512 rows     the same with batches of 512
slots               what is used on a GPU: 512 slots, steps as CUDA graphs
slots, no graphs    the same, each kernel launched by itself
slots, sampled      temperature 0.8, top_p 0.95
256 slots, 1,024 slots, and slots with one of torch's attention kernels

`alike` is the share of an answer before it first differs from plain's, on average: in bfloat16 two ways to the same
logits differ by rounding. Variants share a process; what fails is a line, not the end. What is done is in the file
after each. Without a GPU, --preset tiny --tokens 16 --prompts 24 rehearses it.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"slots": False, "rows": 16},
    "slots": {"slots": True},
    "plain, 512 rows": {"slots": False, "rows": 512},
    "slots, no graphs": {"slots": True, "graphs": False},
    "slots, sampled": {"slots": True, "temperature": 0.8, "top_p": 0.95},
    "1,024 slots": {"slots": True, "rows": 1024},
    "256 slots": {"slots": True, "rows": 256},
    "efficient attention": {"slots": True, "attention": "EFFICIENT_ATTENTION"},
    "cudnn attention": {"slots": True, "attention": "CUDNN_ATTENTION"},
    "math attention": {"slots": True, "attention": "MATH"},
}
QUICK = ("plain", "slots", "slots, sampled", "slots, no graphs", "plain, 512 rows", "math attention", "1,024 slots")


def main() -> None:
    """Make the model and the prompts, run the variants in a process beside, print a line each, keep all in a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the variants that decide, in about a minute on a GPU")
    parser.add_argument("--model", default="", help="a folder, instead of random weights")
    parser.add_argument("--preset", default="124m", help="the shape of random weights")
    parser.add_argument("--variants", default="", help="names, split by ';'")
    parser.add_argument("--tokens", type=int, default=512, help="tokens of an answer at most")
    parser.add_argument("--prompts", type=int, default=0, help="so many of the prompts; default: all")
    parser.add_argument("--limit", type=float, default=0, help="seconds of one pass; default: 30, with --quick 8")
    parser.add_argument("--budget", type=float, default=0, help="seconds for all; default: 600, with --quick 120")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "generation.json")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    given = parser.parse_args()
    if not given.model and given.preset != "tiny" and not gpu_here():
        print("no GPU here, where a large model would take hours; --preset tiny --tokens 16 --prompts 24 rehearses it")
        return
    given.limit = given.limit or (8 if given.quick else 30)
    given.budget = given.budget or (120 if given.quick else 600)
    names = given.variants.split(";") if given.variants else QUICK if given.quick else tuple(VARIANTS)
    if unknown := [name for name in names if name not in VARIANTS]:
        parser.error(f"{unknown[0]!r} is none of {'; '.join(VARIANTS)}")
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or make_model(given.preset, Path(folder) / "model")
        asked, source = prompts()
        job = {
            "model": str(model),
            "prompts": asked[: given.prompts or None],
            "tokens": given.tokens,
            "limit": given.limit,
            "answers": str(Path(folder) / "plain.json"),
        }
        Runner(job, given, {"model": given.model or f"{given.preset}, random weights", "prompts": source}).run(names)


def gpu_here() -> bool:
    """Tell whether there is a GPU."""
    import torch

    return torch.cuda.is_available()


def make_model(preset: str, folder: Path) -> Path:
    """Write a model of a preset's shape with random weights, and a tokenizer trained on this repository's code."""
    import torch
    from transformers import LlamaForCausalLM, Qwen3ForCausalLM
    from transformers.utils import logging

    from curate.train.corpus.tokenizer import train_tokenizer
    from curate.train.steps.presets import PRESETS, config_of

    logging.disable_progress_bar()
    shape = PRESETS[preset]
    tokenizer = train_tokenizer((path.read_text() for path in sources()), shape.vocab_size)
    torch.manual_seed(1)
    config = config_of(shape, shape.vocab_size, tokenizer.eos_token_id, tokenizer.pad_token_id)
    made = Qwen3ForCausalLM(config) if shape.family == "qwen3" else LlamaForCausalLM(config)
    made.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sources() -> list[Path]:
    """Return this repository's Python files."""
    found = (path for name in ("curate", "eval", "filters", "synth", "train") for path in (ROOT / name).rglob("*.py"))
    return sorted(found)


def prompts() -> tuple[list[tuple[str, list[str]]], str]:
    """Return prompts with their stop strings, and where they are from."""
    from curate.benchmarks import catalogue as benchmarks
    from curate.errors import UserError
    from curate.eval.asking.protocols import choose

    try:
        found = []
        for name in ("humaneval@completion", "mbpp@doc-500"):
            asking = choose(name)
            put = asking.prompts(benchmarks.load(asking.data))
            found += [(str(prompt), list(asking.stop)) for prompt in put.values()]
        return found, "HumanEval and MBPP"
    except UserError as error:
        print(f"{error}; functions of this repository are asked instead", file=sys.stderr)
    parts = [part for path in sources() for part in path.read_text().split("\n\n\n") if part.startswith("def ")]
    return [(part[:600], ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]) for part in parts[:664]], "this repository"


class Runner:
    """Runs variants in a process beside, and a fresh one for the rest where that dies or takes too long."""

    def __init__(self, job: dict[str, Any], given: argparse.Namespace, facts: dict[str, Any]) -> None:
        self.job, self.given, self.facts = job, given, facts
        self.results: list[dict[str, Any]] = []
        self.start = time.monotonic()

    def run(self, names: tuple[str, ...] | list[str]) -> None:
        """Run all that fits into the budget."""
        if not self.given.json:
            print(f"{'way':<22}{'tokens/s':>10}{'again':>10}{'x plain':>9}{'alike':>7}{'GB':>7}{'s':>6}", flush=True)
        left = list(names)
        while left:
            if time.monotonic() - self.start > self.given.budget:
                for name in left:
                    self._done({"name": name, "error": "not started: the budget was used up"})
                break
            why = self._process(left)
            if left:
                self._done({"name": left.pop(0), "error": why})
        if self.given.json:
            print(json.dumps(self.facts | {"results": self.results}, indent=1))

    def _process(self, left: list[str]) -> str:
        """Run the variants left in one process, taking from the list what is done; return why it ended."""
        limit = max(60.0, self.given.budget - (time.monotonic() - self.start))
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.generation_job", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
            ) as process,
        ):
            alarm = threading.Timer(limit, process.kill)
            alarm.start()
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps({**self.job, "variants": {name: VARIANTS[name] for name in left}}))
                process.stdin.close()
            for line in process.stdout:
                if line.startswith('{"done"'):
                    self._done({"name": left.pop(0)} | json.loads(line)["done"])
            process.wait()
            late = not alarm.is_alive()
            alarm.cancel()
            errors.seek(0)
            lines = [line.strip() for line in errors.read().splitlines() if line.strip()]
        return (
            f"stopped after {limit:.0f} s"
            if late
            else " | ".join(lines[-4:])[-600:] or f"ended with {process.returncode}"
        )

    def _done(self, result: dict[str, Any]) -> None:
        self.facts |= {"device": result.pop("device")} if "device" in result else {}
        self.results.append(result)
        plain = next(
            (
                one["again"] or one["tokens_per_s"]
                for one in self.results
                if one["name"] == "plain" and "error" not in one
            ),
            0,
        )
        if "error" not in result and plain:
            result["times_plain"] = (result["again"] or result["tokens_per_s"]) / plain
        if not self.given.json:
            print(_line(result), flush=True)
        self.given.out.parent.mkdir(parents=True, exist_ok=True)
        self.given.out.write_text(json.dumps(self.facts | {"results": self.results}, indent=1) + "\n")


def _line(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"{found['name']:<22}{found['error']}"
    told = [f"{found[key]:{form}}" if found.get(key) is not None else "-" for key, form in COLUMNS]
    cells = "".join(f"{cell:>{width}}" for cell, width in zip(told, (10, 10, 9, 7, 7, 6), strict=True))
    return f"{found['name']:<22}{cells}  {found['note']}"


COLUMNS = (
    ("tokens_per_s", ",.0f"),
    ("again", ",.0f"),
    ("times_plain", ".1f"),
    ("alike", ".0%"),
    ("peak_gb", ".1f"),
    ("seconds", ".0f"),
)


if __name__ == "__main__":
    main()
