"""What synthesis costs and yields: the figures of each stage of a run that asked a teacher.

    python -m benchmarks.synthesis RUN [STAGE]

In: a run directory. STAGE names a later stage whose kept documents count as clean (the last of decontamination, say).
Out: a table with, for each synthesis stage, its attempts and accepted documents, different names among them, output
tokens a second while the teacher was loaded, the share of that time in which the GPUs ran, programs run, and the yield
a GPU minute and a thousand output tokens. Where there was no GPU, a minute of the clock stands for it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.files.shards import list_shards


def main(run: Path, clean: str | None) -> None:
    """Print one column a stage."""
    stages = [figures(folder, run, clean) for folder in sorted((run / "stages").iterdir()) if asked(folder)]
    if not stages:
        print(f"no stage of {run} has asked a teacher and ended")
        return
    for name in stages[0]:
        print(f"{name:<28}" + "".join(f"{stage[name]:>22}" for stage in stages))


def asked(folder: Path) -> bool:
    """Tell whether a stage streamed attempts."""
    return "stream_s" in _json(folder / "stats.json").get("metrics", {})


def figures(folder: Path, run: Path, clean: str | None) -> dict[str, str]:
    """Return the figures of one stage by name."""
    stats = _json(folder / "stats.json")
    made: dict[str, float] = stats["metrics"]
    tokens, seconds = made["answered_tokens"], made["answering_s"]
    minutes = (made["gpu_s"] or seconds) / 60
    accepted = stats["rows_kept"]
    names = {name for name in _column(folder, "function_name") if name is not None}
    ids = set(_column(folder, "id"))
    rows: dict[str, float | str] = {
        "stage": _json(folder / "stage.json")["name"],
        "attempts": stats["rows_in"],
        "accepted": accepted,
        "different names": len(names),
        "output tokens": tokens,
        "tokens/s": tokens / seconds if seconds else 0.0,
        "GPUs": made["gpu_s"] / seconds if seconds else 0.0,
        "GPU busy, %": 100 * made["gpu_busy_s"] / made["gpu_s"] if made["gpu_s"] else 0.0,
        "seconds in all": made["stream_s"],
        "programs": made["programs"],
        "programs out of time, %": 100 * made["program_timeouts"] / max(made["programs"], 1),
        "tokens an attempt": tokens / max(stats["rows_in"], 1),
        "accepted a GPU minute": accepted / minutes if minutes else 0.0,
        "accepted a 1,000 tokens": 1000 * accepted / tokens if tokens else 0.0,
    }
    if clean:
        left = ids & {name for place in sorted((run / "stages").glob(f"{clean}-*")) for name in _column(place, "id")}
        rows |= {
            "clean": len(left),
            "clean a GPU minute": len(left) / minutes if minutes else 0.0,
            "clean a 1,000 tokens": 1000 * len(left) / tokens if tokens else 0.0,
        }
    return {name: value if isinstance(value, str) else _number(value) for name, value in rows.items()}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _column(folder: Path, name: str) -> list[Any]:
    tables = (pq.ParquetFile(path) for path in list_shards(folder / "kept"))
    return [row for table in tables if name in table.schema_arrow.names for row in table.read([name])[name].to_pylist()]


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return value


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
