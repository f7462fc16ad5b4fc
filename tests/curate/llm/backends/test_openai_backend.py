"""The endpoint backend against a server that speaks the protocol and answers from the real small model."""

import json
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.llm import Completion, Message, ModelSpec, Request, open_model
from curate.llm.backends.openai_backend import OpenAIBackend
from curate.llm.types import LLM

KEY = "sk-this-is-a-secret"


class Server(ThreadingHTTPServer):
    """Serves /v1/completions and /v1/chat/completions from `model`; `trouble` statuses are sent first."""

    model: LLM
    trouble: list[int]
    requests: list[dict[str, Any]]
    lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wanted = tuple("0123456789") if body.get("logprobs") else ()
        with self.server.lock:  # the model answers one call at a time
            self.server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
            if self.server.trouble:
                self.reply(self.server.trouble.pop(0), {"error": {"message": "in trouble"}})
                return
            messages = tuple(Message(turn["role"], turn["content"]) for turn in body.get("messages", ())) or None
            asked = Request(
                "one", messages, body.get("prompt"), body["max_tokens"], body["temperature"], body["top_p"],
                tuple(body.get("stop", ())), body["seed"], wanted,
            )  # fmt: skip
            [answer] = self.server.model.generate([asked])
        self.reply(200, self.completion(answer, chat=messages is not None))

    def completion(self, answer: Completion, *, chat: bool) -> dict[str, Any]:
        content = {"message": {"role": "assistant", "content": answer.text}} if chat else {"text": answer.text}
        usage = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": 0,
        }
        choice = {"index": 0, "finish_reason": answer.finish_reason, **content}
        if answer.probabilities is not None:
            told = [(str(digit), math.log(p)) for digit, p in enumerate(answer.probabilities)]
            entries = [{"token": token, "logprob": value, "bytes": None} for token, value in told]
            first = {"token": answer.text, "logprob": 0.0, "bytes": None, "top_logprobs": entries}
            choice["logprobs"] = {"content": [first]} if chat else {"top_logprobs": [dict(told)]}
        return {"id": "x", "object": "completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}

    def reply(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status in (429, 503):
            self.send_header("Retry-After", "0.05")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tiny: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.model, server.trouble, server.requests = open_model(tiny), [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("TEST_KEY", KEY)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def spec_of(server: Server) -> ModelSpec:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return ModelSpec(backend="openai", model="m", base_url=url, api_key_env="TEST_KEY", batch_size=4)


def test_the_real_model_behind_an_endpoint_answers_as_it_does_in_process(server: Server, smollm: ModelSpec) -> None:
    server.model = here = open_model(smollm)
    requests = [
        Request("chat", messages=(Message("user", "What is the capital of France?"),), max_tokens=12),
        Request("code", prompt="def double(x: int) -> int:\n    return", max_tokens=8, stop=("\n",)),
    ]
    there = {answer.id: answer for answer in open_model(spec_of(server)).generate(requests)}
    # The protocol says `stop` for a stop string and for the model's own end alike.
    assert there == {answer.id: replace(answer, ended=None) for answer in here.generate(requests)}
    assert "Paris" in there["chat"].text
    assert {asked["path"] for asked in server.requests} == {"/v1/chat/completions", "/v1/completions"}


@pytest.mark.parametrize("chat", [False, True])
def test_an_endpoint_tells_how_probable_choices_are(server: Server, smollm: ModelSpec, chat: bool) -> None:
    server.model = here = open_model(smollm)
    words = "How many legs has a dog? Answer with one digit."
    turns = {"messages": (Message("user", words),)} if chat else {"prompt": f"{words}\nlegs="}
    request = Request("a", max_tokens=4, choices=("4", "5", "cat"), **turns)  # type: ignore[arg-type]
    [there] = open_model(spec_of(server)).generate([request])
    [digits] = here.generate([Request("a", choices=tuple("45"), **turns)])  # type: ignore[arg-type]
    assert there.probabilities == pytest.approx((*(digits.probabilities or ()), 0.0))
    asked = server.requests[0]
    assert (asked["logprobs"], asked.get("top_logprobs")) == ((True, 20) if chat else (5, None))


def test_an_endpoint_that_refuses_to_tell_is_asked_for_words(server: Server) -> None:
    server.trouble = [400]
    [answer] = open_model(spec_of(server)).generate([Request("a", prompt="x", max_tokens=2, choices=("1",))])
    assert answer.probabilities is None
    assert answer.completion_tokens == 2
    assert ["logprobs" in request for request in server.requests] == [True, False]


def test_many_requests_are_sent_at_once_and_each_is_answered_once(server: Server) -> None:
    requests = [Request(str(i), prompt=f"x{i} = ", max_tokens=3) for i in range(30)]
    answers = list(open_model(spec_of(server)).generate(requests))
    assert sorted(answer.id for answer in answers) == sorted(request.id for request in requests)
    assert len(server.requests) == 30


def test_crowded_and_failing_servers_are_asked_again(server: Server) -> None:
    server.trouble = [429, 503, 500]
    [answer] = open_model(spec_of(server)).generate([Request("a", prompt="x", max_tokens=2)])
    assert answer.finish_reason in ("length", "stop")
    assert len(server.requests) == 4


def test_a_wrong_request_is_an_error_of_its_own(server: Server) -> None:
    server.trouble = [400]
    answers = list(open_model(spec_of(server)).generate([Request(str(i), prompt="x", max_tokens=2) for i in range(3)]))
    assert sorted(answer.finish_reason == "error" for answer in answers) == [False, False, True]


@pytest.mark.parametrize(("status", "line"), [(401, "refuses the key; set TEST_KEY"), (404, "knows no model 'm'")])
def test_what_no_retry_can_mend_stops_with_one_line(server: Server, status: int, line: str, tmp_path: Path) -> None:
    requests = [Request(str(i), prompt="x", max_tokens=2) for i in range(12)]
    server.trouble = [status]
    with pytest.raises(UserError, match=line) as caught:
        list(open_model(spec_of(server), tmp_path).generate(requests))
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)
    paid = len(server.requests) - 1
    again = open_model(spec_of(server), tmp_path)
    assert len(list(again.generate(requests))) == 12
    assert again.usage.calls_replayed == paid  # answers that were in flight beside the error are kept


def answered(backend: OpenAIBackend, requests: list[Request]) -> list[Completion]:
    backend.submit(requests)
    answers: list[Completion] = []
    while len(answers) < len(requests):
        answers += backend.take(0.1)
    return answers


def test_a_server_that_is_away_is_one_line(server: Server) -> None:
    spec = spec_of(server).model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
    with pytest.raises(UserError, match=r"cannot reach http://127\.0\.0\.1:9/v1"):
        answered(OpenAIBackend(spec, retries=0), [Request("a", prompt="x")])


def test_a_silent_server_is_given_up_after_the_time_limit(server: Server) -> None:
    with server.lock, pytest.raises(UserError, match="cannot reach"):  # the lock keeps the server from answering
        answered(OpenAIBackend(spec_of(server), timeout_s=0.3, retries=0), [Request("a", prompt="x", max_tokens=2)])


def test_the_key_is_sent_and_written_nowhere(server: Server, tmp_path: Path) -> None:
    list(open_model(spec_of(server), tmp_path).generate([Request("a", prompt="x", max_tokens=2)]))
    assert server.requests[0]["key"] == f"Bearer {KEY}"
    assert all(KEY not in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
