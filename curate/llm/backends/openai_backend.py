"""Answers from any OpenAI-compatible endpoint: OpenAI's own, a vLLM or llama.cpp server, a gateway.

In: requests, sent by `batch_size` threads. Out: answers as they come, checked (curate/llm/backends/reply.py). The
client itself retries refused connections, timeouts, 408, 409, 429 and 5xx with growing, jittered pauses and heeds
Retry-After; a reply that is no completion is asked for again in the same way. What remains is sorted in two. A request
that the server finds wrong (400, 422: too long, say), or has no proper answer to, is an error of that request alone,
but only if the server answers a harmless one: a server that refuses that too refuses all. That, and anything else (a
refused key, no such model, a server that stays away), stops the work with one line, after the answers in flight are in.
The key is read from the variable that the model names, and goes nowhere else.
"""

import os
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import openai

from curate.errors import UserError
from curate.llm.answers import failure
from curate.llm.backends.reply import Malformed, completion_of, words_of
from curate.llm.backends.whole import client_within
from curate.llm.types import Completion, Message, ModelSpec, Request

RETRIES = 6
LAST_S = 30.0
"""How long the answers in flight are awaited when the work is broken off."""
STOPS = 4
"""The protocol takes four stop strings; all are applied again to the answer."""
LIKELIEST: dict[bool, dict[str, Any]] = {True: {"logprobs": 5}, False: {"logprobs": True, "top_logprobs": 20}}
"""How to ask for the likeliest first tokens, as many as the protocol allows: plain prompts, and chats."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Before a malformed reply is asked for again; twice as long each time."""
DOUBT = 16
"""So many failures in a row raise the question whether the server answers anything."""
WRONG_REQUEST = (openai.BadRequestError, openai.UnprocessableEntityError)


class OpenAIBackend:
    """One endpoint and one model."""

    def __init__(self, spec: ModelSpec, *, timeout_s: float | None = None, retries: int = RETRIES) -> None:
        self.spec, self.retries = spec, retries
        key = os.environ.get(spec.api_key_env, "").strip() or "none"
        self.timeout_s = timeout_s or spec.timeout_s
        self.client = client_within(self.timeout_s, key, spec.base_url, retries)
        self.capacity = 2 * spec.batch_size
        self._threads = ThreadPoolExecutor(spec.batch_size, thread_name_prefix="openai")
        self._waiting: deque[Request] = deque()
        self._done: queue.SimpleQueue[Future[Completion]] = queue.SimpleQueue()
        self._running = 0
        self._error: Exception | None = None
        self._closed = threading.Event()
        self._asking = threading.Lock()
        self._answers = False
        """Whether the server is known to answer something."""
        self._failed_in_row = 0

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
            except Exception as reason:  # noqa: BLE001 - raised below, when the paid answers in flight are in
                self._error = self._error or reason
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
            with suppress(Exception):  # whoever drops has heard of it, or does not want to
                answers += self.take(1.0)
        self._error = None
        if self._running:  # too slow to wait for: whatever they still say must not be taken for an answer
            self._done, self._running = queue.SimpleQueue(), 0
        return answers

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
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
                return self._complete(request, options | LIKELIEST[request.messages is None])
            except WRONG_REQUEST:
                pass  # some servers refuse a call that asks for probabilities
        try:
            return self._complete(request, options)
        except WRONG_REQUEST as error:
            return self._doubted(request, options, words_of(error.body or str(error)))
        except Malformed as error:
            if error.garbled:
                raise UserError(self._no_completion(error)) from error
            return self._doubted(request, options, str(error))

    def _complete(self, request: Request, options: dict[str, Any]) -> Completion:
        """Return a proper answer; ask again, after a pause, for one that is none. Raises Malformed."""
        pause_s = PAUSE_S
        for left in range(self.retries, -1, -1):
            try:
                answer = completion_of(request, self._send(request, options))
            except Malformed:
                if left == 0 or self._closed.wait(pause_s * random.uniform(0.75, 1)):
                    raise
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self._answers, self._failed_in_row = True, 0
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _doubted(self, request: Request, options: dict[str, Any], words: str) -> Completion:
        """Return the failure of a request if the server answers a harmless one. Raises UserError if it does not."""
        with self._asking:
            self._failed_in_row += 1
            if not self._answers or self._failed_in_row % DOUBT == 0:
                turns = None if request.messages is None else (Message("user", "Say yes."),)
                harmless = replace(request, messages=turns, prompt="x = 1\n" if turns is None else None, choices=())
                try:
                    self._complete(harmless, options)
                except WRONG_REQUEST as error:
                    why = words_of(error.body or str(error))
                    raise UserError(
                        f"{self._where} refuses every request ({error.status_code}): {why}; mend the settings of the "
                        f"model or of the stage, and run again, answers so far are kept"
                    ) from error
                except Malformed as error:
                    raise UserError(self._no_completion(error)) from error
        return failure(request, words)

    def _send(self, request: Request, options: dict[str, Any]) -> bytes:
        if request.messages is None:
            raw = self.client.completions.with_raw_response
            return bytes(raw.create(prompt=request.prompt or "", **options).content)
        turns: Any = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        return bytes(self.client.chat.completions.with_raw_response.create(messages=turns, **options).content)

    @property
    def _where(self) -> str:
        return self.spec.base_url or "api.openai.com"

    def _no_completion(self, error: Malformed) -> str:
        return (
            f"{self._where} sends no completions but {error}; check base_url and what stands before the server, and "
            f"run again, answers so far are kept"
        )

    def _explain(self, error: openai.OpenAIError) -> UserError:
        where = self._where
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return UserError(f"{where} refuses the key; set {self.spec.api_key_env} to one that may use it")
            case openai.NotFoundError():
                return UserError(f"{where} knows no model {self.spec.model!r}; name one that it serves")
            case openai.APIStatusError():
                why = words_of(error.body or str(error))
                return UserError(
                    f"{where} keeps answering {error.status_code} ({why}); run again later, answers so far are kept"
                )
            case openai.APITimeoutError():
                return UserError(
                    f"cannot reach {where}: no whole answer within timeout_s: {self.timeout_s:g}; raise it or check "
                    f"the server, and run again, answers so far are kept"
                )
            case _:
                return UserError(
                    f"cannot reach {where}: {error}; check base_url and run again, answers so far are kept"
                )
