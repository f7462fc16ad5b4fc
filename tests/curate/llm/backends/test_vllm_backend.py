"""The processes around vLLM: spread, fed while they answer, ended however the work ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.errors import UserError
from curate.llm import Completion, ModelSpec, Request, close_models, open_model
from curate.llm.backends import vllm_backend
from curate.llm.backends.vllm_backend import VLLMBackend, _gpus
from tests.conftest import ROOT


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelSpec]:
    monkeypatch.setattr(VLLMBackend, "ENGINE", "tests.curate.llm.stand_in:StandIn")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    yield ModelSpec(backend="vllm", model=str(tmp_path), gpus="auto", engines_per_gpu=2, batch_size=4)
    close_models()


def answered(backend: VLLMBackend, count: int) -> list[Completion]:
    answers: list[Completion] = []
    deadline = time.monotonic() + 20
    while len(answers) < count:
        assert time.monotonic() < deadline
        answers += backend.take(0.1)
    return answers


def test_every_gpu_has_its_engines_and_requests_go_to_all_of_them(spec: ModelSpec) -> None:
    backend = VLLMBackend(spec)
    assert (backend.gpus, backend.capacity) == (2, 2 * 4 * 4)
    backend.submit([Request(str(n), prompt="who") for n in range(40)])
    told = sorted(answer.text for answer in answered(backend, 40))
    engines = {text: told.count(text) for text in told}
    assert list(engines.values()) == [10] * 4
    assert sorted(text.split()[1:] for text in engines) == [["3", "0.45"], ["3", "0.45"], ["5", "0.45"], ["5", "0.45"]]
    pids = [int(text.split()[0]) for text in engines]
    backend.close()
    backend.close()  # again: nothing happens
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not list(Path(spec.model).glob("curate-vllm-*")), "logs of engines that ended well are not kept"


def test_requests_are_added_while_others_are_answered_and_dropped_ones_never_come(spec: ModelSpec) -> None:
    backend = VLLMBackend(spec)
    backend.submit([Request("long", prompt="x" * 100_000), Request("short", prompt="ab"), Request("none", prompt="")])
    first = {answer.id: answer for answer in answered(backend, 2)}
    assert first["short"].text == "ba"
    assert first["none"].finish_reason == "error"
    backend.drop()
    backend.submit([Request("long", prompt="cd")])
    assert [answer.text for answer in answered(backend, 1)] == ["dc"]
    backend.close()


def test_an_engine_that_dies_is_one_line_and_the_answers_before_it_are_kept(spec: ModelSpec, tmp_path: Path) -> None:
    model = open_model(spec, tmp_path / "calls")
    assert len(list(model.generate([Request(str(n), prompt="ab") for n in range(5)]))) == 5
    with pytest.raises(
        UserError, match=r"GPU \d ended \(3\): RuntimeError: the device is gone; its log is .*; run again"
    ) as caught:
        list(model.generate([Request("x", prompt="die")]))
    assert "\n" not in str(caught.value)
    close_models()
    again = open_model(spec, tmp_path / "calls")
    list(again.generate([Request(str(n), prompt="ab") for n in range(6)]))
    assert (again.usage.calls_replayed, again.usage.calls_made) == (5, 1)


def test_engines_end_when_their_parent_is_killed(spec: ModelSpec) -> None:
    code = (
        "import sys, time; from curate.llm import ModelSpec, Request\n"
        "from curate.llm.backends.vllm_backend import VLLMBackend\n"
        "VLLMBackend.ENGINE = 'tests.curate.llm.stand_in:StandIn'\n"
        "backend = VLLMBackend(ModelSpec(backend='vllm', model=sys.argv[1]))\n"
        "backend.submit([Request('a', prompt='x' * 10**7)])\n"
        "print(backend._engines[0].pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, spec.model], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_more_gpus_than_there_are_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert _gpus(2) == ["0", "1"]
    assert _gpus("auto") == ["0", "1"]
    with pytest.raises(UserError, match="gpus: 3 are asked for, this machine shows 2"):
        _gpus(3)


def test_memory_and_what_is_handed_out_ahead_are_settings(spec: ModelSpec) -> None:
    given = {"gpu_memory": 0.5, "ahead": 3.5, "gpus": 1}
    backend = VLLMBackend(spec.model_copy(update=given))
    assert backend.capacity == 14 * 2
    backend.submit([Request(str(n), prompt="who") for n in range(2)])
    assert [answer.text.split()[2] for answer in answered(backend, 2)] == ["0.25"] * 2
    backend.close()


@pytest.mark.parametrize("fits", [True, False])
def test_engines_of_a_gpu_start_at_once_where_the_room_is_known_and_one_after_the_other_where_it_is_not_there(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, fits: bool
) -> None:
    monkeypatch.setattr(vllm_backend, "gpu_memory_bytes", lambda names: 40 << 30)
    (Path(spec.model) / "model.safetensors").write_bytes(bytes(1000))
    if not fits:
        (Path(spec.model) / "no room").touch()
    backend = VLLMBackend(spec)
    backend.submit([Request(str(n), prompt="where") for n in range(4)])
    told = sorted(answer.text.split() for answer in answered(backend, 4))
    began = [float(each[0]) for each in told]
    given = sorted((cache, place) for _, cache, place in told)
    backend.close()
    if fits:
        room = str(int(20 * 0.9 * 2**30) - 1000 - vllm_backend.BESIDE_BYTES)
        assert given == [(room, f"gpu-{name}") for name in ("3", "3-1", "5", "5-1")]
    else:
        assert given == [("None", "gpu-3"), ("None", "gpu-3"), ("None", "gpu-5"), ("None", "gpu-5")]
        assert began[2] - max(began[:2]) > 0.2, "the second of each GPU waits for the first"


def test_another_error_of_engines_that_start_at_once_ends_the_run_with_the_name_of_the_log(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_backend, "gpu_memory_bytes", lambda names: 40 << 30)
    (Path(spec.model) / "model.safetensors").write_bytes(bytes(1000))
    (Path(spec.model) / "no kernel").touch()
    with pytest.raises(UserError, match=r"cannot load it: .*; its log is (.*)$") as caught:
        VLLMBackend(spec)
    assert b"no kernel image" in Path(str(caught.value).rpartition(" ")[2]).read_bytes()
    assert len((Path(spec.model) / "begun").read_text()) <= 4, "each of the four was started once, and no more"


def test_the_environment_stays_as_it_was(spec: ModelSpec) -> None:
    VLLMBackend(spec).close()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,5"
