"""What servers send instead of answers: asked for again, an error of one request, or one line. Paid answers stay."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.llm import Completion, Message, ModelSpec, Request, close_models, open_model
from curate.llm.backends import openai_backend as module
from curate.llm.backends.openai_backend import OpenAIBackend
from curate.llm.budget import Budget
from curate.llm.log import CallLog, digest
from curate.recipe import parse
from curate.run.opened import open_run
from tests.conftest import Run

USED = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


def good(text: Any = "fine", **changes: Any) -> bytes:
    """Return a proper answer to a chat, or one with other fields."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return json.dumps({"id": "x", "choices": [choice], "usage": USED} | changes).encode()


class Server(ThreadingHTTPServer):
    """Answers with what `reply` returns for a question: (status, bytes)."""

    daemon_threads = True
    reply: Callable[[str], tuple[int, bytes]]
    asked: list[str]
    pause_s = 0.0
    """Between two bytes of a body."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][0]["content"]
        self.server.asked.append(question)
        status, data = self.server.reply(question)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for start in range(0, len(data), 1 if self.server.pause_s else len(data)):
            try:
                self.wfile.write(data[start : start + (1 if self.server.pause_s else len(data))])
            except OSError:  # the client has had enough
                return
            time.sleep(self.server.pause_s)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.reply = [], lambda _: (200, good())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    close_models()
    server.shutdown()
    server.server_close()
    thread.join()


def spec_of(server: Server, **more: Any) -> ModelSpec:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return ModelSpec(backend="openai", model="m", base_url=url, batch_size=4, **more)


def ask(name: str, **more: Any) -> Request:
    return Request(name, messages=(Message("user", name),), max_tokens=10, **more)


def answers(server: Server, requests: list[Request], log: Path | None = None, **more: Any) -> dict[str, Completion]:
    return {answer.id: answer for answer in open_model(spec_of(server, **more), log).generate(requests)}


def likeliest(*entries: Any) -> dict[str, Any]:
    choice = {"message": {"content": "1"}, "logprobs": {"content": [{"token": "1", "top_logprobs": list(entries)}]}}
    return {"choices": [choice]}


USABLE: dict[str, tuple[bytes, str, tuple[int, int]]] = {
    "null tokens": (good(usage={"prompt_tokens": None, "completion_tokens": None}), "fine", (2, 2)),
    "tokens in words": (good(usage={"prompt_tokens": "many", "completion_tokens": [3]}), "fine", (2, 2)),
    "negative tokens": (good(usage={"prompt_tokens": -1, "completion_tokens": 7.0}), "fine", (2, 7)),
    "no usage": (good(usage=None), "fine", (2, 2)),
    "usage of another kind": (good(usage=[1]), "fine", (2, 2)),
    "content in parts": (good([{"type": "text", "text": "fi"}, {"type": "text", "text": "ne"}]), "fine", (5, 7)),
    "a list of texts": (good(["fi", "ne"]), "fine", (5, 7)),
    "null content": (good(None), "", (5, 7)),
    "a lone surrogate": (good("a\ud800b"), "a\ufffdb", (5, 7)),
    "a pair of surrogates": (good("a\ud83d\ude00"), "a\U0001f600", (5, 7)),
    "a null byte": (good("a\0b"), "a\0b", (5, 7)),
    "no reason": (good(choices=[{"message": {"content": "fine"}, "finish_reason": None}]), "fine", (5, 7)),
    "an odd reason": (good(choices=[{"message": {"content": "fine"}, "finish_reason": {"a": 1}}]), "fine", (5, 7)),
    "a null error": (good(error=None), "fine", (5, 7)),
}


@pytest.mark.parametrize("name", USABLE)
def test_an_answer_with_odd_parts_is_taken_for_what_it_says_and_logged_once(
    name: str, server: Server, tmp_path: Path
) -> None:
    body, text, used = USABLE[name]
    server.reply = lambda _: (200, body)
    found = answers(server, [ask("one ?")], tmp_path)["one ?"]
    assert (found.text, found.finish_reason) == (text, "stop")
    assert (found.prompt_tokens, found.completion_tokens) == used
    assert pa.array([found.text]).cast(pa.large_string()).to_pylist() == [text]
    assert answers(server, [ask("one ?")], tmp_path)["one ?"] == found
    assert server.asked == ["one ?"]


MALFORMED: dict[str, bytes] = {
    "a page of HTML": b"<html><body>Sign in\x1b[31m</body></html>",
    "an empty body": b"",
    "half a body": good()[:-9],
    "a list": b"[1]",
    "null": b"null",
    "deep JSON": b"[" * 100_000,
    "no UTF-8": b'{"a": "\xff"}',
    "no choices": good(choices=[]),
    "null choices": good(choices=None),
    "a null choice": good(choices=[None]),
    "no message": good(choices=[{"index": 0}]),
    "a null message": good(choices=[{"message": None}]),
    "no content": good(choices=[{"message": {"role": "assistant"}}]),
    "content that is a number": good(7),
    "content that is an object": good({"text": "fine"}),
    "content in pictures": good([{"type": "image_url", "image_url": "x"}]),
    "an error with status 200": json.dumps({"error": {"message": "overloaded"}}).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_answer_is_asked_for_again_and_the_answer_counts(name: str, server: Server, tmp_path: Path) -> None:
    replies = [MALFORMED[name], MALFORMED[name]]
    server.reply = lambda _: (200, replies.pop() if replies else good())
    assert answers(server, [ask("one")], tmp_path)["one"].text == "fine"
    assert server.asked == ["one"] * 3


@pytest.mark.parametrize("name", MALFORMED)
def test_a_server_that_never_answers_properly_stops_the_work_with_its_own_words(
    name: str, server: Server, tmp_path: Path
) -> None:
    server.reply = lambda question: (200, good() if question == "first" else MALFORMED[name])
    with pytest.raises(UserError, match=r"sends no completions but .*run again, answers so far are kept") as caught:
        model = open_model(spec_of(server), tmp_path)
        backend = OpenAIBackend(spec_of(server), retries=1)
        backend.submit([ask(str(n)) for n in range(40)])
        while True:
            backend.take(0.1)
    assert str(caught.value).isprintable()
    assert model.usage.calls_failed == 0


def test_a_request_without_a_proper_answer_among_others_that_have_one_is_an_error_of_its_own(server: Server) -> None:
    server.reply = lambda question: (200, good(choices=[]) if question == "odd" else good())
    backend = OpenAIBackend(spec_of(server), retries=1)
    backend.submit([ask("odd"), *(ask(str(n)) for n in range(5))])
    found: dict[str, Completion] = {}
    while len(found) < 6:
        found |= {answer.id: answer for answer in backend.take(0.1)}
    assert [name for name, answer in found.items() if answer.finish_reason == "error"] == ["odd"]
    backend.close()


def test_a_page_of_a_proxy_is_trouble_on_the_way_and_no_error_of_a_request(server: Server) -> None:
    server.reply = lambda question: (200, MALFORMED["a page of HTML"] if question == "odd" else good())
    backend = OpenAIBackend(spec_of(server), retries=1)
    backend.submit([*(ask(str(n)) for n in range(5)), ask("odd")])
    found = []
    with pytest.raises(UserError, match="sends no completions but <html><body>Sign in"):
        while True:
            found += backend.take(0.1)
    assert {answer.finish_reason for answer in found} == {"stop"}
    assert len(found) == 5


PROBABLE: dict[str, tuple[dict[str, Any], tuple[float, ...] | None]] = {
    "null": (likeliest({"token": "1", "logprob": None}), None),
    "one null": (likeliest({"token": "1", "logprob": None}, {"token": "2", "logprob": 0.0}), (0.0, 1.0)),
    "no token": (likeliest({"logprob": 0.0}, {"token": None, "logprob": 0.0}), None),
    "no entries": (likeliest(), None),
    "null entries": (likeliest(None), None),
    "above one": (likeliest({"token": "1", "logprob": 0.2}), (1.0, 0.0)),
    "not a number": (likeliest({"token": "1", "logprob": "NaN"}), None),
    "logprobs null": ({"choices": [{"message": {"content": "1"}, "logprobs": None}]}, None),
    "content null": ({"choices": [{"message": {"content": "1"}, "logprobs": {"content": None}}]}, None),
    "content of nothing": ({"choices": [{"message": {"content": "1"}, "logprobs": {"content": []}}]}, None),
    "content of null": ({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [None]}}]}, None),
}


@pytest.mark.parametrize("name", PROBABLE)
def test_probabilities_that_are_none_are_left_out(name: str, server: Server, tmp_path: Path) -> None:
    body, expected = PROBABLE[name]
    server.reply = lambda _: (200, json.dumps(body).encode())
    found = answers(server, [ask("one", choices=("1", "2"))], tmp_path)["one"]
    assert found.probabilities == expected
    assert found.text == "1"
    assert answers(server, [ask("one", choices=("1", "2"))], tmp_path)["one"] == found


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_every_request_stops_the_work_with_its_own_words(status: int, server: Server) -> None:
    said = json.dumps({"error": {"message": "temperature must be 1\nfor this model", "code": "x"}}).encode()
    server.reply = lambda _: (status, said)
    with pytest.raises(UserError, match=rf"refuses every request \({status}\): temperature must be 1 for this model; "):
        answers(server, [ask(str(n)) for n in range(12)])
    assert len(server.asked) <= 8


def test_a_request_that_the_server_finds_wrong_is_an_error_of_its_own_even_where_it_is_the_only_one(
    server: Server,
) -> None:
    said = json.dumps({"error": {"message": "maximum context length"}}).encode()
    server.reply = lambda question: (400, said) if question.startswith("long") else (200, good())
    assert answers(server, [ask("long")])["long"].error == "maximum context length"
    assert server.asked == ["long", "Say yes."]
    found = answers(server, [*(ask(f"long {n}") for n in range(20)), ask("short")])
    assert sum(answer.finish_reason == "error" for answer in found.values()) == 20
    assert found["short"].text == "fine"


def test_a_server_that_begins_to_refuse_everything_is_noticed(server: Server, tmp_path: Path) -> None:
    server.reply = lambda _: (200, good()) if len(server.asked) < 30 else (400, b'{"detail": "quota exhausted"}')
    with pytest.raises(UserError, match="quota exhausted"):
        answers(server, [ask(str(n)) for n in range(100)], tmp_path)
    assert len(server.asked) < 60
    server.reply = lambda _: (200, good())
    again = open_model(spec_of(server), tmp_path)
    assert len(list(again.generate([ask(str(n)) for n in range(100)]))) == 100
    assert again.usage.calls_replayed == 29


def test_an_answer_has_a_deadline_as_a_whole(server: Server) -> None:
    server.pause_s = 0.05
    server.reply = lambda _: (200, good("x" * 1000))
    backend = OpenAIBackend(spec_of(server, timeout_s=0.4), retries=0)
    started = time.monotonic()
    backend.submit([ask("one")])
    with pytest.raises(UserError, match=r"no whole answer within timeout_s: 0\.4; raise it"):
        while True:
            backend.take(0.1)
    assert time.monotonic() - started < 3


def test_a_slow_answer_that_is_whole_in_time_counts(server: Server) -> None:
    server.pause_s = 0.002
    assert answers(server, [ask("one")], timeout_s=20)["one"].text == "fine"


def test_answers_in_flight_beside_a_fault_of_our_own_are_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = module.completion_of

    def faulty(request: Request, body: bytes) -> Completion:
        if request.id == "0":
            raise TypeError("a fault")
        return whole(request, body)

    monkeypatch.setattr(module, "completion_of", faulty)
    with pytest.raises(TypeError, match="a fault"):
        answers(server, [ask(str(n)) for n in range(4)], tmp_path)
    assert len(CallLog(tmp_path / "calls.jsonl", "m").answers) == 3


def test_what_an_older_log_holds_of_odd_answers_is_read_or_asked_for_again(server: Server, tmp_path: Path) -> None:
    requests = [ask(str(n)) for n in range(4)]
    base = {"model": "m", "text": "old", "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 2}
    changes: list[dict[str, Any]] = [
        {"prompt_tokens": None},
        {"text": "\ud800"},
        {"text": ["a"]},
        {"probabilities": [None]},
    ]
    rows = [base | {"id": r.id, "digest": digest(r)} | change for r, change in zip(requests, changes, strict=True)]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = answers(server, requests, tmp_path)
    assert [found[str(n)].text for n in range(4)] == ["old", "\ufffd", "fine", "old"]
    assert found["0"].prompt_tokens == 0
    assert found["3"].probabilities is None
    assert server.asked == ["2"]


def test_a_key_with_a_line_end_is_taken_without_it_and_one_that_is_none_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-1\n")
    assert answers(server, [ask("one")], api_key_env="SOME_KEY")["one"].text == "fine"
    monkeypatch.setenv("SOME_KEY", "sk-é")
    with pytest.raises(UserError, match="SOME_KEY holds what can be no key"):
        answers(server, [ask("two")], api_key_env="SOME_KEY")


PRICE = {"usd_per_mtok": (1.0, 2.0)}
EACH = (5 * 1 + 7 * 2) / 1e6
"""What an answer of the server costs."""


def test_a_budget_is_never_overdrawn_and_the_rest_is_answered_once_it_is_raised(server: Server, tmp_path: Path) -> None:
    requests = [ask(str(n)) for n in range(40)]
    budget = Budget(20 * EACH, "stage it")
    model = open_model(spec_of(server, **PRICE), tmp_path, budgets=[budget])
    with pytest.raises(
        UserError, match=r"usd: .* for the stage it is spent: .* raise `usd:` of the stage and run again"
    ):
        list(model.generate(requests))
    paid = len(server.asked)
    assert 10 < paid <= 20
    assert model.usage.usd == pytest.approx(paid * EACH)
    still = open_model(spec_of(server, **PRICE), tmp_path, budgets=[budget])
    with pytest.raises(UserError, match="waiting requests"):
        list(still.generate(requests))
    assert len(server.asked) == paid, "what is spent is known from the log"
    raised = open_model(spec_of(server, **PRICE), tmp_path, budgets=[replace(budget, usd=1.0)])
    assert len(list(raised.generate(requests))) == 40
    assert len(server.asked) == 40


def test_what_others_of_the_run_have_spent_counts(server: Server) -> None:
    budgets = [Budget(1.0, "stage it"), Budget(5.0, "run", spent=5.0 - 3 * EACH)]
    with pytest.raises(UserError, match="usd: 5 for the run is spent"):
        list(open_model(spec_of(server, **PRICE), budgets=budgets).generate([ask(str(n)) for n in range(9)]))
    assert len(server.asked) <= 3


SEED = ("function_name", "concept", "setting", "level", "result", "second", "technique", "topic", "signature")


def recipe(folder: Path, server: Server, usd: Any, of_stage: Any = None) -> Path:
    """Write a recipe that asks the server for twelve exercises."""
    rows = [
        {"id": f"f{n}#0", "text": f"recipe {n}", "wording": n, **dict.fromkeys(SEED, f"recipe {n}")} for n in range(12)
    ]
    if not (folder / "seeds.jsonl").exists():
        (folder / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(folder / "seeds.jsonl"), "text": "text", "id": "id", "keep": [*SEED, "wording"]}
    model = spec_of(server, **PRICE).model_dump() | {"usd_per_mtok": [1.0, 2.0]}
    value = {
        "name": "r",
        **({"usd": usd} if usd else {}),
        "models": {"teacher": model},
        "sources": {"seeds": source},
        "stages": {"made": {"use": "synth.exercise", "model": "teacher", **({"usd": of_stage} if of_stage else {})}},
    }
    (folder / "recipe.yaml").write_text(json.dumps(value))
    return folder / "recipe.yaml"


def test_a_run_whose_every_request_is_refused_fails_with_the_server_s_words(
    server: Server, tmp_path: Path, curate: Run
) -> None:
    server.reply = lambda _: (400, b'{"error": {"message": "unknown parameter seed"}}')
    done = curate("run", recipe(tmp_path, server, None), "--runs", tmp_path / "runs")
    assert done.returncode == 1
    assert "refuses every request (400): unknown parameter seed" in done.stderr
    assert not list((tmp_path / "runs").glob("r/stages/made-*/done/*.json"))


def test_a_run_stops_at_its_budget_and_goes_on_when_it_is_raised(server: Server, tmp_path: Path, curate: Run) -> None:
    stub = '```python\ndef add_{}(a: int) -> int:\n    """Return a and more of it."""\n    return a + 1\n```'
    used = {"prompt_tokens": 100, "completion_tokens": 200}
    server.reply = lambda _: (200, good(stub.format("abcdefghijkl"[len(server.asked) % 12]), usage=used))

    first = curate("run", recipe(tmp_path, server, 0.005), "--runs", tmp_path / "runs")
    assert first.returncode == 1, first.stderr
    assert "usd: 0.005 for the run" in first.stderr
    assert "Traceback" not in first.stderr
    paid = len(server.asked)
    logged = next((tmp_path / "runs").glob("r/stages/made-*/calls/calls.jsonl"))
    assert paid == len(logged.read_text().splitlines()) > 0
    again = curate("run", recipe(tmp_path, server, None, of_stage=9.0), "--runs", tmp_path / "runs", "--allow-empty")
    assert again.returncode == 0, again.stderr
    assert len({row["digest"] for row in map(json.loads, logged.read_text().splitlines())}) == len(server.asked)


@pytest.mark.parametrize(
    ("usd", "of_stage", "model", "line"),
    [
        ("five", None, {}, "usd: 'five' must be a number of dollars"),
        (-1, None, {}, "usd: -1 must be"),
        (None, True, {}, "stages.made.usd: True must be"),
        (5, None, {"usd_per_mtok": None}, "`usd:` needs its price"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_by_plan(
    usd: Any, of_stage: Any, model: dict[str, Any], line: str, server: Server, tmp_path: Path
) -> None:
    value = json.loads(recipe(tmp_path, server, usd, of_stage).read_text())
    value["models"]["teacher"] |= model
    with pytest.raises(UserError, match=re.escape(line)):
        parse(value)


def test_a_budget_is_no_part_of_a_key_and_reaches_the_stage(server: Server, tmp_path: Path) -> None:
    def run(*budgets: Any) -> Any:
        return open_run(parse(json.loads(recipe(tmp_path, server, *budgets).read_text())), tmp_path / "runs")

    without, both = run(None), run(3, 2)
    assert without.keys == both.keys
    node = both.recipe.node("made")
    assert both.context(node).budgets == (Budget(2, "stage made"), Budget(3, "run", 0))
    assert without.context(without.recipe.node("made")).budgets == ()
    other = tmp_path / "runs" / "r" / "stages" / "other-1" / "calls"
    list(open_model(spec_of(server, **PRICE), other).generate([ask("one")]))
    assert both.context(node).budgets[1].spent == pytest.approx(EACH)
