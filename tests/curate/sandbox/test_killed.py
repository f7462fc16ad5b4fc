"""A scoring run that is killed and started again loses nothing, counts nothing twice and leaves no process."""

import json
import subprocess
import sys
import time
from pathlib import Path

from curate.errors import UserError
from curate.sandbox.programs import isolation_level

TASKS = 60


def test_a_scoring_killed_in_the_middle_goes_on_where_it_stood(tmp_path: Path) -> None:
    tasks, samples, out = (tmp_path / name for name in ("tasks.jsonl", "samples.jsonl", "results.jsonl"))
    test = "def check(candidate):\n    assert candidate(1) == 2\n"
    rows = [{"task_id": f"t/{n}", "prompt": "", "entry_point": "f", "test": test} for n in range(TASKS)]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    program = "import time\ndef f(x):\n time.sleep(0.05)\n return {}"
    given = [{"task_id": f"t/{n}", "solution": program.format(2 if n % 3 else 1)} for n in range(TASKS)]
    samples.write_text("".join(json.dumps(row) + "\n" for row in given))
    command = [sys.executable, "-m", "curate", "score", str(samples), "--tasks", str(tasks), "--out", str(out)]
    command += ["--workers", "2"] + (["--allow-weak-sandbox"] if _is_weak() else [])

    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not out.exists() or len(out.read_bytes().splitlines()) < 10:
        assert first.poll() is None
        time.sleep(0.02)
    below = _below(first.pid)
    first.kill()
    first.wait()
    stood = [json.loads(line) for line in out.read_text().splitlines() if line.endswith("}")]
    assert 10 <= len(stood) < TASKS
    assert len(below) >= 2
    assert _gone(below, within_s=10)

    second = subprocess.run(command, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["task_id"]: row["verdict"] for row in results} == {
        f"t/{n}": "pass" if n % 3 else "wrong" for n in range(TASKS)
    }
    assert len(results) == TASKS
    assert results[: len(stood)] == stood
    assert "pass 40, wrong 20" in second.stdout


def _is_weak() -> bool:
    try:
        return isolation_level() == "rlimits"
    except UserError:
        return True


def _below(pid: int) -> list[tuple[int, str]]:
    """Return the processes below one, each with the time it started, since numbers are used again."""
    running = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    children = [other for other in running if _stat(other)[:1] == [str(pid)]]
    return [(child, _stat(child)[-1]) for child in children if _stat(child)] + [
        entry for child in children for entry in _below(child)
    ]


def _stat(pid: int) -> list[str]:
    """Return a process's parent and when it started; nothing where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return []
    return [fields[1], fields[19]]


def _gone(processes: list[tuple[int, str]], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(_stat(pid)[-1:] == [started] for pid, started in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
