"""README is true: what it names is there, and what it says is typed elsewhere parses."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer.main
import yaml

from curate.cli import app
from curate.recipe import parse
from curate.stages import SOURCES, STAGES
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines() if line.strip()]
NEEDS_GPU = "# needs a GPU"
MINE = next(block for language, block in BLOCKS if language == "yaml")

# The clone's inputs, made small: the same demo over fewer files, a test suite of one test.
SMALLER: dict[str, Any] = {
    "sources": {"code": {"limit": 250}},
    "stages": {
        "seeds": {"count": 6},
        "exercises": {"count": 2, "stub_tokens": 32, "max_tokens": 32},
        "textbook": {"count": 1, "max_tokens": 32},
        "model": {"steps": 10},
        "score": {"limit": 5},
    },
}
ONE_TEST = "def test_the_clone_has_its_tests():\n    import curate\n\n    assert curate.__version__\n"


def copy_of_the_project(place: Path) -> Path:
    """Return a clone as git would make it, with small inputs and this interpreter's environment as its `.venv`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    clone = place / "clone"
    for name in filter(None, listed.split("\0")):
        if name.startswith("tests/") or not (ROOT / name).exists():
            continue
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    recipe = yaml.safe_load((clone / "recipes/quickstart.yaml").read_text())
    for section, parts in SMALLER.items():
        for name, settings in parts.items():
            recipe[section][name] |= settings
    (clone / "recipes/quickstart.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    (clone / "tests").mkdir()
    (clone / "tests/test_one.py").write_text(ONE_TEST)
    (clone / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":
            (clone / ".venv" / part.name).symlink_to(part)
    (clone / ".venv/.ready").touch()
    return clone


def test_lines_for_a_gpu_are_marked_and_parse() -> None:
    marked = [line for line in LINES if NEEDS_GPU in line]
    assert marked
    for line in marked:
        assert "vllm" in line
        must_parse(line)


def test_commands_within_the_text_and_on_other_machines_parse() -> None:
    within = [code for page in PAGES for code in re.findall(r"`(curate [^`\n]+)`", page.read_text())]
    elsewhere = [line for language, block in BLOCKS if language == "console" for line in block.splitlines()]
    commands = [line.replace("curate/bin/", "") for line in elsewhere if line.startswith("curate/bin/curate")]
    assert commands and within
    for command in [*within, *commands]:
        must_parse(command)


def must_parse(line: str) -> None:
    """Assert that the command line knows the verb and its options."""
    _, verb, *rest = shlex.split(line, comments=True)
    program = typer.main.get_command(app)
    if verb.startswith("-"):
        assert any(verb in parameter.opts for parameter in program.params), line
        return
    assert verb in program.commands, line  # type: ignore[attr-defined]
    if rest:
        program.commands[verb].make_context(verb, rest)  # type: ignore[attr-defined]


def test_the_recipes_and_sources_that_are_shown_are_valid() -> None:
    parse(yaml.safe_load(MINE))
    shown = re.findall(r"^\| [\w, ]+ \| `(\{.*\})` \|$", README, flags=re.MULTILINE)
    assert len(shown) == 4
    for source in shown:
        parse({"name": "shown", "sources": {"code": yaml.safe_load(source)}})


def test_every_stage_and_source_is_named_and_no_other() -> None:
    named = set(re.findall(r"`((?:dedup|filter|decontam|select|synth|train|eval|source)\.[a-z]+)`", README))
    assert named == {*STAGES, *(f"source.{name}" for name in SOURCES)}


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_without_mbpp_the_demo_says_so_at_once_and_goes_on_with_humaneval(tmp_path: Path) -> None:
    clone = copy_of_the_project(tmp_path)
    (clone / ".venv/bin").unlink()
    (clone / ".venv/bin").mkdir()
    real = f'exec {shlex.quote(str(Path(sys.executable).with_name("curate")))} "$@"'
    says = 'echo "curate $@"'  # what would take minutes is said instead of run
    (clone / ".venv/bin/curate").write_text(f'#!/bin/sh\n[ "$1" = plan ] && {real}\n{says}\n')
    (clone / ".venv/bin/curate").chmod(0o755)
    (clone / ".venv/.ready").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CURATE", "MAKE"))}
    kept |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": "http://192.0.2.1"}
    done = subprocess.run(["make", "demo"], cwd=clone, env=kept, capture_output=True, text=True, timeout=60, check=True)
    missing, said, ran, *_ = done.stdout.splitlines()
    assert "'mbpp' was not found" in missing and "192.0.2.1" in missing
    assert "HumanEval alone" in said and "CURATE_BENCHMARKS=FOLDER" in said
    settings = re.findall(r"--set ([\w.]+)=\[humaneval\]", ran)
    recipe = yaml.safe_load((ROOT / "recipes/quickstart.yaml").read_text())
    for path in settings:
        section, stage, parameter = path.split(".")
        recipe[section][stage][parameter] = ["humaneval"]
    assert "mbpp" not in yaml.safe_dump(recipe)
