"""Answers from vLLM (extra `[vllm]`) on this machine's GPUs: one engine process for each share of a GPU.

In: a folder, a hub name or a GGUF file, by way of a ModelSpec; `gpus` says on how many, `engines_per_gpu` how many
processes share one (one engine leaves a GPU waiting for its scheduler) and `gpu_memory` of how much of it,
`batch_size`, where it is given, how many sequences each works on at once, `ahead` how many requests it holds. Out:
answers as they end; each request goes to the engine that has least to do.
A request's `seed` is not passed on: seeded rows leave vLLM's fast sampler, and batches on a GPU are not bit-stable
anyway; the call log is what makes a run repeatable. Not covered: several machines; start vLLM servers and use `openai`.
"""

import importlib.util
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, ClassVar

from curate.errors import UserError, how_to_install
from curate.llm.places import locate
from curate.llm.types import Completion, ModelSpec, Request
from curate.machine.busy import gpu_memory_bytes, gpu_names
from curate.machine.cores import Cores

VLLM = "curate.llm.backends.vllm_engine:VLLM"
SEQUENCES = 1024
"""Of one engine. With 1,024 to 2,048 an H200 makes 22 to 28 thousand tokens a second of a 1.5B model."""
BESIDE_BYTES = 6 << 30
"""What an engine needs beside weights and cache: logits and activations of a full batch, CUDA's own, its graphs."""
NO_ROOM = re.compile(
    rb"out ?of ?memory|Free memory on device|No available memory for the cache|larger than the available KV|"
    rb"Error in memory profiling|STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)
"""What vLLM, torch and CUDA say where a GPU's memory does not suffice. The error itself only says that an engine's
process did not start, and to look further up."""
CLOSE_S = 10.0


class NoRoomError(UserError):
    """An engine found less of its GPU's memory free than it needs."""


class VLLMBackend:
    """All engines of one model. Raises UserError if vLLM is missing, or one of them cannot load the model."""

    ENGINE: ClassVar[str] = VLLM

    def __init__(self, spec: ModelSpec) -> None:
        if self.ENGINE == VLLM and importlib.util.find_spec("vllm") is None:
            raise UserError(f"backend vllm needs a GPU and the package vllm: {how_to_install('vllm>=0.10')}")
        locate(spec.model)
        names = _gpus(spec.gpus)
        self.gpus = len(names)
        sequences = spec.batch_size if "batch_size" in spec.model_fields_set else SEQUENCES
        self.capacity = int(spec.ahead * sequences) * len(names) * spec.engines_per_gpu
        self._epoch = 0
        self._engines: list[EngineProcess] = []
        settings = {"spec": spec, "sequences": sequences, "memory": spec.gpu_memory / spec.engines_per_gpu}
        try:
            self._start(names, spec.engines_per_gpu, settings, cache_bytes(spec, names))
        except BaseException:
            self.close()
            raise
        self._cores = Cores([engine.pid for engine in self._engines])

    def _start(self, names: Sequence[str | None], each: int, settings: dict[str, Any], cache: int | None) -> None:
        """Start all engines at once where the room for their caches is known beforehand, which takes the time of one.

        Else, and where that room was not there (no other error), those that share a GPU one after the other: vLLM then
        measures the memory that is left while it starts.
        """
        if cache is not None:
            try:
                self._begin([(gpu, number) for number in range(each) for gpu in names], settings | {"cache": cache})
                return
            except NoRoomError:
                self.close()
        for _ in range(each):
            self._begin([(gpu, 0) for gpu in names], settings)

    def _begin(self, places: Sequence[tuple[str | None, int]], settings: dict[str, Any]) -> None:
        """Start an engine a place, a GPU and a number on it, and wait until all stand."""
        begun = [EngineProcess(self.ENGINE, gpu, settings, number) for gpu, number in places]
        self._engines += begun
        for engine in begun:
            engine.stands()

    def submit(self, requests: Sequence[Request]) -> None:
        """Give each request to the engine that has the fewest."""
        given: dict[EngineProcess, list[Request]] = {}
        for request in requests:
            engine = min(self._engines, key=lambda engine: engine.outstanding)
            engine.outstanding += 1
            given.setdefault(engine, []).append(request)
        for engine, share in given.items():
            engine.send((self._epoch, share))

    def take(self, wait_s: float) -> list[Completion]:
        """Return what all engines have ended. Raises UserError where one of them died."""
        answers: list[Completion] = []
        by_channel = {engine.channel: engine for engine in self._engines}
        for channel in wait(list(by_channel), wait_s):
            engine = by_channel[channel]  # type: ignore[index]
            try:
                while engine.channel.poll():
                    epoch, ended = engine.channel.recv()
                    if epoch == self._epoch:
                        engine.outstanding -= len(ended)
                        answers += ended
            except (EOFError, OSError) as error:
                if answers:
                    return answers  # the next call meets the dead engine again
                raise UserError(f"{engine.death()}; run again, answers so far are kept") from error
        return answers

    def drop(self) -> list[Completion]:
        """Tell the engines to forget what is under way; answers on their way are passed over."""
        self._epoch += 1
        for engine in self._engines:
            engine.outstanding = 0
            engine.send((self._epoch, []))
        return []

    def close(self) -> None:
        """End all engine processes, and theirs."""
        engines, self._engines = self._engines, []
        for engine in engines:
            engine.hang_up()
        for engine in engines:
            engine.end()
        if engines and hasattr(self, "_cores"):
            self._cores.give_back()


class EngineProcess:
    """One engine's process, its socket, and a thread that writes to it, so that neither end waits for the other."""

    def __init__(self, engine: str, gpu: str | None, settings: dict[str, Any], number: int = 0) -> None:
        self.gpu = gpu
        self.outstanding = 0
        ours, theirs = socket.socketpair()
        self.channel = Connection(ours.detach())
        self._said = tempfile.NamedTemporaryFile(prefix="curate-vllm-", suffix=".log", delete=False)  # noqa: SIM115
        self._failed = False
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "curate.llm.backends.vllm_engine", str(theirs.fileno()), engine],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=_environment(gpu, number),
                start_new_session=True,  # Ctrl-C is the parent's, who closes the socket
            )
        self.pid = self._process.pid
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="vllm-writer", daemon=True).start()
        self.send(settings)

    def stands(self) -> None:
        """Wait until the model is loaded. Raises UserError where it cannot be."""
        try:
            problem = self.channel.recv()
        except (EOFError, OSError) as error:
            raise self._kind_of_error()(self.death()) from error
        if problem:
            self._failed = True
            raise self._kind_of_error(problem)(f"{problem}; its log is {self._said.name}")

    def send(self, message: Any) -> None:
        """Write a message, in the background."""
        self._outgoing.put(message)

    def death(self) -> str:
        """Say in one line why the process is gone, by the last that it printed. What it printed stays on the disk."""
        self._failed = True
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if "Error" in line] or lines or ["it said nothing"]
        said = f"{telling[-1][:200]}; its log is {self._said.name}"
        return f"the vLLM engine on GPU {self.gpu or 0} ended ({self._process.poll()}): {said}"

    def _kind_of_error(self, problem: str = "") -> type[UserError]:
        """Return the error that tells what it has said so far."""
        said = Path(self._said.name).read_bytes() + problem.encode("utf-8", "replace")
        return NoRoomError if NO_ROOM.search(said) else UserError

    def hang_up(self) -> None:
        """Close the socket, upon which the process ends by itself."""
        self._outgoing.put(None)
        self.channel.close()

    def end(self) -> None:
        """See to it that the process, and what it started, is gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):  # all of its group, which the engine's own process belongs to
                os.killpg(self.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self._said.close()
        if not self._failed:
            Path(self._said.name).unlink(missing_ok=True)

    def _write(self) -> None:
        while (message := self._outgoing.get()) is not None:
            with suppress(OSError):  # a dead process is noticed by whoever reads from it
                self.channel.send(message)


def _gpus(count: int | str) -> list[str | None]:
    """Return the names of the GPUs to work on, as CUDA_VISIBLE_DEVICES has them; [None] leaves the choice to CUDA."""
    there = gpu_names()
    if count == "auto":
        return list(there) or [None]
    if count == 1:
        return [there[0] if there else None]
    if int(count) > len(there):
        raise UserError(f"gpus: {count} are asked for, this machine shows {len(there)}; lower it or say auto")
    return list(there[: int(count)])


def cache_bytes(spec: ModelSpec, names: Sequence[str | None]) -> int | None:
    """Return the room for the cache of each of several engines on a GPU: its share of the memory, less what else it
    needs. None where one engine has a GPU alone, or the GPUs' memory or the size of the weights is not known here."""
    weights = sum(path.stat().st_size for path in Path(locate(spec.model).name).glob("*.safetensors"))
    memory = gpu_memory_bytes(names)
    if spec.engines_per_gpu == 1 or not weights or not memory:
        return None
    room = int(memory * spec.gpu_memory / spec.engines_per_gpu) - weights - BESIDE_BYTES
    return room if room > BESIDE_BYTES else None


def _environment(gpu: str | None, number: int) -> dict[str, str]:
    """Return the environment of an engine: its GPU, and folders of its own for what vLLM compiles.

    Engines that compile into one folder at once spoil each other's work; those that start one after the other share.
    FlashInfer's sampler is compiled on first use, for which a machine needs a CUDA compiler: off, unless the user says
    otherwise.
    """
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), root])
    given = {"VLLM_USE_FLASHINFER_SAMPLER": "0"} | os.environ | {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}
    if gpu is None:
        return given
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    place = Path(os.environ.get("VLLM_CACHE_ROOT") or home / "vllm") / "-".join(
        ["gpu", gpu, *([str(number)] if number else [])]
    )
    own = {"VLLM_CACHE_ROOT": str(place), "TORCHINDUCTOR_CACHE_DIR": str(place / "inductor")}
    return given | own | {"TRITON_CACHE_DIR": str(place / "triton"), "CUDA_VISIBLE_DEVICES": gpu}
