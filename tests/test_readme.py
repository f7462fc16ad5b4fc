"""README is true: what it names is there, and what it says is typed elsewhere parses."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import typer.main
import yaml

from curate.cli import app
from curate.recipe import parse
from curate.stages import SOURCES, STAGES
from tests.clone import BLOCKS, LINES, MINE, NEEDS_GPU, README, copy_of_the_project
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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
    assert len(shown) == 5
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
