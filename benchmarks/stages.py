"""Where the time of a run went: a table by stage, in Markdown, from what `curate status --json` tells.

    python3 -m benchmarks.stages RUN

In: a run directory. Out: for each stage documents in and kept, the seconds of the clock and those of all workers
together, and its share of the clock; below, the whole run and the machine.
"""

import json
import subprocess
import sys
from typing import Any


def main(run: str) -> None:
    """Print the table."""
    command = [sys.executable, "-m", "curate", "status", run, "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print("| stage | documents in | kept | wall s | work s | of the time |\n|---|--:|--:|--:|--:|--:|")
    for stage in told["stages"]:
        print(row(stage, told["wall_seconds"]))
    machine = told["machine"]
    print(f"\n{told['wall_seconds']:.0f} s in all, {machine['cores']} cores, Python {machine['python']}")


def row(stage: dict[str, Any], whole_s: float) -> str:
    """Return one stage's line."""
    wall = stage["wall_seconds"]
    work = stage["seconds"] + (stage.get("plan_seconds") or 0)
    counts = [f"{stage[key]:,}" if stage[key] else "" for key in ("rows_in", "rows_kept")]
    cells = [f"`{stage['name']}`", *counts, f"{wall:.1f}", f"{work:.1f}", f"{wall / whole_s:.0%}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("which run? python3 -m benchmarks.stages RUN")
    else:
        main(sys.argv[1])
