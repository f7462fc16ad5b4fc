"""`curate preview`: one stage on a few documents is what a run over the same documents does, and leaves nothing."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from curate import Recipe, run
from curate.errors import UserError
from curate.preview.verb import preview
from tests.conftest import ROOT, Run
from tests.endpoint import JsonHandler
from tests.terminal import in_terminal, plain, widest

STAGES = {
    "exact": {"use": "dedup.exact"},
    "heuristics": {"use": "filter.heuristics", "min_bytes": 2000},
    "secrets": {"use": "filter.secrets"},
    "labels": {"use": "filter.rubric"},
    "quality": {"use": "filter.quality", "from": "secrets", "learn_from": "labels", "keep": 0.4},
    "mined": {"use": "synth.mined"},
}
MAIL = '"""Written by someone-else@a-company.net, who will not mind."""\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe over real files: a copy among them, and an address in one."""
    folder = tmp_path_factory.mktemp("looking")
    for path in sorted((ROOT / "curate").rglob("*.py"))[:170]:
        if not path.is_relative_to(ROOT / "curate" / "decontam"):
            shutil.copy(path, _new(folder / "code" / path.relative_to(ROOT / "curate")))
    shutil.copy(folder / "code" / "cli.py", folder / "code" / "copy_of_cli.py")
    (folder / "code" / "api.py").write_text(MAIL + (folder / "code" / "api.py").read_text())
    write(folder, STAGES)
    return folder


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write(folder: Path, stages: dict[str, Any], name: str = "mine", **sections: Any) -> Path:
    value = {"name": name, "seed": 17, "sources": {"code": {"folder": str(folder / "code")}}, "stages": stages}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**value, **sections}, sort_keys=False))
    return path


def test_it_tells_what_a_run_over_the_same_documents_does(folder: Path, tmp_path: Path) -> None:
    recipe = folder / "mine.yaml"
    ran = run(Recipe.load(recipe, limit=100), runs=tmp_path, until="quality", workers=1)
    for stage in ("secrets", "quality"):
        found = preview(recipe, stage, count=1000, most=100, runs=tmp_path / "none")
        kept, dropped = ran[stage].kept.to_pandas(), ran[stage].dropped.to_pandas()
        after = {each.id: each.after for each in found.shown if each.fate != "dropped"}
        assert after == dict(zip(kept["id"], kept["text"], strict=True))
        why = {each.id: each.why["reason"] for each in found.shown if each.fate == "dropped"}
        assert why == dict(zip(dropped["id"], dropped["reason"], strict=True))
        assert found.documents_in == found.kept + found.dropped == len(kept) + len(dropped)
        assert found.kept == len(kept) and found.dropped_by_reason == ran[stage].counts["dropped_by_reason"]
    assert not (tmp_path / "none").exists()


def test_in_a_terminal_it_shows_before_after_and_why_and_writes_nothing(folder: Path) -> None:
    code, screen = in_terminal(["preview", "mine.yaml", "secrets", "-n", 2], folder=folder)
    shown = plain(screen)
    assert code == 0 and widest(screen) <= 80, shown
    assert "secrets  filter.secrets: " in shown and "read of code; through exact, heuristics" in shown
    assert "exact learns from all documents of a run; here from these alone" in shown
    assert "── code/api.py  changed" in shown, "what a stage changes comes first"
    gone, come = (next(line for line in shown.splitlines() if line.startswith(sign + '"""Written')) for sign in "-+")
    assert "someone-else@" in gone and "someone-else@" not in come
    assert not (folder / "runs").exists()


def test_documents_come_from_a_run_where_that_has_them_and_it_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    recipe = folder / "mine.yaml"
    stood = len(run(recipe, runs=tmp_path, until="exact", workers=1)["exact"].kept)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = preview(
        recipe, "heuristics", count=20, most=40, runs=tmp_path, settings={"stages.heuristics.min_bytes": 4000}
    )
    assert found.taken == {"exact": {"documents": 40, "of": stood}} and found.worked == [] and found.read == {}
    assert found.dropped_by_reason["too short"] >= 1
    short = next(each for each in found.shown if each.why.get("reason") == "too short")
    assert short.why["score"] == len((short.before or "").encode()) < short.why["cut"] == 4000
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_what_a_maker_makes_stands_beside_what_it_is_made_from(folder: Path) -> None:
    found = preview(
        folder / "mine.yaml", "mined", count=10, most=40, runs=folder / "runs", settings={"stages.mined.from": "exact"}
    )
    assert found.makes and found.kept > 0 and found.dropped > 0
    made = next(each for each in found.shown if each.fate == "made")
    name = made.id.rpartition("::")[2].partition("#")[0]
    assert made.made_from and f"def {name.lstrip('_')}" in (made.after or "")
    assert "def " in (made.before or "") and made.before == (folder / made.made_from).read_text()


