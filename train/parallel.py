"""Training on several devices of a host: one process for each, started and watched by the stage itself.

In: the devices by name. One device trains in this process, unless its weights are to be sharded. Several get a process
each (`python -m curate.train.parallel`), which meet through a file in the job's directory: no port, no launcher. They
inherit the environment as it is. The first tells how far it is on its standard output, one JSON line each; what ends
any of them ends all, so that a kill costs the steps since the last checkpoint; and they end when this process does,
whose end of a pipe they hold.

    {"progress": [done, total, note]} | {"mistake": line} | {"error": traceback}
"""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import torch
import torch.distributed as dist

import curate
from curate.errors import UserError
from curate.progress import Progress
from curate.stage import Context
from curate.stages import find
from curate.train.parameters import Training
from curate.train.session import fit, prepare
from curate.train.steps.place import Place

WATCH_S = 0.1
GRACE_S = 5.0
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: compiling takes minutes, and a dead one is noticed here long before."""


def fit_on(devices: list[str], job: Training, context: Context, progress: Progress) -> None:
    """Train on these devices and publish the model. Raises UserError for what the user can mend."""
    if len(devices) == 1 and job.sharded is not True:
        fit(job, context, progress, Place(torch.device(devices[0])))
        return
    prepare(job, context, progress)  # once, for all to read
    meeting = context.directory / ".meeting"
    meeting.unlink(missing_ok=True)
    task = {
        "job": job.model_dump(mode="json"),
        "context": {
            "name": context.name,
            "seed": context.seed,
            "directory": str(context.directory),
            "inputs": {name: str(path) for name, path in context.inputs.items()},
            "references": {name: str(path) for name, path in context.references.items()},
        },
        "meeting": str(meeting.resolve()),
        "world": len(devices),
    }
    workers = [_start({**task, "rank": rank, "device": device}) for rank, device in enumerate(devices)]
    said: list[dict[str, Any]] = []
    listeners = [
        threading.Thread(target=_listen, args=(worker.stdout, said, progress), daemon=True) for worker in workers
    ]
    try:
        for listener in listeners:
            listener.start()
        codes = _watch(workers)
    finally:
        _end(workers)
        for listener in listeners:
            listener.join(GRACE_S)
        meeting.unlink(missing_ok=True)
    if any(codes):
        _explain(codes, said, devices)


def _start(task: dict[str, Any]) -> "subprocess.Popen[str]":
    """Start one process and give it its task; its standard input stays open as long as this process lives."""
    paths = [str(Path(curate.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    worker = subprocess.Popen(
        [sys.executable, "-m", "curate.train.parallel"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(task) + "\n")
    worker.stdin.flush()
    return worker


def _listen(lines: IO[str], said: list[dict[str, Any]], progress: Progress) -> None:
    for line in lines:
        with suppress(json.JSONDecodeError):
            word = json.loads(line)
            if "progress" in word:
                progress.update(*word["progress"])
            else:
                said.append(word)


def _watch(workers: "list[subprocess.Popen[str]]") -> list[int]:
    """Wait until all have ended, or one has ended badly; return the exit codes, 0 for those that still run."""
    while True:
        codes = [worker.poll() for worker in workers]
        if any(codes) or all(code == 0 for code in codes):
            return [code or 0 for code in codes]
        time.sleep(WATCH_S)


def _end(workers: "list[subprocess.Popen[str]]") -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
        worker.wait()
        if worker.stdin is not None:
            with suppress(OSError):
                worker.stdin.close()


def _explain(codes: list[int], said: list[dict[str, Any]], devices: list[str]) -> None:
    """Raise what went wrong: a mistake first, then a kill, of which the others complain too, then an error."""
    for word in said:
        if "mistake" in word:
            raise UserError(word["mistake"])
    for word in said:
        if "error" in word and min(codes) >= 0:
            raise RuntimeError(word["error"])
    rank, code = min(((rank, code) for rank, code in enumerate(codes) if code), key=lambda found: found[1])
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    raise RuntimeError(f"the process on {devices[rank]} {how}; run again to go on from the last checkpoint")


class _Spoken(Progress):
    """Says how far it is on standard output."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units."""
        _say({"progress": [done, total, note]})


def _say(word: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def _end_with_the_parent() -> None:
    """End this process when the other end of standard input is closed."""
    sys.stdin.read()
    os._exit(1)


def work(task: dict[str, Any]) -> None:
    """Train as one of several processes."""
    job = find("train.lm")(**task["job"])
    assert isinstance(job, Training)
    given = task["context"]
    context = Context(
        given["name"],
        given["seed"],
        Path(given["directory"]),
        {name: Path(path) for name, path in given["inputs"].items()},
        {name: Path(path) for name, path in given["references"].items()},
    )
    place = Place(torch.device(task["device"]), task["rank"], task["world"])
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    dist.init_process_group(
        "nccl" if place.device.type == "cuda" else "gloo",
        init_method=f"file://{task['meeting']}",
        rank=place.rank,
        world_size=place.world,
        timeout=PATIENCE,
        device_id=place.device if place.device.type == "cuda" else None,
    )
    fit(job, context, _Spoken() if place.first else Progress(), place)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Read a task from standard input and do it."""
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        work(task)
    except UserError as error:
        _say({"mistake": str(error)})
        os._exit(1)
    except BaseException:  # noqa: BLE001 - whatever it is, the one that started this process must hear it
        _say({"error": traceback.format_exc()})
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
