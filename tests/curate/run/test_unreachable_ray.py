"""An address where no Ray cluster answers is told in one line, soon, and Ctrl-C is heeded meanwhile."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from curate.errors import UserError
from curate.run.ray_engine import RayEngine, must_answer
from tests.conftest import ROOT


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_address_where_nobody_listens_is_refused_at_once() -> None:
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"no Ray cluster at '127\.0\.0\.1:9' \(.*Connection refused"):
        must_answer("127.0.0.1:9")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_one_that_keeps_silent_is_given_up(silent: str, scheme: str) -> None:
    given_up = r"no answer within 2 s"
    lacking = r"requires pip package `ray\[client\]`.*"  # what the smaller installation of Ray says of ray://
    with pytest.raises(UserError, match=rf"\(({given_up}|\w+: .*{lacking if scheme else given_up})\); start it"):
        must_answer(f"{scheme}{silent}", 2.0)


def test_one_from_the_environment_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UserError, match="no Ray cluster at"), RayEngine(1, None):
        pass


def test_ctrl_c_is_heeded_while_a_cluster_is_waited_for(silent: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    recipe = {"name": "r", "sources": {"a": {"folder": str(tmp_path)}}, "stages": {}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump({**recipe, "engine": {"kind": "ray", "address": silent}}))
    heeding = ["env", "--default-signal=INT"]
    command = [*heeding, sys.executable, "-m", "curate", "run", str(tmp_path / "r.yaml"), "--runs", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "r" / ".lock").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert time.monotonic() - begun < 10
