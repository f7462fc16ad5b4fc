"""The command line is a promise: verbs and options stay what they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curate import __version__
from tests.conftest import ROOT, Run

SURFACE = {
    "init": ["--out"],
    "plan": ["--json", "--limit", "--runs", "--set", "--usd-per-gpu-hour", "--wide"],
    "preview": ["--json", "--limit", "--runs", "--set"],
    "run": ["--allow-empty", "--engine", "--limit", "--runs", "--set", "--until", "--verify", "--workers"],
    "status": ["--json", "--wide"],
    "show": ["--cluster", "--columns", "--dropped", "--json", "--keep", "--reason", "--where"],
    "trace": ["--json"],
    "report": ["--json", "--quality", "--wide"],
    "export": [
        "--columns",
        "--format",
        "--json",
        "--overwrite",
        "--public",
        "--push",
        "--shard-mb",
        "--to",
    ],
    "prune": ["--calls", "--dry-run", "--json", "--yes"],
    "eval": [
        "--allow-weak-sandbox",
        "--backend",
        "--base-url",
        "--bits",
        "--limit",
        "--max-tokens",
        "--no-bits",
        "--out",
        "--protocol",
        "--samples",
        "--tasks",
        "--temperature",
    ],
    "score": [
        "--allow-weak-sandbox",
        "--as",
        "--out",
        "--parameters",
        "--protocol",
        "--tasks",
        "--tokens",
        "--workers",
    ],
    "table": ["--arms", "--diff", "--json", "--markdown", "--wide"],
    "stages": ["--markdown", "--schema"],
}


def test_curate_alone_prints_its_help_and_its_version_on_request(curate: Run) -> None:
    for arguments in ((), ("-h",), ("--help",)):
        done = curate(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage: curate") or done.stdout.startswith("Usage: python -m curate")
    assert curate("--version").stdout == f"curate {__version__}\n"


def test_a_shell_completes_verbs_and_options() -> None:
    def console(*arguments: str, **env: str) -> str:
        command = [str(Path(sys.executable).with_name("curate")), *arguments]
        return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False).stdout

    asked = {"_CURATE_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    assert console(**asked, COMP_WORDS="curate st").split() == ["status", "stages"]
    assert console(**asked, COMP_WORDS="curate sh").split() == ["show"]
    assert "complete -o default -F _curate_completion curate" in console("--show-completion", "bash")


def test_a_recipe_to_edit_is_written_whole_and_never_over_another(curate: Run, tmp_path: Path) -> None:
    for name in ("quickstart", "phi1-small", "phi1"):
        path = tmp_path / f"{name}.yaml"
        assert curate("init", name, "--out", path).returncode == 0
        assert path.read_text() == (ROOT / "recipes" / f"{name}.yaml").read_text()
    done = curate("init", "--out", path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--out" in done.stderr and path.read_text().count("name: phi1") == 1
    assert "quickstart" in curate("init", "quickstrat", "--out", tmp_path / "new.yaml").stderr


def test_the_verbs_are_these(curate: Run) -> None:
    listed = re.findall(r"^  (\w+) ", curate("--help").stdout.partition("Commands:")[2], flags=re.MULTILINE)
    assert sorted(listed) == sorted(SURFACE)


@pytest.mark.parametrize("verb", SURFACE)
def test_the_options_of_each_verb_are_these(verb: str, curate: Run) -> None:
    listed = re.findall(r"(?<![\w-])--[a-z-]+", curate(verb, "--help").stdout)
    assert sorted(set(listed) - {"--help"}) == SURFACE[verb]
