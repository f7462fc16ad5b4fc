"""Loops are compiled once on a machine, however many processes come to them at the same moment."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curate.text import loops
from tests.conftest import ROOT

LOOPS = """
import sys
from curate.text.compiled import compiled

@compiled
def inner(count):
    total = 0
    for number in range(count):
        total += number
    return total

@compiled
def outer(count):
    return inner(count) + inner(2 * count)

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(outer(4), len(outer.stats.cache_misses) + len(inner.stats.cache_misses), flush=True)
"""


def start(script: Path, cache: Path) -> subprocess.Popen[str]:
    """Start a process that waits for a line before it runs its loops."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def test_processes_that_come_to_a_loop_at_once_compile_it_once(tmp_path: Path) -> None:
    script = tmp_path / "loops.py"
    script.write_text(LOOPS)
    processes = [start(script, tmp_path / "cache") for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate()[0].split() for process in processes]
    assert {result for result, _ in printed} == {"34"}
    assert sum(int(misses) for _, misses in printed) == 2, "one for each of the two loops"


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    script = tmp_path / "loops.py"
    script.write_text(LOOPS)
    (tmp_path / "cache").write_text("a file where the folder should be")
    process = start(script, tmp_path / "cache")
    assert process.communicate("go\n")[0].split()[1] == "34"


def test_another_checkout_with_the_same_loops_compiles_nothing_and_one_with_others_its_own(tmp_path: Path) -> None:
    asked = "from curate.text.bits import lowest as f; print(f(3), len(f.stats.cache_misses), len(f.stats.cache_hits))"
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}

    def answer(checkout: Path) -> str:
        environment = {**kept, "PYTHONPATH": str(checkout), "CURATE_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-P", "-c", asked]
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    for name in ("one", "other"):
        shutil.copytree(ROOT / "curate", tmp_path / name / "curate", ignore=shutil.ignore_patterns("__pycache__"))
    assert answer(tmp_path / "one") == "7 1 0"
    assert answer(tmp_path / "other") == "7 0 1"
    changed = tmp_path / "other/curate/text/words.py"
    changed.write_text(changed.read_text() + "# changed\n")
    assert answer(tmp_path / "other") == "7 1 0", "a loop may have a changed one built in"
    assert len(list((tmp_path / "cache").glob("loops-*"))) == 2


def test_where_the_cache_cannot_be_written_loops_lie_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "new"))
    assert loops.cache_folder().parent == tmp_path / "new"
    (tmp_path / "file").touch()
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "file"))
    assert loops.cache_folder().parent == ROOT / "curate/__pycache__"


def test_whether_loops_are_compiled_is_known_without_loading_the_compiler(tmp_path: Path) -> None:
    question = "import sys; from curate.text.loops import are_compiled; print(are_compiled(), 'numba' in sys.modules)"

    def answer() -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        return subprocess.run(
            [sys.executable, "-c", question], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert answer() == "False False"
    script = tmp_path / "loops.py"
    script.write_text(LOOPS)
    start(script, tmp_path / "cache").communicate("go\n")
    assert answer() == "True False"


def test_a_person_is_told_of_compiling_when_it_begins_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(loops, "LOOK_S", 0.01)
    told: list[str] = []
    with loops.noticing(lambda: told.append("now")):
        time.sleep(0.05)
    assert told == []
    with loops.noticing(lambda: told.append("now")):
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache/.turn").touch()
        deadline = time.monotonic() + 10
        while not told and time.monotonic() < deadline:
            time.sleep(0.01)
    with loops.noticing(lambda: told.append("again")):
        time.sleep(0.05)
    assert told == ["now"]