def test_a_source_shows_what_it_reads(folder: Path) -> None:
    found = preview(folder / "mine.yaml", "code", count=3, most=3)
    assert (found.read, found.kept) == ({"code": 3}, 3)
    assert {each.fate for each in found.shown} == {"read"}


class Grader(JsonHandler):
    """Gives every document a grade of 3, and counts what it was asked."""

    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "3"}}
        used = {"prompt_tokens": 900, "completion_tokens": 1, "total_tokens": 901}
        self.reply(200, {"id": "x", "object": "c", "created": 0, "model": "m", "choices": [message], "usage": used})


@pytest.fixture
def grader() -> Iterator[str]:
    Grader.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Grader) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_a_stage_that_asks_a_model_asks_about_as_many_as_are_shown_and_says_what_that_cost(
    folder: Path, grader: str
) -> None:
    labels = {"use": "filter.annotate", "model": "grader", "question": "scale", "rounds": 1}
    models = {"grader": {"backend": "openai", "model": "m", "base_url": grader, "usd_per_mtok": [10.0, 10.0]}}
    quality = {"use": "filter.quality", "learn_from": "labels", "from": "exact"}
    recipe = write(folder, {"exact": STAGES["exact"], "labels": labels, "quality": quality}, "graded", models=models)
    found = preview(recipe, "labels", count=4, runs=folder / "runs")
    assert Grader.asked == 4 and found.documents_in == 4
    assert [each.gained["grade"] for each in found.shown] == [3.0] * 4
    assert found.usage["prompt_tokens"] == 3600 and found.usage["usd"] == pytest.approx(3604e-5)
    json.dumps(asdict(found), allow_nan=False)
    with pytest.raises(
        UserError, match=r"quality reads 'labels' .* asks a model and has not run; first: .*--until labels"
    ):
        preview(recipe, "quality", runs=folder / "runs")
    assert Grader.asked == 4, "nobody is asked unasked"
    run(recipe, runs=folder / "graded", until="labels")
    asked = Grader.asked
    assert preview(recipe, "labels", count=4, runs=folder / "graded").shown
    assert Grader.asked == asked, "answers that a run has paid for are used"


def test_what_cannot_be_looked_at_is_told_in_one_line(folder: Path, curate: Run) -> None:
    small, none = "stages.heuristics.min_bytes", "sources.code.folder"
    model = {"use": "train.lm", "preset": "tiny", "from": "mined"}
    for stage, most, settings, words in (
        ("heuristic", 9, {}, r"no stage 'heuristic' in recipe 'mine'; did you mean 'heuristics'\?"),
        ("quality", 20, {}, "needs at least 50 documents"),
        ("quality", 60, {small: 8000}, "quality: .*60 of a stage or a source were looked at, --limit 600 takes more"),
        ("exact", 9, {none: "nowhere"}, "code: .*nowhere"),
        ("labels", 9, {small: 10**9}, "none of the documents comes so far.*--limit 90 takes more"),
        ("model", 9, {"stages.model": model}, "train.lm trains a model.*--until model --limit 9"),
    ):
        with pytest.raises(UserError, match=words) as error:
            preview(folder / "mine.yaml", stage, most=most, settings=settings, runs=folder / "none")
        assert "\n" not in str(error.value)
    done = curate("preview", folder / "mine.yaml", "exact", "-n", 0, "--runs", folder / "none")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "'-n'" in done.stderr and not (folder / "none").exists()


def test_a_fault_of_a_stage_of_ones_own_names_its_place(folder: Path) -> None:
    (folder / "faulty.py").write_text(
        "from curate import DocumentFilter, Keep\n\n\nclass Faulty(DocumentFilter):\n    '''Fail.'''\n\n"
        "    def judge_document(self, document, context):\n        return Keep({'x': 1 / 0})\n"
    )
    recipe = write(folder, {"own": {"use": "faulty:Faulty"}}, "faulty")
    with pytest.raises(UserError, match=r"own: ZeroDivisionError: division by zero \(.*faulty\.py:8"):
        preview(recipe, "own")
