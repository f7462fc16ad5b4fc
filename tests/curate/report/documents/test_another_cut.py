"""`curate show RUN quality --keep 0.3` tells what a run with that share keeps, before it is made."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from curate import Recipe, run
from curate.api import Result
from curate.errors import UserError
from curate.report.documents.another_cut import another_cut, render_cut
from tests.conftest import ROOT
from tests.conftest import Run as Command
from tests.terminal import in_terminal, plain, widest


def recipe(folder: Path, share: float, noise: float = 0.0, **sections: Any) -> Recipe:
    code = {"folder": str(folder / "code"), "shard_rows": 40}
    stages = {
        "labels": {"use": "filter.rubric"},
        "quality": {"use": "filter.quality", "keep": share, "noise": noise},
        "like": {"use": "select.target", "from": "labels", "target": str(folder / "code" / "files"), "keep": share},
        "exact": {"use": "dedup.exact", "from": "quality"},
    }
    return Recipe.of(name="cut", seed=5, sources={"code": code}, stages=stages, **sections)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real files, and a run that keeps half of them."""
    folder = tmp_path_factory.mktemp("cuts")
    for room in ("files", "llm", "text", "report", "records", "run", "terminal"):
        shutil.copytree(ROOT / "curate" / room, folder / "code" / room, ignore=shutil.ignore_patterns("__pycache__"))
    for number in range(30):
        (folder / "code" / "files" / f"alike_{number}.py").write_text(f"value_{number} = {number}\n" * 20)
    run(recipe(folder, 0.5), runs=folder / "half", workers=1)
    return folder


def ids(ran: Result, stage: str) -> set[str]:
    return set(ran[stage].kept.to_arrow(["id"]).column("id").to_pylist())


@pytest.mark.parametrize(("keep", "noise"), [(0.2, 0.0), (0.75, 0.0), (0.3, 0.8)])
def test_what_it_foretells_is_what_a_run_with_that_share_keeps(
    keep: float, noise: float, folder: Path, tmp_path: Path
) -> None:
    now = run(recipe(folder, 0.5, noise), runs=folder / "half", until="quality", workers=1)
    then = run(recipe(folder, keep, noise), runs=tmp_path, until="quality", workers=1)
    found = another_cut(folder / "half" / "cut", "quality", keep, count=1000)
    assert found.fate == ("dropped" if keep < 0.5 else "kept")
    assert {row["id"] for row in found.examples} == ids(now, "quality") ^ ids(then, "quality")
    assert found.changed == len(found.examples)
    for share, ran in ((found.now, now), (found.then, then)):
        kept = ran["quality"].kept.to_pandas()
        assert (share.documents, share.bytes) == (len(kept), sum(len(text.encode()) for text in kept["text"]))
        assert share.mean_score == pytest.approx(kept["quality"].mean())
        assert share.tokens and share.tokens > 1000
    assert found.noisy is bool(noise)
    json.dumps(asdict(found), allow_nan=False)


def test_a_stage_that_draws_toward_a_target_can_be_asked_too(folder: Path, tmp_path: Path) -> None:
    now = run(recipe(folder, 0.5), runs=folder / "half", until="like", workers=1)
    then = run(recipe(folder, 0.3), runs=tmp_path, until="like", workers=1)
    found = another_cut(folder / "half" / "cut", "like", 0.3, count=1000)
    assert {row["id"] for row in found.examples} == ids(now, "like") - ids(then, "like")


def test_in_a_terminal_both_cuts_stand_side_by_side_above_documents_between_them(folder: Path) -> None:
    run(recipe(folder, 0.5), runs=folder / "half", workers=1)
    before = {path: path.stat().st_mtime_ns for path in (folder / "half").rglob("*")}
    code, screen = in_terminal(["show", "half/cut", "quality", "--keep", 0.3, "-n", 2], folder=folder)
    shown = plain(screen)
    assert code == 0 and widest(screen) <= 80, shown
    assert "keep 0.3 instead of 0.5" in shown and shown.count("── code/") == 2
    for title in ("documents", "text", "tokens (words and signs)", "cut", "mean score"):
        assert f"\n{title} " in shown
    assert "would make again: quality, exact" in shown and "like" not in shown.partition("again:")[2].split("\n")[0]
    assert {path: path.stat().st_mtime_ns for path in (folder / "half").rglob("*")} == before
    same = render_cut(another_cut(folder / "half" / "cut", "quality", 0.5))
    assert "the same documents are kept" in same


def test_without_the_texts_their_size_is_not_known(folder: Path, tmp_path: Path) -> None:
    run(recipe(folder, 0.5, keep="last"), runs=tmp_path, workers=1)
    found = another_cut(tmp_path / "cut", "quality", 0.3)
    assert found.now.bytes is None and found.then.tokens is None and found.changed > 5 and not found.examples
    assert "no longer has all texts" in render_cut(found)
    assert another_cut(tmp_path / "cut", "quality", 0.9).examples, "dropped rows stay"


def test_what_cannot_be_asked_is_told_in_one_line(folder: Path, curate: Command) -> None:
    for stage, keep, words in (
        ("quality", 0.0, "--keep 0: it must be a share"),
        ("quality", 1.5, "--keep 1.5: it must be a share"),
        ("quality", float("nan"), "--keep nan: it must be a share"),
        ("labels", 0.3, r"'labels' \(filter.rubric\) keeps no share by score"),
        ("qualty", 0.3, "did you mean 'quality'"),
    ):
        with pytest.raises(UserError, match=words):
            another_cut(folder / "half" / "cut", stage, keep)
    done = curate("show", folder / "half" / "cut", "quality", "--keep", 0.3, "--dropped")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "with -n and --json alone" in done.stderr
