"""The rates that `curate plan` estimates by, gathered from what the other benchmarks measured.

    python -m benchmarks.rates

In: benchmarks/results/*.json, and the table of docs/synthesis.md, whose run took a GPU. Out:
curate/estimate/rates.json, which travels with the package; every figure names the file that it is from. Nothing is
measured here.
"""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
RATES = ROOT / "curate" / "estimate" / "rates.json"
LEAN = {
    "exact": "dedup.exact", "minhash": "dedup.minhash", "heuristics": "filter.heuristics", "labels": "filter.rubric",
    "language": "filter.language", "license": "filter.license", "quality": "filter.quality",
}  # fmt: skip
"""The stages of benchmarks/disk.py that rest on earlier text."""
SYNTHESIS = {"synth.exercise": 0, "synth.evolve": 2}
"""Columns of the table. By rule `synth.explain` asks nothing."""


def gathered() -> dict[str, Any]:
    """Return all rates by what they are about."""
    dedup, decontam, rules, disk = (_read(name) for name in ("dedup", "decontam", "heuristics", "disk"))
    minhash = next(row for row in dedup["rows"] if row["name"] == "curate dedup.minhash")
    speed = {"dedup.minhash": _of("dedup", minhash["mb_per_cpu_s"])}
    speed |= {name: _of("heuristics", rate) for name, rate in rules["mb_per_s"].items() if name.startswith("filter.")}
    speed |= {f"decontam.{name}": _of("decontam", rate) for name, rate in decontam["mb_per_s"].items()}
    learnt = _read("filters")["classifiers on facts grades"]
    speed |= {f"filter.quality/{name}": _of("filters", each["mb_per_s"]) for name, each in learnt.items()}
    kept = {"dedup.minhash": _of("dedup", 1 - minhash["dropped"] / dedup["files"])}
    for name in ("filter.heuristics", "filter.language", "filter.license"):
        kept[name] = _of("heuristics", 1 - sum(rules["dropped"][name].values()) / rules["files"])
    text = dedup["megabytes"] * 1e6  # of the corpus that the disk was measured with too
    return {
        "mb_per_core_s": speed,
        "kept": kept,
        "disk_per_text_byte": _of("disk", disk["lean"]["code"] / text),
        "disk_per_text_byte_lean": {use: _of("disk", disk["lean"][name] / text) for name, use in LEAN.items()},
        "training": _training(),
        "bytes_per_token": {size: _of("tokens", value) for size, value in _read("tokens")["bytes_per_token"].items()},
        "tokens_per_document": _lengths(),
        "synthesis": _synthesis((ROOT / "docs" / "synthesis.md").read_text()),
    }


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def _of(name: str, value: float) -> dict[str, Any]:
    return {"value": round(value, 6), "from": f"benchmarks/results/{name}.json"}


def _training() -> dict[str, Any]:
    """Return tokens/s and FLOP/s of the loop on one GPU, by preset."""
    ours = [row for row in _read("train")["results"] if row["part"] == "speed" and row["name"] == "ours"]
    return {
        row["preset"]: {
            "tokens_per_s": _of("train", row["tokens_per_s"]),
            "tflops": _of("train", row["tflops"]),
            "device": "H200",
        }
        for row in ours
    }


def _lengths() -> dict[str, Any]:
    """Return the tokens of a made document by its stage, as the pilot's tokenizer counted them."""
    pilot = json.loads((ROOT / "results" / "pilot-124m" / "curate.json").read_text())["inputs"]
    return {
        use: {
            "value": round(pilot[name]["unique_tokens"] / pilot[name]["documents"], 1),
            "vocabulary": "16384",
            "from": "results/pilot-124m/curate.json",
        }
        for use, name in {"synth.exercise": "exercises", "synth.textbook": "sections"}.items()
    }


def _synthesis(page: str) -> dict[str, Any]:
    """Return the share accepted, output tokens an attempt, and output tokens/s of one GPU, by stage."""
    rows = {
        name: [float(cell.replace(",", "").rstrip(" %")) for cell in cells.strip(" |").split("|")]
        for name, cells in re.findall(r"^\| ([\w /,]+?) \|((?: [\d,.]+ ?%? \|){3})$", page, flags=re.MULTILINE)
    }
    found = {}
    for use, column in SYNTHESIS.items():
        attempts, accepted = rows["attempts"][column], rows["accepted"][column]
        tokens = accepted / rows["accepted a 1,000 output tokens"][column] * 1000
        found[use] = {
            "kept": round(accepted / attempts, 4),
            "output_tokens": round(tokens / attempts, 1),
            "output_tokens_per_s": rows["output tokens/s of a GPU"][column],
            "model": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
            "device": "H200",
            "from": "docs/synthesis.md",
        }
    return found


def main() -> None:
    """Write the file."""
    RATES.write_text(json.dumps(gathered(), indent=1) + "\n")


if __name__ == "__main__":
    main()
