"""Evaluation from the model to the row of scores, with a scripted model and with a real one."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.errors import UserError
from curate.eval import code
from curate.eval.code import EvalCode, evaluate
from curate.eval.judging.scoring import read_samples
from curate.eval.subject import count_parameters, fitted, named, told_apart, trained
from curate.files.shards import read_jsonl
from curate.llm import Completion, ModelSpec, Request
from curate.progress import Progress
from curate.stage import Context


class Script:
    """A model that knows the answers to the made-up tasks with even numbers, and answers in reverse order."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.error: str | None = None
        self.answered_tokens, self.answering_s = 0, 0.0

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        asked = list(requests)
        self.requests += asked
        for request in reversed(asked):
            number = int(request.id.partition("#")[0].rpartition("/")[2])
            answer = number if number % 2 == 0 else -1
            text = f"    return {answer}\n" if "humaneval" in request.id else f"def g{number}():\n  return {answer}"
            reason = "error" if self.error and number == 12 else "stop"
            yield Completion(request.id, f"{text}\nprint('more')", reason, 5, 7, self.error)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    model = Script()
    monkeypatch.setattr(code, "open_model", lambda spec, log: model)
    return model


def rows(out: Path) -> dict[str, dict[str, object]]:
    return {row["benchmark"]: row for row in json.loads((out / "scores.json").read_text())}


def test_a_model_that_knows_every_other_answer_scores_one_half(made_up: Path, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = evaluate(ModelSpec(backend="openai", model="org/oracle"), ["humaneval", "mbpp"], out, limit=8)
    for benchmark, protocol in (("humaneval", "humaneval@completion"), ("mbpp", "mbpp@doc-500")):
        row = rows(out)[benchmark]
        assert (row["pass_at_1"], row["n_tasks"], row["protocol"]) == (0.5, 8, protocol)
        assert row["verdicts"] == {"pass": 4, "wrong": 4}
        assert 0.2 < row["low"] < 0.25 and 0.75 < row["high"] < 0.8  # type: ignore[operator]
        assert row["data_sha256"] == benchmarks.digest(benchmark)
        assert row["bits_per_byte"] is None
        assert len(list(read_jsonl(out / str(row["results"])))) == 8
    assert "| oracle | N.A. | N.A. | 50.0 (" in text


def test_raw_cut_and_whole_text_are_kept_in_task_order(made_up: Path, script: Script, tmp_path: Path) -> None:
    evaluate(ModelSpec(backend="openai", model="oracle"), ["humaneval"], tmp_path, limit=3)
    path = tmp_path / "oracle" / "humaneval@completion.samples.jsonl"
    samples = list(read_jsonl(path))
    assert [sample["task_id"] for sample in samples] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]
    assert samples[2]["raw"] == "    return 2\n\nprint('more')"
    assert samples[2]["cut"] == "    return 2\n"
    assert samples[2]["solution"] == 'def f2():\n    """Return 2."""\n    return 2\n'
    tasks = {task.task_id: task for task in benchmarks.load("humaneval")[:3]}
    assert [sample.program for sample in read_samples(path, tasks)] == [sample["solution"] for sample in samples]


def test_requests_carry_the_protocols_prompt_and_stops(made_up: Path, script: Script, tmp_path: Path) -> None:
    evaluate(ModelSpec(backend="openai", model="m"), ["mbpp@3shot-500"], tmp_path, limit=2, samples=3)
    assert len({request.id for request in script.requests}) == len({r.seed for r in script.requests}) == 6
    assert {request.stop for request in script.requests} == {("[DONE]",)}
    assert {request.temperature for request in script.requests} == {0.2}
    assert all(str(request.prompt).count("[BEGIN]") == 4 for request in script.requests)
    row = rows(tmp_path)["mbpp"]
    assert (row["protocol"], row["samples"], row["n_tasks"]) == ("mbpp@3shot-500", 3, 2)


def test_a_call_that_failed_is_no_wrong_answer(made_up: Path, script: Script, tmp_path: Path) -> None:
    script.error = "no route to host"
    with pytest.raises(UserError, match="1 of 13 calls failed, the first with: no route to host"):
        evaluate(ModelSpec(backend="openai", model="m"), ["humaneval"], tmp_path, limit=13)
    assert not (tmp_path / "scores.json").exists()


