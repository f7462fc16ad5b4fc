"""No program gets a verdict it has not earned, at any level of isolation that this machine has."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from curate.sandbox import pool
from curate.sandbox.programs import Judgement, Limits, Trial, judge, what_is_missing
from curate.sandbox.walls.isolation import LEVELS, RLIMITS
from tests.curate.sandbox import hostile_programs as programs

LIMITS = Limits(cpu_s=3, memory_mb=700, output_kb=256, file_mb=4, processes=12)
MARK = f"sandboxes of {uuid4()}"
"""Stands in the command line of every process of these tests, and of no other."""
SHORT = replace(LIMITS, cpu_s=0.3, wall_s=1.5)
ALL = programs.HOSTILE | programs.NEEDS_WALLS


def trials() -> dict[str, Trial]:
    """Every program and its test. What may well run into its time limit has a short one."""
    short = {name for name, (_, verdicts) in ALL.items() if "timeout" in verdicts}
    sources = {name: source for name, (source, _) in ALL.items()} | programs.HONEST
    whole = {
        name: Trial(source, "f", programs.TEST, limits=SHORT if name in short else None)
        for name, source in sources.items()
    }
    bodies = {name: (source, body) for name, (source, body, _) in programs.BY_TEST.items()}
    return whole | {
        name: Trial(source, "f", f"def check(candidate):\n    {body}\n") for name, (source, body) in bodies.items()
    }


@pytest.fixture(scope="module", params=[level for level in LEVELS if not what_is_missing(level)])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_BOOT", f"{pool._BOOT}  # {MARK}")
        patch.setenv("CURATE_TEST_SECRET", programs.SECRET)
        yield request.param


@pytest.fixture(scope="module")
def judgements(level: str) -> dict[str, Judgement]:
    """Judge every program once, in one go: each runs amid all the others."""
    asked = trials()
    return dict(zip(asked, judge(asked.values(), LIMITS, allow_weak=True, level=level), strict=True))


@pytest.mark.parametrize("name", programs.HOSTILE)
def test_a_program_that(name: str, judgements: dict[str, Judgement]) -> None:
    assert judgements[name].verdict in programs.HOSTILE[name][1], judgements[name]


@pytest.mark.parametrize("name", programs.BY_TEST)
def test_no_manner_of_test_is_fooled_by_what(name: str, judgements: dict[str, Judgement]) -> None:
    assert judgements[name].verdict in programs.BY_TEST[name][2], judgements[name]


@pytest.mark.parametrize("name", programs.NEEDS_WALLS)
def test_where_there_are_walls_they_stop_a_program_that(
    name: str, level: str, judgements: dict[str, Judgement]
) -> None:
    assert judgements[name].verdict != "pass"
    if level != RLIMITS:
        assert judgements[name].verdict in programs.NEEDS_WALLS[name][1], judgements[name]


@pytest.mark.parametrize("name", programs.HONEST)
def test_an_honest_program_passes_that(name: str, judgements: dict[str, Judgement]) -> None:
    assert judgements[name].verdict == "pass", judgements[name]


def test_no_process_is_left_behind(level: str, judgements: dict[str, Judgement]) -> None:
    assert len(judgements) > 60
    assert [path for path in Path("/proc").iterdir() if path.name.isdigit() and _is_ours(path)] == []


def _is_ours(process: Path) -> bool:
    try:
        return MARK.encode() in (process / "cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return False
