"""The pages on stages of one's own and on Python are typed in, as a stranger would, over real files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from curate.text.loops import cache_folder
from tests.conftest import ROOT

LOOPS = cache_folder()
"""The stranger's are compiled already: that takes longer than all else here."""
PAGES = {name: (ROOT / "docs" / name).read_text() for name in ("write-a-stage.md", "python.md")}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the pages say to save, over a slice of this project's files."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "code").mkdir()
    for path in [*sorted((ROOT / "curate" / "files").glob("*.py")), ROOT / "tests" / "terminal.py"]:
        shutil.copy(path, folder / "code")
    (folder / "code" / "tabbed.py").write_text("def f(x):\n\tif x:\n\t\treturn 1\n\treturn 2\n")
    own_filter, maker, test = blocks("write-a-stage.md", "python")
    (folder / "mine.py").write_text(own_filter + maker)
    (folder / "test_mine.py").write_text(test)
    (folder / "own.yaml").write_text(blocks("write-a-stage.md", "yaml")[0])
    return folder


def call(folder: Path, *command: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder), "NUMBA_CACHE_DIR": str(LOOPS)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_filter_is_twenty_lines() -> None:
    lines = [line for line in blocks("write-a-stage.md", "python")[0].splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_stages_run_by_the_commands_of_the_page_and_their_test_passes(typed: Path) -> None:
    printed = {}
    for line in blocks("write-a-stage.md", "sh")[0].splitlines():
        printed[line] = call(typed, "-m", "curate", *line.split()[1:])
    listed, planned, ran, shown = printed.values()
    assert "Drop files that are indented with tabs" in listed and "mine:Functions" in planned
    assert re.search(r"tabs: \d+ in, \d+ kept, 1 dropped", ran), ran
    assert "tabbed.py" in shown and "dropped: tabs" in shown and "above the cut at 0.2" in shown
    assert "2 passed" in call(typed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py")


def test_the_five_lines_of_python_run_in_a_script_that_hides_nothing(typed: Path) -> None:
    script = blocks("python.md", "python")[0]
    assert len([line for line in script.splitlines() if line.strip()]) <= 5
    more = (
        "print('told once')\n"
        "print(len(result['tabs'].kept), result['tabs'].dropped.to_arrow(['id', 'reason']).to_pylist())\n"
        "print(sum(batch.num_rows for batch in result['functions'].kept.to_batches()))\n"
        "from curate.api import Result\n"
        "print(list(Result.of('runs/own')))\n"
    )
    (typed / "script.py").write_text(script + more)
    printed = call(typed, "script.py")
    assert printed.count("told once") == 1, "a worker ran the script again"
    assert "tab_share" in printed and "{'id': 'code/tabbed.py', 'reason': 'tabs'}" in printed
    assert "['code', 'tabs', 'functions', 'exact']" in printed


def test_a_mistake_is_a_user_error_with_one_line(tmp_path: Path) -> None:
    from curate import Recipe, UserError, run

    with pytest.raises(UserError, match=r"did you mean 'dedup.exact'"):
        Recipe.of(name="x", sources={"code": {"folder": str(tmp_path)}}, stages={"a": {"use": "dedup.exakt"}})
    (tmp_path / "a.py").write_text("x = 1\n")
    result = run({"name": "x", "sources": {"code": {"folder": str(tmp_path)}}}, runs=tmp_path / "runs", workers=1)
    assert result["code"].counts["rows_kept"] == len(result["code"].kept) == 1
    with pytest.raises(UserError, match=r"no stage 'cod' .*did you mean 'code'"):
        result["cod"]
    with pytest.raises(UserError, match=r"no column 'txt'.*did you mean 'text'"):
        result["code"].kept.to_arrow(["txt"])