def test_a_trained_model_gets_its_row_and_a_second_run_repeats_it(made_up: Path, tiny: Path, tmp_path: Path) -> None:
    stage = EvalCode(limit=3, max_tokens=8)
    stage.check({})
    context = Context(name="score", seed=17, directory=tmp_path / "score", inputs={"base": tiny})
    metrics = stage.run(context, Progress())
    row = rows(context.directory)["humaneval"]
    assert (row["model"], row["model_parameters"], row["dataset_tokens"]) == ("tiny", 21_376, 900)
    assert 6 < row["bits_per_byte"] < 10  # type: ignore[operator]
    assert metrics["humaneval_pass_at_1"] == row["pass_at_1"] == 0
    assert set(metrics) == {f"{b}_{m}" for b in ("humaneval", "mbpp") for m in ("pass_at_1", "bits_per_byte")}
    samples = list(read_jsonl(context.directory / "base" / "mbpp@doc-500.samples.jsonl"))
    assert [sample["completion_tokens"] for sample in samples] == [8, 8, 8]
    before = {path: path.read_bytes() for path in context.directory.rglob("*.json*")}
    assert stage.run(context, Progress()) == metrics
    assert {path: path.read_bytes() for path in context.directory.rglob("*.json*")} == before


def test_models_of_several_stages_are_told_apart(made_up: Path, tiny: Path, script: Script, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned-1"
    shutil.copytree(tiny, tuned)
    (tuned / "model" / "curate.json").unlink()
    context = Context(name="score", seed=17, directory=tmp_path / "score", inputs={"base": tiny, "tuned": tuned})
    metrics = EvalCode(limit=2, tasks=("humaneval",), bits=False).run(context, Progress())
    assert metrics == {"base_humaneval_pass_at_1": 0.5, "tuned_humaneval_pass_at_1": 0.5}
    written = json.loads((context.directory / "scores.json").read_text())
    assert [(row["model"], row["dataset_tokens"]) for row in written] == [("tiny", 900), ("tuned", None)]
    assert written[1]["model_parameters"] == count_parameters(tiny / "model") > 20_000


def test_a_prompt_too_long_for_the_context_loses_its_beginning(tiny: Path) -> None:
    subject = trained("base", tiny / "model")
    prompts = {"short": "é" * 10, "long": "x" * 600 + "é" * 10}
    found = fitted(subject, prompts, max_tokens=1000)  # 512 tokens of a byte each, a quarter of them for the answer
    assert found == {"short": prompts["short"], "long": prompts["long"][-(512 - 128 - 10) :]}
    assert fitted(subject, prompts, max_tokens=20)["long"] == prompts["long"][-(512 - 20 - 10) :]


def test_models_with_one_name_are_told_apart_by_their_stage(tiny: Path) -> None:
    base, tuned = (trained(label, tiny / "model") for label in ("base", "tuned"))
    assert [subject.name for subject in told_apart([base, tuned])] == ["tiny (base)", "tiny (tuned)"]
    assert told_apart([base]) == [base]


def test_parameters_are_counted_from_the_weights(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny / "model")
    assert count_parameters(tiny / "model") == model.num_parameters()


def test_a_folder_is_described_with_its_context_and_a_name(tiny: Path) -> None:
    subject = named(str(tiny / "model"))
    assert (subject.label, subject.spec.max_context) == ("base-0a1b2c3d", 512)
    assert trained("base", tiny / "model").facts == subject.facts


def test_a_model_that_is_not_there_is_said_so(made_up: Path, tmp_path: Path) -> None:
    for wrong in (str(tmp_path / "nothing"), "./nothing", "nothing"):
        with pytest.raises(UserError, match="no model at"):
            evaluate(wrong, ["humaneval"], tmp_path / "out")
    with pytest.raises(UserError, match=r"holds no model: cannot read config\.json"):
        evaluate(str(tmp_path), ["humaneval"], tmp_path / "out")


def test_a_stage_that_could_not_run_is_refused_before_it_does(made_up: Path) -> None:
    with pytest.raises(UserError, match="no protocol is known for 'humanevel'; did you mean 'humaneval'"):
        EvalCode(tasks=("humanevel",)).check({})
    with pytest.raises(UserError, match="'humaneval@evalpus'; did you mean 'humaneval@evalplus'"):
        EvalCode(tasks=("humaneval@evalpus",)).check({})
    with pytest.raises(UserError, match="names one twice"):
        EvalCode(tasks=("mbpp", "mbpp@doc-500")).check({})
    with pytest.raises(UserError, match="at temperature 0 are all alike"):
        EvalCode(samples=5).check({})
    (made_up / "mbpp.jsonl").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarks, "unreachable_hub", lambda: "nobody answers")
        patch.setenv("CURATE_CACHE", str(made_up / "cache"))  # what was found before is remembered there
        with pytest.raises(UserError, match="'mbpp' was not found"):
            EvalCode().check({})


def test_the_fingerprint_follows_the_benchmarks_bytes(made_up: Path) -> None:
    stage = EvalCode(tasks=("mbpp",))
    before = stage.fingerprint()
    text = (made_up / "mbpp.jsonl").read_text()
    (made_up / "mbpp.jsonl").write_text(text.replace("g500", "h500"))
    assert stage.fingerprint() != before
