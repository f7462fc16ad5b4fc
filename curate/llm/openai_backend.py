"""Answers from any OpenAI-compatible endpoint: OpenAI's own, a vLLM or llama.cpp server, a gateway.

In: requests, sent by `batch_size` threads. Out: answers as they come. The client itself retries refused connections,
timeouts, 408, 409, 429 and 5xx with growing, jittered pauses and heeds Retry-After. What remains is sorted in two: a
request that the server finds wrong (400, 422: too long, say) is an error of that request alone; anything else (a
refused key, no such model, a server that stays away) stops the work with one line, after the answers in flight are in.
The key is read from the variable that the model names, and goes nowhere else.
"""

import math
import os
import queue
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import openai

from curate.errors import UserError
from curate.llm.answers import cut, failure
from curate.llm.types import Completion, ModelSpec, Request

TIMEOUT_S = 180.0
RETRIES = 6
LAST_S = 30.0
"""How long the answers in flight are awaited when the work is broken off."""
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
        self.capacity = 2 * spec.batch_size
        self._threads = ThreadPoolExecutor(spec.batch_size, thread_name_prefix="openai")
        self._waiting: deque[Request] = deque()
        self._done: queue.SimpleQueue[Future[Completion]] = queue.SimpleQueue()
        self._running = 0
        self._error: UserError | None = None

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests; `batch_size` of them are sent at once."""
        self._waiting.extend(requests)
        self._send_more()

    def take(self, wait_s: float) -> list[Completion]:
        """Return answers as they arrive. After an error that concerns all requests no more are sent."""
        self._send_more()
        answers = []
        while self._running and (wait_s > 0 or not self._done.empty()):
            try:
                future = self._done.get(timeout=max(wait_s, 0.001))
            except queue.Empty:
                break
            wait_s = 0.0  # for the first only
            self._running -= 1
            try:
                answers.append(future.result())
            except openai.OpenAIError as reason:
                self._error = self._error or self._explain(reason)
        self._send_more()
        if self._error and not self._running and not answers:
            error, self._error = self._error, None
            self._waiting.clear()
            raise error
        return answers

    def drop(self) -> list[Completion]:
        """Send no more, and return what comes of the requests in flight: they are paid for."""
        self._waiting.clear()
        answers: list[Completion] = []
        deadline = time.monotonic() + LAST_S
        while self._running and time.monotonic() < deadline:
            with suppress(UserError):  # whoever drops has heard of it, or does not want to
                answers += self.take(1.0)
        self._error = None
        if self._running:  # too slow to wait for: whatever they still say must not be taken for an answer
            self._done, self._running = queue.SimpleQueue(), 0
        return answers

    def close(self) -> None:
        """Close the connections."""
        self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def _send_more(self) -> None:
        while self._waiting and self._error is None and self._running < self.spec.batch_size:
            self._running += 1
            self._threads.submit(self._ask, self._waiting.popleft()).add_done_callback(self._done.put)

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
