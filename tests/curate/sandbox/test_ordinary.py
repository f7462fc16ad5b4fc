"""The sandbox holds for a user without any rights as it does for root: the same programs, the same verdicts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import curate
from curate.sandbox.walls.isolation import LANDLOCK, NAMESPACES
from tests.curate.sandbox import test_hostile as hostile

NO_NAME = 61_234
"""A user id that no account has."""
SCRIPT = """
import json, sys
from curate.sandbox.programs import Limits, Trial, judge, what_is_missing

limits, programs = json.load(sys.stdin)
verdicts = {}
for level in sys.argv[1:]:
    if not what_is_missing(level):
        trials = [Trial(source, "f", test) for source, test in programs.values()]
        judged = zip(programs, judge(trials, Limits(**limits), level=level))
        verdicts[level] = {name: (judgement.verdict, judgement.detail) for name, judgement in judged}
print(json.dumps(verdicts))
"""
CHOSEN = {
    name: trial
    for name, trial in hostile.trials().items()
    if trial.limits is None and "numpy" not in trial.source + trial.test and name not in hostile.programs.RESOURCES
}


RIGHT_VERSION = "import sys; sys.exit(sys.version_info < (3, 11))"


@pytest.fixture(scope="module")
def everywhere() -> Iterator[dict[str, dict[str, tuple[str, str]]]]:
    """Judge as an ordinary user, with a copy of the sandbox that this user may read."""
    if os.geteuid() != 0:
        pytest.skip("not root: the other tests of the sandbox ran as an ordinary user")
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))
    package = Path(curate.__file__).parent
    shutil.copytree(package / "sandbox", folder / "curate" / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "errors.py"):
        shutil.copy(package / name, folder / "curate")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    before = set(Path("/tmp").glob("curate-*"))
    programs = {name: (trial.source, trial.test) for name, trial in CHOSEN.items()}
    done = _as_nobody_special(
        [_interpreter(folder), "-c", SCRIPT, NAMESPACES, LANDLOCK],
        folder,
        json.dumps([{"cpu_s": 3, "memory_mb": 700, "file_mb": 4, "processes": 12}, programs]),
    )
    left = [path for path in set(Path("/tmp").glob("curate-*")) - before if path.stat().st_uid == NO_NAME]
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    assert left == []
    yield json.loads(done.stdout)


def _interpreter(folder: Path) -> str:
    """Return a Python that anybody may run: ours, or the system's where ours lies in root's home."""
    for path in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin") or sys.executable):
        try:
            if _as_nobody_special([path, "-c", RIGHT_VERSION], folder, "").returncode:
                continue
        except OSError:
            continue
        done = _as_nobody_special([path, "-c", "import curate.sandbox.programs"], folder, "")
        assert done.returncode == 0, f"the sandbox needs more than Python: {done.stderr}"
        return path
    pytest.skip("no Python 3.11 here that every user may run")


def _as_nobody_special(command: list[str], folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    who: dict[str, Any] = {"user": NO_NAME, "group": NO_NAME, "extra_groups": []}
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    who |= {"env": environment, "cwd": "/", "capture_output": True, "text": True}
    return subprocess.run(command, input=text, check=False, **who)


@pytest.mark.parametrize("name", CHOSEN)
def test_for_an_ordinary_user_too(name: str, everywhere: dict[str, dict[str, tuple[str, str]]]) -> None:
    if not everywhere:
        pytest.skip("ordinary users have neither namespaces nor Landlock here")
    programs = hostile.programs
    right = {each: {"pass"} for each in programs.HONEST} | {each: entry[-1] for each, entry in programs.BY_TEST.items()}
    right |= {each: verdicts for each, (_, verdicts) in hostile.ALL.items()}
    judged = {level: verdicts[name] for level, verdicts in everywhere.items()}
    assert {level: verdict for level, verdict in judged.items() if verdict[0] not in right[name]} == {}
