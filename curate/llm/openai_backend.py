"""Answers from any OpenAI-compatible endpoint: OpenAI's own, a vLLM or llama.cpp server, a gateway.

In: requests, sent by `batch_size` threads. Out: answers as they come. The client itself retries refused connections,
timeouts, 408, 409, 429 and 5xx with growing, jittered pauses and heeds Retry-After. What remains is sorted in two: a
request that the server finds wrong (400, 422: too long, say) is an error of that request alone; anything else (a
refused key, no such model, a server that stays away) stops the work with one line, after the answers in flight are in.
The key is read from the variable that the model names, and goes nowhere else.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import openai

from curate.errors import UserError
from curate.llm.answers import cut, failure
from curate.llm.types import Completion, ModelSpec, Request

TIMEOUT_S = 180.0
RETRIES = 6
STOPS = 4
"""The protocol takes four stop strings; all are applied again to the answer."""
LIKELIEST: dict[bool, dict[str, Any]] = {True: {"logprobs": 5}, False: {"logprobs": True, "top_logprobs": 20}}
"""How to ask for the likeliest first tokens, as many as the protocol allows: plain prompts, and chats."""
WRONG_REQUEST = (openai.BadRequestError, openai.UnprocessableEntityError)


class OpenAIBackend:
    """One endpoint and one model."""

    def __init__(self, spec: ModelSpec, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> None:
        self.spec = spec
        key = os.environ.get(spec.api_key_env) or "none"
        self.client = openai.OpenAI(api_key=key, base_url=spec.base_url, timeout=timeout_s, max_retries=retries)

    def answer(self, requests: list[Request]) -> Iterator[list[Completion]]:
        """Yield answers as they arrive. After an error that concerns all requests no more are sent."""
        waiting = requests[::-1]
        running: set[Future[Completion]] = set()
        error: UserError | None = None
        with ThreadPoolExecutor(self.spec.batch_size) as threads:
            while running or (waiting and error is None):
                while waiting and error is None and len(running) < self.spec.batch_size:
                    running.add(threads.submit(self._ask, waiting.pop()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                answers = []
                for future in done:
                    try:
                        answers.append(future.result())
                    except openai.OpenAIError as reason:
                        error = error or self._explain(reason)
                if answers:
                    yield answers
        if error:
            raise error

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _ask(self, request: Request) -> Completion:
        options: dict[str, Any] = {
            "model": self.spec.model,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed % 2**31,
            **({"stop": list(request.stop[:STOPS])} if request.stop else {}),
        }
        if request.choices:
            try:
                return _completion(request, self._send(request, options | LIKELIEST[request.messages is None]))
            except WRONG_REQUEST:
                pass  # some servers refuse a call that asks for probabilities
        try:
            return _completion(request, self._send(request, options))
        except WRONG_REQUEST as error:
            return failure(request, " ".join(str(error).split())[:300])

    def _send(self, request: Request, options: dict[str, Any]) -> Any:
        if request.messages is None:
            return self.client.completions.create(prompt=request.prompt or "", **options)
        turns: Any = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        return self.client.chat.completions.create(messages=turns, **options)

    def _explain(self, error: openai.OpenAIError) -> UserError:
        where = self.spec.base_url or "api.openai.com"
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return UserError(f"{where} refuses the key; set {self.spec.api_key_env} to one that may use it")
            case openai.NotFoundError():
                return UserError(f"{where} knows no model {self.spec.model!r}; name one that it serves")
            case openai.APIStatusError():
                return UserError(
                    f"{where} keeps answering {error.status_code}; run again later, answers so far are kept"
                )
            case _:
                return UserError(
                    f"cannot reach {where}: {error}; check base_url and run again, answers so far are kept"
                )


def _completion(request: Request, reply: Any) -> Completion:
    if not reply.choices:
        return failure(request, "the server sent no choice")
    choice = reply.choices[0]
    text = choice.text if request.messages is None else choice.message.content
    used = reply.usage
    prompt_tokens, answer_tokens = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
    if choice.finish_reason == "content_filter":
        return failure(request, "the server's content filter cut the answer", prompt_tokens)
    text, stopped = cut(text or "", request.stop)
    reason = "length" if choice.finish_reason == "length" and not stopped else "stop"
    told = _likeliest(choice) if request.choices else None
    chances = told and tuple(sum(p for token, p in told if token.strip() == word) for word in request.choices)
    return Completion(request.id, text, reason, prompt_tokens, answer_tokens, probabilities=chances or None)


def _likeliest(choice: Any) -> list[tuple[str, float]]:
    """Return the likeliest first tokens with their probabilities; none where the server does not tell."""
    told: Any = getattr(choice, "logprobs", None)
    if told is None:
        return []
    if getattr(told, "content", None):
        return [(entry.token, math.exp(entry.logprob)) for entry in told.content[0].top_logprobs]
    if getattr(told, "top_logprobs", None):
        return [(token, math.exp(logprob)) for token, logprob in told.top_logprobs[0].items()]
    return []
