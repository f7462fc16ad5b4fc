"""`curate eval` and `curate score` in a real terminal: a bar while they work, and a table that fits."""

import json
import os
from pathlib import Path

from curate.terminal.drawing import PALETTE
from tests.terminal import colours_of, plain, several_in_terminal, widest


def test_a_tiny_model_is_scored_and_its_table_fits_80_columns(made_up: Path, tiny: Path, tmp_path: Path) -> None:
    assert os.environ["CURATE_BENCHMARKS"] == str(made_up)
    samples = tmp_path / "samples.jsonl"
    rows = [{"task_id": f"HumanEval/{number}", "completion": f"    return {number}\n"} for number in range(164)]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ["--tasks", "humaneval", "--limit", "2", "--max-tokens", "8", "--no-bits"]
    (evaluated, eval_screen), (scored, score_screen), (code, table) = several_in_terminal(
        [
            ["eval", tiny / "model", *asked, "--out", "scores"],
            ["score", samples, "--tasks", "humaneval", "--out", "given.jsonl", "--as", "the answers"],
            ["table", "scores", "given.jsonl"],
        ],
        folder=tmp_path,
    )
    assert (evaluated, scored, code) == (0, 0, 0), eval_screen + score_screen + table
    for screen in (eval_screen, score_screen, table):
        assert "Traceback" not in screen
        assert widest(screen) <= 80, plain(screen)
        assert colours_of(screen) <= {f"38;5;{number}" for number in PALETTE.values()}
    for name, screen in (("eval", eval_screen), ("score", score_screen)):
        assert any(line.startswith(f"{name} ") and "─" in line for line in plain(screen).splitlines()), plain(screen)
        assert "self-check: " in plain(screen)
    assert "164 samples of 164 tasks" in plain(score_screen)
    assert "the answers" in plain(table) and "100.0 (97.7 to 100.0)" in plain(table)
    assert "21.4k" in plain(table)
