"""The command line in a real terminal: a pseudo-terminal of a fixed width, as a person's screen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import in_terminal, widest

SMALL = {
    "name": "small",
    "sources": {"code": {"installed": True, "limit": 60, "shard_rows": 20}},
    "stages": {"exact": {"use": "dedup.exact"}, "minhash": {"use": "dedup.minhash"}},
}


@pytest.mark.parametrize("columns", [80, 140])
def test_a_run_ends_in_a_terminal_without_a_traceback_and_its_bars_name_their_stages(
    write_recipe: Callable[..., Path], tmp_path: Path, columns: int
) -> None:
    recipe = write_recipe(**SMALL)
    code, screen = in_terminal(["run", recipe], columns, folder=tmp_path)
    assert code == 0, screen
    assert "Traceback" not in screen
    for stage in ("code", "exact", "minhash"):
        assert stage in screen
    assert widest(screen) <= columns
