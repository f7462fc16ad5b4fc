"""The journal of a run: what happened, for people and for `curate status`.

    run.json        the run now: its state, its process, when it began and ended, and its stages
    journal.jsonl   one event a line
    run.log         tracebacks, so that the terminal can stay at one line

`started` and `finished` are those of the last session that had anything to do.
"""

import json
import os
import platform
from datetime import UTC, datetime
from typing import Any

from curate import __version__
from curate.files.shards import write_json, write_text
from curate.recipe import Node
from curate.run.opened import Run


class Journal:
    """What happened, for people and for `curate status`: run.json (now), journal.jsonl (events), run.log (errors)."""

    def __init__(self, run: Run, nodes: tuple[Node, ...]) -> None:
        self.run = run
        self.value: dict[str, Any] = {
            "name": run.recipe.name,
            "seed": run.recipe.seed,
            "state": "running",
            "pid": os.getpid(),
            "started": now(),
            "finished": None,
            "error": None,
            "curate_version": __version__,
            "machine": {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
            "until": [node.name for node in nodes],
            "stages": [
                {
                    "name": node.name,
                    "use": node.use,
                    "key": run.keys[node.name],
                    "directory": str(run.stage_directory(node).relative_to(run.directory)),
                    "inputs": list(node.inputs),
                }
                for node in run.recipe.nodes
            ],
        }
        self._times = self._earlier() if all(map(run.is_done, nodes)) else {}
        self.value |= {name: self._times[name] for name in self._times if name == "started"}
        write_text(run.recipe.text, run.directory / "recipe.yaml")
        self._save()
        self.event("run started", pid=os.getpid())

    def event(self, event: str, stage: str | None = None, **details: Any) -> None:
        """Append one event."""
        row = {"time": now(), "event": event, **({"stage": stage} if stage else {}), **details}
        with (self.run.directory / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def log(self, text: str) -> None:
        """Append to run.log: tracebacks, so that the terminal can stay at one line."""
        with (self.run.directory / "run.log").open("a", encoding="utf-8") as file:
            file.write(f"{now()} {text.rstrip()}\n")

    def close(self, state: str, error: BaseException | None = None) -> None:
        """Record how the run ended."""
        finished = self._times.get("finished") or now()
        self.value |= {"state": state, "finished": finished, "error": str(error) if error else None}
        self._save()
        self.event(f"run {state}", **({"error": str(error)} if error else {}))

    def _earlier(self) -> dict[str, str]:
        """Return when the work began and ended that this session finds done."""
        try:
            facts = json.loads((self.run.directory / "run.json").read_text(encoding="utf-8"))
            return {name: str(facts[name]) for name in ("started", "finished") if facts[name]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _save(self) -> None:
        write_json(self.value, self.run.directory / "run.json")


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
