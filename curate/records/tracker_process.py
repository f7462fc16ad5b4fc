"""The tracker's own process: figures as lines of JSON in, calls of trackio or wandb out, until the input ends.

It takes no part in the run: an interruption from the keyboard is the run's affair, whose end closes the input.
"""

import json
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def main(kind: str, project: str) -> None:
    """Mirror standard input into a new run of a project."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tracker: Any = import_module(kind)
    log = _wandb(tracker, project) if kind == "wandb" else _trackio(tracker, project)
    for line in sys.stdin:
        log(json.loads(line))
    tracker.finish()


def _trackio(trackio: Any, project: str) -> Callable[[dict[str, Any]], None]:
    trackio.init(project=project, embed=False, auto_log_cpu=False, auto_log_gpu=False)
    write: Callable[[dict[str, Any]], None] = trackio.log
    return write


def _wandb(wandb: Any, project: str) -> Callable[[dict[str, Any]], None]:
    run = wandb.init(project=project)
    known: set[str] = set()

    def log(figures: dict[str, Any]) -> None:
        stage = next(iter(figures)).partition("/")[0]
        if stage not in known:
            run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
            known.add(stage)
        run.log(figures)

    return log


if __name__ == "__main__":
    main(*sys.argv[1:])
