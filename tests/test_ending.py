"""A command ends when it is done: models are closed however it ends, and nothing that a library left keeps it alive."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# A backend as an inference engine is one: a thread that is no daemon works in the background until it is closed.
FAKE = """
import sys, threading, time
from curate import cli
from curate.llm import door
from curate.llm.types import Completion

class Engine:
    def __init__(self):
        self.closed = threading.Event()
        threading.Thread(target=self.closed.wait, name="engine").start()
        self.waiting = []
    capacity = 100
    def submit(self, requests):
        self.waiting += requests
    def take(self, wait_s):
        {answer}
        answers = [Completion(request.id, "    pass", "stop", 1, 1) for request in self.waiting]
        self.waiting = []
        return answers
    def drop(self):
        return []
    def close(self):
        sys.stderr.write("closed\\n")
        {close}

door.unreachable = lambda url: None
door._load = lambda spec: Engine()
sys.argv = ["curate", "eval", "a/model", "--backend", "openai", "--base-url", "http://localhost:9/v1"]
sys.argv += ["--tasks", "humaneval", "--limit", "2", "--out", sys.argv_out]
cli.main()
"""


def evaluate(out: Path, answer: str = "pass", close: str = "self.closed.set()") -> "subprocess.CompletedProcess[str]":
    """Run `curate eval` with a backend that answers and closes in the ways given."""
    script = FAKE.format(answer=answer, close=close).replace("sys.argv_out", repr(str(out)))
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_an_evaluation_closes_its_backend_and_ends(tmp_path: Path) -> None:
    done = evaluate(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "HumanEval" in done.stdout
    assert "closed" in done.stderr and "did not end" not in done.stderr


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            "from curate.errors import UserError; raise UserError('the key was refused')",
            1,
            "error: the key was refused",
        ),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise RuntimeError('a fault of our own')", 1, "RuntimeError: a fault of our own"),
    ],
)
def test_a_backend_is_closed_when_a_command_fails(answer: str, code: int, words: str, tmp_path: Path) -> None:
    done = evaluate(tmp_path, answer)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert done.stderr.rstrip().endswith("closed")


def test_what_a_backend_leaves_does_not_keep_the_command_alive(tmp_path: Path) -> None:
    child = "import multiprocessing; multiprocessing.Process(target=time.sleep, args=(300,)).start()"
    done = evaluate(tmp_path, close=f"{child}; raise OSError('the engine is gone')")
    assert done.returncode == 0, done.stderr
    assert "HumanEval" in done.stdout
    assert "the engine is gone" in done.stderr
    assert "did not end by itself: engine, Process-1" in done.stderr
