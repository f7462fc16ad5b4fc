"""The command line in a real terminal: a pseudo-terminal of a fixed width, as a person's screen."""

import fcntl
import json
import os
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.color import Color

from curate.files.shards import write_json
from curate.terminal.drawing import PALETTE
from tests.curate.conftest import write_example, write_scores
from tests.terminal import DARK, LIGHT, colours_of, in_terminal, plain, several_in_terminal, widest

SMALL = {
    "name": "small",
    "sources": {"code": {"folder": str(Path(json.__file__).parent), "shard_rows": 2}},
    "stages": {"exact": {"use": "dedup.exact"}, "heuristics": {"use": "filter.heuristics"}},
}
CUT_NUMBER = re.compile(r"\d…|…\d|[▏│]")


@pytest.mark.parametrize("columns", [80, 140])
def test_a_run_ends_in_a_terminal_without_a_traceback_and_its_bars_name_their_stages(
    write_recipe: Callable[..., Path], tmp_path: Path, columns: int
) -> None:
    recipe = write_recipe(**SMALL)
    (code, screen), (again, cached), *others = several_in_terminal(
        [["run", recipe, "--workers", 1], ["run", recipe], ["plan", recipe], ["status", "runs/small"]],
        columns,
        folder=tmp_path,
    )
    assert (code, again, *(each[0] for each in others)) == (0, 0, 0, 0), screen + cached
    assert "Traceback" not in screen + cached
    assert max(map(widest, (screen, cached, *(each[1] for each in others)))) <= columns
    assert re.search(r"^wall .*\d s, work .*\d s; report: runs/small/report.html$", plain(screen), re.MULTILINE)
    for stage in ("code", "exact", "heuristics"):
        assert re.search(rf"^{stage} +[━─]+", plain(screen), re.MULTILINE), "no bar bears its name"
        assert re.search(rf"^{stage} +\d+ in +\d+ kept +\d+ dropped", plain(screen), re.MULTILINE)
        assert re.search(rf"^{stage} .* cached$", plain(cached), re.MULTILINE)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of every kind of stage, a live one, two evaluations, and a document of one endless line."""
    folder = tmp_path_factory.mktemp("looked at")
    run = write_example(folder / "runs" / "small")
    run.shard("clean", "0009", [{"id": "code/long", "text": "x = '" + "abc " * 1_250_000 + "'", "source": "code"}])
    for name, verdicts in (("before", ["pass", "wrong"]), ("after", ["pass", "pass"])):
        tasks = {f"HumanEval/{number}": verdict for number, verdict in enumerate(verdicts * 30)}
        write_scores(folder / name, f"a-model-with-a-long-name-{name}", tasks)
    return folder


COMMANDS = [
    ["status", "runs/small"],
    ["show", "runs/small", "heuristics", "--dropped", "-n", "3"],
    ["show", "runs/small", "clean", "--where", "id = 'code/long'"],
    ["trace", "runs/small", "exercises/1"],
    ["table", "runs/small", "before"],
    ["table", "before", "after", "--diff"],
    ["report", "runs/small", "--quality"],
    ["report", "runs/small"],
]


@pytest.mark.parametrize(("columns", "colours"), [(80, LIGHT), (140, DARK)])
def test_what_is_looked_at_fits_the_terminal_and_is_readable_on_white_and_black(
    looked_at: Path, columns: int, colours: str
) -> None:
    drawn = several_in_terminal(COMMANDS, columns, folder=looked_at, colours=colours)
    for command, (code, screen) in zip(COMMANDS, drawn, strict=True):
        assert code == 0 and "Traceback" not in screen, screen
        assert widest(screen) <= columns, (command, screen)
        assert not CUT_NUMBER.search(plain(screen)), (command, plain(screen))
        assert colours_of(screen) <= {f"38;5;{number}" for number in PALETTE.values()}, command
    status, dropped, endless, _, table, difference, quality, _ = (plain(screen) for _, screen in drawn)
    assert "30 (14 %)" in status and "wall" in status
    assert dropped.index("def area_") < dropped.index("dropped: ") < dropped.index("path: ")
    assert len(endless) < 3000 and "more characters" in endless
    for figure in ("2.4 (0.7 to 6.0)", "50.6", "55.5", "1.3B", "1.520 / 1.900", "50.0 (1.0 to 12.5)", "published"):
        assert figure in table
    assert "first   a-model-with-a-long-name-before   50.0" in difference
    for figure in ("documents", "tokens", "parse", "outliers", "permissive"):
        assert re.search(rf"^stage .*\b{figure}\b", quality, re.MULTILINE), quality


def test_what_has_no_room_is_named_and_is_there_when_asked_for(looked_at: Path) -> None:
    (_, narrow), (_, wide), (_, markdown) = several_in_terminal(
        [["status", "runs/small"], ["status", "runs/small", "--wide"], ["table", "before", "--markdown"]],
        60,
        folder=looked_at,
    )
    assert widest(narrow) <= 60 < widest(wide)
    (line,) = re.findall(r"no room for: ([^(]+)\(", plain(narrow).replace("\n", " "))
    titles = plain(wide).splitlines()[1]
    for title in line.strip().split(", "):
        assert title in titles and title not in plain(narrow).splitlines()[1].split()
    assert "| phi-1 | 1.3B | 7B | 50.6 |" in plain(markdown)


def test_a_live_run_says_how_far_it_is(looked_at: Path, tmp_path: Path) -> None:
    run = write_example(tmp_path / "live")
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run.state(state="running", pid=os.getpid(), started=started, finished=None)
    run.record("model", state="running", started=started)
    (run.place("model") / "done" / "job.json").unlink()
    write_json({"done": 30, "total": 120, "note": "loss 4.1"}, run.place("model") / "progress.json")
    with (run.directory / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, screen = in_terminal(["status", run.directory], folder=looked_at)
    assert code == 0 and widest(screen) <= 80
    assert re.search(r"^model +running.* 25 %", plain(screen), re.MULTILINE), plain(screen)


def test_a_stage_that_keeps_nothing_says_so_with_a_command_that_shows_why(
    write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    for number in range(3):
        (tmp_path / "code" / f"{number}.py").write_text(f"value_{number} = function({number})\n" * 9)
    recipe = write_recipe(
        name="empty",
        sources={"code": {"folder": "code"}},
        stages={"tiny": {"use": "filter.heuristics", "min_bytes": 100_000}, "exact": {"use": "dedup.exact"}},
    )
    (code, screen), (allowed, _), (again, cached) = several_in_terminal(
        [["run", recipe, "--workers", 1], ["run", recipe, "--allow-empty"], ["run", recipe]], folder=tmp_path
    )
    assert (code, allowed, again) == (1, 0, 1)
    assert f"38;5;{PALETTE['news']}" in colours_of(screen)
    for said in (plain(screen), plain(cached)):
        assert "tiny kept none of its 3 rows, all for 'too short'; see:\n  curate show runs/empty tiny" in said
        assert "error: nothing kept (--allow-empty accepts that): tiny kept none" in said
        assert "exact kept none" not in said, "a stage that nothing came to is not to blame"
    command = re.findall(r"see:\s+curate (.+)", plain(screen))[0]
    code, rows = in_terminal(shlex.split(command), folder=tmp_path)
    assert code == 0 and plain(rows).count("dropped: too short  signal_bytes") == 3
    assert "below the cut at 100,000" in plain(rows)


def test_a_folder_without_python_says_what_it_holds_and_what_is_read_here(
    write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    for name in ("a.js", "b.js", "c.ipynb"):
        (tmp_path / "site" / name).write_text("{}")
    recipe = write_recipe(sources={"code": {"folder": "site"}}, stages={"exact": {"use": "dedup.exact"}})
    code, screen = in_terminal(["run", recipe], folder=tmp_path)
    assert code == 1
    assert "it holds 2 .js, 1 .ipynb: only Python is read here, so save notebooks as scripts" in plain(screen)


@pytest.mark.parametrize("name", PALETTE)
def test_every_colour_stands_out_from_white_and_from_black(name: str) -> None:
    parts = [part / 255 for part in Color.from_ansi(PALETTE[name]).get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (luminance + 0.05) >= 4 and (luminance + 0.05) / 0.05 >= 4
