"""What a run takes on disk, and how long, with kept rows that rest on earlier text and with all of them written whole.

    python -m benchmarks.disk [CORPUS] [--limit N]

In: a folder of Parquet with columns `id` and `text`; without one, 3,000 installed Python files. Both ways
run in turn in processes of their own, on the same stages (deduplication and filters). Out: a table, and for a whole
corpus benchmarks/results/disk.json.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

STAGES = {
    "exact": {"use": "dedup.exact"},
    "minhash": {"use": "dedup.minhash"},
    "heuristics": {"use": "filter.heuristics"},
    "language": {"use": "filter.language"},
    "license": {"use": "filter.license", "unknown": "keep"},
    "labels": {"use": "filter.rubric"},
    "quality": {"use": "filter.quality", "from": "license", "learn_from": "labels"},
    "clean": {"use": "dedup.exact"},
}
RUN = """
import sys
from pathlib import Path
from curate.recipe import load
from curate.run.opened import Run, open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent
if sys.argv[1] == "whole":
    Run.is_whole = lambda self, node: True
execute(open_run(load(Path(sys.argv[2])), Path(sys.argv[3])), Silent())
"""
INSTALLED = 3000
RESULTS = Path(__file__).parent / "results" / "disk.json"


def measure(way: str, recipe: Path, place: Path) -> dict[str, float]:
    """Run the recipe one way; return seconds, and bytes by stage."""
    start, before = time.monotonic(), _processor_s()
    subprocess.run([sys.executable, "-c", RUN, way, str(recipe), str(place)], check=True)
    found = {"seconds": time.monotonic() - start, "processor_s": _processor_s() - before}
    for stage in sorted((place / "disk/stages").iterdir()):
        found[stage.name.rpartition("-")[0]] = sum(p.stat().st_size for p in stage.glob("kept/*"))
    found["kept"] = sum(size for name, size in found.items() if not name.endswith(("seconds", "_s")))
    found["all"] = sum(path.stat().st_size for path in (place / "disk").rglob("*") if path.is_file())
    return found


def _processor_s() -> float:
    """Return what all processes that have ended took of the processor: a machine that is shared tells little else."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure both ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--limit", type=int, default=None)
    arguments = parser.parse_args()
    source: dict[str, Any] = {"installed": True}
    if arguments.corpus:
        source = {"path": str(arguments.corpus.absolute() / "*.parquet"), "id": "id", "keep": ["license"]}
    else:
        arguments.limit = arguments.limit or INSTALLED
    with tempfile.TemporaryDirectory() as name:
        recipe = Path(name) / "recipe.yaml"
        limit = {"limit": arguments.limit} if arguments.limit else {}
        value = {"name": "disk", "seed": 17, "sources": {"code": source | limit}, "stages": STAGES}
        recipe.write_text(yaml.safe_dump(value, sort_keys=False))
        measure("lean", recipe, Path(name) / "warm") if arguments.limit else None
        found = {way: measure(way, recipe, Path(name) / way) for way in ("whole", "lean")}
    if not arguments.limit:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print("| | whole | resting on earlier text | ratio |\n|---|---:|---:|---:|")
    for row in ["code", *STAGES, "kept", "all"]:
        whole, lean = found["whole"][row] / 1e6, found["lean"][row] / 1e6
        print(f"| {row} | {whole:.1f} MB | {lean:.1f} MB | {lean / whole:.2f} |")
    for title, row in (("wall", "seconds"), ("processor", "processor_s")):
        whole, lean = found["whole"][row], found["lean"][row]
        print(f"| {title} | {whole:.0f} s | {lean:.0f} s | {lean / whole:.2f} |")


if __name__ == "__main__":
    main()
