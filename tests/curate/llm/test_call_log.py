"""The call log: nothing is asked twice, whatever happened in between."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from curate.errors import UserError
from curate.llm import Completion, ModelSpec, Request, close_models, door, open_model
from curate.llm.log import digest

REQUESTS = [Request(str(index), prompt=f"value_{index} = ", max_tokens=4) for index in range(10)]


def texts(answers: Iterator[Completion]) -> dict[str, str]:
    return {answer.id: answer.text for answer in answers}


def test_a_second_run_replays_everything_and_loads_no_model(tiny: ModelSpec, log: Path) -> None:
    first = open_model(tiny, log)
    answers = texts(first.generate(REQUESTS))
    assert (first.usage.calls_made, first.usage.calls_replayed) == (10, 0)
    close_models()
    second = open_model(tiny, log)
    assert texts(second.generate(REQUESTS)) == answers
    assert (second.usage.calls_made, second.usage.calls_replayed) == (0, 10)
    assert not door._open
    assert second.usage.completion_tokens == first.usage.completion_tokens > 0


def test_a_run_that_breaks_off_pays_only_for_the_rest(tiny: ModelSpec, log: Path) -> None:
    whole = texts(open_model(tiny).generate(REQUESTS))
    broken = open_model(tiny, log).generate(REQUESTS)
    next(broken)  # one answer of a batch of four is taken; the whole batch is on disk
    broken.close()  # type: ignore[attr-defined]
    again = open_model(tiny, log)
    assert texts(again.generate(REQUESTS)) == whole
    assert (again.usage.calls_made, again.usage.calls_replayed) == (6, 4)


def test_a_torn_line_costs_one_call(tiny: ModelSpec, log: Path) -> None:
    whole = texts(open_model(tiny, log).generate(REQUESTS))
    file = log / "calls.jsonl"
    file.write_bytes(file.read_bytes()[:-30])
    for made in (1, 0):
        model = open_model(tiny, log)
        assert texts(model.generate(REQUESTS)) == whole
        assert model.usage.calls_made == made


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"prompt": "y"},
        {"seed": 1},
        {"temperature": 0.5},
        {"max_tokens": 5},
        {"stop": ("#",)},
        {"choices": ("0", "1")},
    ],
)
def test_any_change_to_a_request_is_another_request(change: dict[str, object]) -> None:
    assert digest(replace(REQUESTS[0], **change)) != digest(REQUESTS[0])  # type: ignore[arg-type]


def test_probabilities_come_back_from_the_log_as_they_were(tiny: ModelSpec, log: Path) -> None:
    requests = [replace(request, choices=("0", "1")) for request in REQUESTS]
    first = list(open_model(tiny, log).generate(requests))
    assert all(answer.probabilities is not None and len(answer.probabilities) == 2 for answer in first)
    again = open_model(tiny, log)
    assert {a.id: a for a in again.generate(requests)} == {a.id: a for a in first}
    assert again.usage.calls_made == 0


def test_a_request_without_choices_is_found_in_logs_from_before_there_were_any() -> None:
    assert digest(Request("a", prompt="x")) == "3780dc25e9f3b181e08a7c4cd0fc0165c8c4bc3784d8ad82195ccd8ab8a1c5cc"


def test_the_answers_of_another_model_are_not_taken(tiny: ModelSpec, log: Path) -> None:
    texts(open_model(tiny, log).generate(REQUESTS))
    file = log / "calls.jsonl"
    rows = [json.loads(line) | {"model": "another"} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = open_model(tiny, log)
    texts(model.generate(REQUESTS))
    assert model.usage.calls_made == 10


def test_the_replay_backend_answers_from_a_log_and_calls_the_rest_errors(tiny: ModelSpec, log: Path) -> None:
    whole = texts(open_model(tiny, log).generate(REQUESTS))
    model = open_model(ModelSpec(backend="replay", model=str(log / "calls.jsonl")))
    unknown = Request("unknown", prompt="?")
    answers = {answer.id: answer for answer in model.generate([*REQUESTS, unknown])}
    assert {name: answers[name].text for name in whole} == whole
    assert answers["unknown"].finish_reason == "error"
    assert (model.usage.calls_replayed, model.usage.calls_failed) == (10, 1)


def test_a_failed_call_is_asked_again(tiny: ModelSpec, log: Path) -> None:
    too_long = Request("long", prompt="x " * 400)
    for _ in range(2):
        model = open_model(tiny, log)
        assert [answer.finish_reason for answer in model.generate([too_long])] == ["error"]
        assert model.usage.calls_failed == 1
    assert not log.exists()


def test_the_price_is_counted_by_million_tokens(tiny: ModelSpec) -> None:
    model = open_model(tiny.model_copy(update={"usd_per_mtok": (0.5, 1.5)}))
    texts(model.generate(REQUESTS))
    used = model.usage
    assert used.usd == pytest.approx((0.5 * used.prompt_tokens + 1.5 * used.completion_tokens) / 1e6)


def test_no_requests_load_no_model(log: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert list(open_model(ModelSpec(backend="transformers", model=str(tmp_path)), log).generate([])) == []


def test_one_id_cannot_be_asked_twice(tiny: ModelSpec) -> None:
    with pytest.raises(ValueError, match="given twice"):
        list(open_model(tiny).generate([REQUESTS[0], REQUESTS[0]]))


@pytest.mark.parametrize(
    "model",
    ["/no/such/folder", "./missing", "model.gguf", "a/b/c", "pkg://no_such_package_here/x.gguf", "pkg://json/x.gguf"],
)
def test_a_model_that_is_not_there_is_one_line(model: str) -> None:
    with pytest.raises(UserError, match=re.escape(repr(model))) as caught:
        open_model(ModelSpec(backend="transformers", model=model))
    assert "\n" not in str(caught.value)


def test_a_hub_name_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="cannot load model 'nobody/nothing-here'") as caught:
        spec = ModelSpec(backend="transformers", model="nobody/nothing-here")
        list(open_model(spec).generate([Request("a", prompt="x")]))
    assert "\n" not in str(caught.value)


def test_a_missing_log_or_key_is_known_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(UserError, match="no call log"):
        open_model(ModelSpec(backend="replay", model="nowhere.jsonl"))
    with pytest.raises(UserError, match="SOME_KEY"):
        open_model(ModelSpec(backend="openai", model="gpt-3.5-turbo", api_key_env="SOME_KEY"))
