"""The layers stay apart, and the command line stays light."""

import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

HEAVY = ["torch", "transformers", "datasets", "ray", "vllm", "numba", "fasttext", "matplotlib", "duckdb", "pyarrow"]


def test_the_command_line_loads_nothing_heavy_before_it_is_told_what_to_do() -> None:
    probe = f"import sys, curate.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_answers_in_under_three_tenths_of_a_second() -> None:
    def once(*command: str) -> float:
        start = time.monotonic()
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=True)
        return time.monotonic() - start

    # On a busy machine both take longer: loading the command line's own library measures how much.
    pairs = [(once("-m", "curate", "--help"), once("-c", "import typer")) for _ in range(5)]
    helped, loaded = (min(times) for times in zip(*pairs, strict=True))
    assert helped < max(0.3, 2.5 * loaded)


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        ["lint-imports", "--no-cache"],
        executable=str(next(path for path in [_script("lint-imports")])),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["STAGES", "SOURCES"])
def test_every_stage_in_the_table_can_be_loaded(kind: str) -> None:
    from curate import stages

    table = getattr(stages, kind)
    for name in table:
        assert stages.find(name, table).__doc__, f"{name} does not say what it does"


def _script(name: str) -> str:
    from pathlib import Path

    return str(Path(sys.executable).with_name(name))
