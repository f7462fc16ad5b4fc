"""The nouns of an LLM call: which model, one Request, one Completion, and the Protocol that joins them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

UsdPerMtok = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ModelSpec(BaseModel):
    """One entry of a recipe's `models:`.

    `backend`, `model` and `base_url` say which model answers and enter the keys of the stages that ask it. The other
    fields (`exclude`) say how it is reached, how fast, and at what price: changing them makes nothing again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    backend: Literal["vllm", "openai", "transformers", "replay"]
    """What runs it: vLLM on this machine's GPUs, an OpenAI-compatible endpoint, transformers here, or a call log."""
    model: str
    """A hub name, a folder, a GGUF file, `pkg://package/file` for a file inside an installed package,
    or, for `replay`, a call log."""
    base_url: str | None = None
    """openai: where the endpoint is, up to `/v1`."""
    api_key_env: str = Field(default="OPENAI_API_KEY", exclude=True)
    """The environment variable that holds the key."""
    timeout_s: float = Field(default=300, gt=0, allow_inf_nan=False, exclude=True)
    """openai: an answer that is not whole after so long is asked for again."""
    usd_per_mtok: tuple[UsdPerMtok, UsdPerMtok] | None = Field(default=None, exclude=True)
    """Price of a million prompt tokens and of a million completion tokens."""
    batch_size: int = Field(default=16, ge=1, exclude=True)
    """Requests at once: rows of a batch, calls of an endpoint, sequences of one vLLM engine."""
    max_context: int = Field(default=2048, ge=16, exclude=True)
    """Tokens of prompt and answer together."""
    gpus: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(default=1, exclude=True)
    """vLLM: GPUs of this machine to work on, each with engines of its own; `auto` is all."""
    engines_per_gpu: int = Field(default=1, ge=1, le=8, exclude=True)
    """vLLM: engine processes that share one GPU."""
    gpu_memory: float = Field(default=0.9, gt=0, le=1, exclude=True)
    """vLLM: share of a GPU's memory for all its engines together."""
    ahead: float = Field(default=2.0, ge=1, le=64, exclude=True)
    """vLLM: requests handed to an engine, in multiples of its sequences: it must not run empty while nobody looks
    after it."""


@dataclass(frozen=True)
class Message:
    """One turn of a chat: role is `system`, `user` or `assistant`.

    An assistant's turn at the end is the beginning of the answer; models that run here continue it."""

    role: str
    content: str


@dataclass(frozen=True)
class Request:
    """One LLM call. Exactly one of `messages` (chat) and `prompt` (raw continuation) is given.

    `id` ties the answer to the question and must be unique within a call log together with the rest of the request.
    `temperature` 0 is greedy. `seed` makes sampling repeatable where the backend can.
    `choices` are answers of one token each whose probabilities are wanted: the whole answer of a backend that can tell
    them is that first token, so the call costs its prompt only; the others write up to `max_tokens`.
    """

    id: str
    messages: tuple[Message, ...] | None = None
    prompt: str | None = None
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Completion:
    """The answer to one Request. `text` excludes the stop string. `finish_reason`: `stop`, `length` or `error`.

    `probabilities` are those of the request's `choices` as the first token, in their order, blanks around a choice
    aside; what they lack to 1 went to other tokens. None where there are no choices or the backend cannot tell.
    `ended`: the model's own end token ended the answer, not a stop string; None where the backend cannot tell.
    """

    id: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None
    probabilities: tuple[float, ...] | None = None
    ended: bool | None = None


def cost(spec: ModelSpec, prompt_tokens: int, completion_tokens: int) -> float:
    """Return what so many tokens cost, in dollars; nothing where the model has no price."""
    prompt, answer = spec.usd_per_mtok or (0.0, 0.0)
    return (prompt_tokens * prompt + completion_tokens * answer) / 1e6


class LLM(Protocol):
    """The one door: requests in, completions out, in any order, exactly one for each request id."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request. An answer that cannot be had is a Completion with `finish_reason` `error`."""
        ...
