"""A stand-in for vLLM inside an engine's process: the processes, sockets and loads around it are the real ones."""

import os
import time
from pathlib import Path

from curate.errors import UserError
from curate.llm.answers import failure
from curate.llm.types import Completion, ModelSpec, Request

FAILS = {
    "no room": b"(EngineCore pid=7) ERROR torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.11 GiB.\n",
    "no kernel": b"(EngineCore pid=7) ERROR RuntimeError: no kernel image is available for execution on the device\n",
}
"""A file of that name beside the model -> what an engine prints that does not start where its cache's size is given."""


class StandIn:
    """Answers a request with its own prompt, turned round, after as many steps as the prompt has letters."""

    def __init__(self, spec: ModelSpec, sequences: int, memory: float, cache: int | None = None) -> None:
        self.name = f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', '')} {memory:g}"
        self.where = f"{time.monotonic()} {cache} {Path(os.environ.get('VLLM_CACHE_ROOT', '')).name}"
        with (Path(spec.model) / "begun").open("a") as begun:
            begun.write("x")
        for marker, said in FAILS.items():
            if cache and (Path(spec.model) / marker).exists():
                os.write(2, said)
                raise UserError("vLLM cannot load it: Engine core initialization failed. See root cause above.")
        if cache is None:
            time.sleep(0.2)
        self.sequences = sequences
        self.asked: dict[str, tuple[Request, int]] = {}

    @property
    def busy(self) -> bool:
        return bool(self.asked)

    def add(self, request: Request) -> Completion | None:
        prompt = request.prompt or ""
        if prompt == "die":
            os.write(2, b"RuntimeError: the device is gone\n")
            os._exit(3)
        if not prompt:
            return failure(request, "no prompt")
        self.asked[request.id] = (request, len(prompt))
        return None

    def step(self) -> list[Completion]:
        ended = []
        for name, (request, left) in list(self.asked.items())[: self.sequences]:
            if left:
                self.asked[name] = (request, left - 1)
                continue
            del self.asked[name]
            prompt = request.prompt or ""
            text = {"who": self.name, "where": self.where}.get(prompt, prompt[::-1])
            ended.append(Completion(name, text, "stop", len(prompt), len(prompt)))
        return ended

    def drop(self) -> None:
        self.asked = {}

    def close(self) -> None:
        pass
