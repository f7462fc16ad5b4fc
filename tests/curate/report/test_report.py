"""The report: one self-contained page, safe to open, true to the run, and possible for any run."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import REQUIRED, list_shards, read_shard, write_json, write_text
from curate.records.status import read_run
from curate.report import plots
from curate.report.excerpts import Example, fenced
from curate.report.findings import detection_curve
from curate.report.write import gather, report

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


VOID = {"meta", "br", "wbr", "line", "rect", "circle", "polyline"}
"""Tags without an end, those of HTML and the shapes of pictures, which end themselves."""


class Tags(HTMLParser):
    """Collects the tags, the attributes that could load something, anchors, links to them, and the visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.headings: list[str | None] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags.add(tag)
        self.anchors += [values["id"] or ""] if "id" in values else []
        self.links += [href[1:] for name, href in attributes if name == "href" and href and href.startswith("#")]
        self.headings += [values.get("id")] if tag == "h2" else []
        self.loads += [
            f"{n}={v}"
            for n, v in attributes
            if n in ("src", "srcset", "data") or n.startswith("on") or (n == "href" and not (v or "").startswith("#"))
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def reported(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("reported") / "small"
    shutil.copytree(example, copy)
    report(copy)
    return copy


def page(run: Path) -> str:
    return (run / "report.html").read_text()


def test_the_report_is_one_file_that_loads_nothing(reported: Path) -> None:
    tags = Tags(page(reported))
    assert tags.loads == []
    assert not tags.tags & {"script", "link", "img", "iframe", "object", "embed"}
    assert "@import" not in page(reported) and "url(" not in page(reported)


def test_every_tag_is_closed_and_every_chapter_is_in_the_contents(reported: Path) -> None:
    tags = Tags(page(reported))
    assert tags.open == []
    assert tags.headings == tags.links and len(set(tags.links)) == len(tags.links) > 8
    assert set(tags.links) <= set(tags.anchors)


def test_text_of_documents_never_becomes_markup(writer: Callable[..., Any]) -> None:
    run = writer({"<u>code": ("source.jsonl", []), "near": ("dedup.minhash", ["<u>code"])})
    evil = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    rows = [{"id": f"{evil}{n}", "text": evil, "source": "s"} for n in range(3)]
    gone = [{**rows[0], "id": evil, "reason": evil, "survivor": rows[0]["id"], "similarity": 0.9, "text": evil + "\n2"}]
    run.shard("<u>code", "0", [*rows, {**rows[0], "id": evil}])
    run.shard("near", "0", rows, gone)
    run.finish("<u>code")
    run.finish("near", plan_metrics={evil: 1.0})
    run.state(state="failed", error=evil, machine={evil: evil})
    write_text(evil, run.directory / "recipe.yaml")
    report(run.directory)
    tags = Tags(page(run.directory))
    assert not tags.tags & {"script", "img", "u"}
    assert tags.loads == []
    assert tags.text.count("onerror=alert(1)") >= 8


def test_control_characters_of_documents_are_shown_and_not_sent(reported: Path) -> None:
    for name in ("report.html", "report.md"):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", (reported / name).read_text())


def test_the_report_is_a_function_of_the_run_directory(reported: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "small"
    shutil.copytree(reported, moved)
    report(moved)
    for name in ("report.html", "report.md"):
        assert (moved / name).read_bytes() == (reported / name).read_bytes()


def test_every_count_of_the_funnel_is_on_the_page(reported: Path) -> None:
    for name in ("report.html", "report.md"):
        text = (reported / name).read_text()
        for stage in gather(reported)["funnel"]:
            assert stage["name"] in text and f"{stage['rows_kept']:,}" in text
            assert all(reason in text for reason, _, _ in stage["reasons"])


def test_the_headline_counts_what_was_made_to_be_read_and_what_the_run_has_to_give(
    reported: Path, writer: Callable[..., Any]
) -> None:
    tiles = {words: value for value, words, _ in gather(reported)["tiles"]}
    assert (tiles["documents read"], tiles["made and accepted"]) == ("240", "3")
    assert (tiles["HumanEval, pass@1"], tiles["by the clock"]) == ("2.4 %", "5 min 00 s")
    stages = {stage["name"]: stage["rows_kept"] for stage in gather(reported)["stages"]}
    assert tiles["in the finished corpus"] == f"{stages['clean'] + stages['exercises']}"
    run = writer({"code": ("source.jsonl", []), "near": ("dedup.exact", ["code"])})
    run.shard("code", "0", [{"id": "a", "text": "x", "source": "s"}])
    run.record("code", state="running")
    assert "in the corpus so far" in {words for _, words, _ in gather(run.directory)["tiles"]}


def test_a_bar_is_as_long_as_the_rows_that_came_in(reported: Path) -> None:
    bars = gather(reported)["funnel"]
    below_the_source = [bar for bar in bars if not bar["use"].startswith("synth.")]
    for bar in below_the_source:
        length = bar["kept_width"] + sum(width for _, _, width in bar["reasons"])
        assert length == pytest.approx(100 * bar["rows_in"] / 240)
    assert [bar["name"] for bar in bars if bar["starts"]] == ["code", "seeds", "exercises"]


def test_reasons_beyond_the_leading_ones_are_summed_and_not_lost(writer: Callable[..., Any]) -> None:
    run = writer({"code": ("source.jsonl", [])})
    rows = [{"id": f"{n}", "text": "x", "source": "s", "reason": f"rule_{n % 9}"} for n in range(90)]
    run.shard("code", "0", [], rows)
    run.finish("code")
    (bar,) = gather(run.directory)["funnel"]
    assert sum(count for _, count, _ in bar["reasons"]) == 90
    assert bar["reasons"][-1][:2] == ("other reasons", 40)


def test_the_largest_clusters_and_a_difference_are_shown(reported: Path) -> None:
    exact, minhash = gather(reported)["duplicates"]
    assert [(c.survivor, c.absorbed) for c in exact["found"].largest] == [("code/000", 20)]
    assert sum(cluster.absorbed for cluster in minhash["found"].largest) == minhash["found"].absorbed == 30
    assert minhash["found"].pairs[0].text.startswith("@@")
    assert "similarity 0.930" in page(reported)


def test_the_documents_nearest_the_cut_are_shown_from_both_sides(reported: Path) -> None:
    (found,) = [part["found"] for part in gather(reported)["quality"]]
    assert (len(found.kept), len(found.dropped), found.cut) == (88, 82, 0.5)
    assert found.above[0].note == f"kept, quality {min(found.kept):.4f}"
    assert found.below[0].note == f"dropped, quality {max(found.dropped):.4f}"
    assert max(found.dropped) < found.cut <= min(found.kept)


def test_every_task_that_documents_were_dropped_for_is_listed(writer: Callable[..., Any]) -> None:
    run = writer({"code": ("source.jsonl", []), "clean": ("decontam.ast", ["code"])})
    why = {"reason": "benchmark solution", "source": "s", "matched": "def f"}
    found = [("a", "own/2", 0.8), ("b", "own/1", 0.9), ("c", "own/2", 0.95)]
    dropped = [{"id": name, "text": "x\n", "task": task, "score": score, **why} for name, task, score in found]
    run.shard("clean", "0", [{"id": "z", "text": "y\n", "source": "s"}], dropped)
    run.finish("clean")
    report(run.directory)
    text = (run.directory / "report.md").read_text()
    assert "| own/2 | 2 | 0.95 | c | def f |\n| own/1 | 1 | 0.9 | b | def f |\n" in text
    assert "own/2" in Tags(page(run.directory)).text


def test_grades_are_shown_with_the_best_the_worst_and_what_more_of_them_brought(writer: Callable[..., Any]) -> None:
    run = writer({"code": ("source.jsonl", []), "labels": ("filter.annotate", ["code"])})
    rows = [{"id": f"d{n}", "text": f"x = {n}", "source": "s", "grade": float(n) if n < 6 else None} for n in range(8)]
    run.shard("labels", "0", rows[1:], [{**rows[0], "reason": "grade too low"}])
    rounds = [{"round": n, "labels": 100 * n, "agreement": 0.3 + n / 10} for n in (1, 2, 3)]
    write_text(json.dumps(rounds), run.place("labels") / "plan" / "rounds.json")
    run.finish("labels")
    report(run.directory)
    (part,) = gather(run.directory)["grades"]
    assert part["found"].grades == [0, 1, 2, 3, 4, 5]
    assert [(e.id, e.note) for e in part["found"].examples] == [
        ("d5", "kept, grade 5.0000"),
        ("d0", "dropped, grade 0.0000"),
    ]
    assert part["found"].agreement == [(100, 0.4), (200, 0.5), (300, 0.6)]
    text = Tags(page(run.directory)).text
    assert "6 documents have a grade" in text and "agreement with held-out grades" in text
    assert "after 300 labels: 0.6" in (run.directory / "report.md").read_text()


def test_curves_scores_and_the_recipe_are_on_the_page(reported: Path) -> None:
    text = Tags(page(reported)).text
    for words in (
        "held out loss",
        "3,100,000",
        "0.7 to 6.0",
        "WizardCoder",
        "3.1M",
        "wrong answer",
        "seed: 17",
        "no_majority",
        "3 of 12 accepted",
    ):
        assert words in text


def test_the_markdown_holds_the_scores_and_fences_longer_than_any_within(reported: Path) -> None:
    text = (reported / "report.md").read_text()
    assert "| model | 3.1M | 1.2M | 2.4 (0.7 to 6.0) [1] |" in text
    block = fenced(Example("a", "", "````\n# not the end"))
    assert block.splitlines()[0] == "`````python" and block.splitlines()[-1] == "`````"


def test_the_table_is_a_page_of_its_own_too(reported: Path) -> None:
    tags = Tags((reported / "table.html").read_text())
    assert tags.loads == [] and "script" not in tags.tags
    for words in ("WizardCoder-15B", "46.1", "52.7", "3.1M", "0.7 to 6.0", "by completion, another protocol"):
        assert words in tags.text and words in Tags(page(reported)).text
    assert set(json.loads((reported / "table.json").read_text())) == {"main", "evalplus"}
    assert "43.6" in (reported / "table.md").read_text()


def test_a_run_that_has_only_begun_has_a_report(writer: Callable[..., Any]) -> None:
    run = writer()
    run.state(state="interrupted", finished=None, machine=None)
    report(run.directory)
    assert "interrupted" in page(run.directory) and "pending" in page(run.directory)


@pytest.mark.parametrize(
    "missing",
    ["recipe.yaml", *[f"stages/{name}-*" for name in ("code", "minhash", "quality", "exercises", "model", "score")]],
)
def test_a_missing_stage_costs_its_chapter_and_nothing_else(missing: str, example: Path, tmp_path: Path) -> None:
    copy = tmp_path / "small"
    shutil.copytree(example, copy)
    for path in copy.glob(missing):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    report(copy)
    assert "Work, stage by stage" in page(copy)


@pytest.mark.parametrize("half", ["kept", "dropped"])
def test_stages_that_lost_one_half_of_their_rows_have_a_report(half: str, example: Path, tmp_path: Path) -> None:
    copy = tmp_path / "small"
    shutil.copytree(example, copy)
    for stage in read_run(copy).stages:
        for path in list_shards(stage.directory / half):
            path.unlink()
    report(copy)
    assert "Work, stage by stage" in page(copy)


def test_rows_of_metrics_that_are_odd_or_torn_are_left_out(writer: Callable[..., Any]) -> None:
    run = writer({"model": ("train.lm", [])})
    rows = [
        {"step": 1, "loss": 3.5},
        {"step": 2, "loss": math.nan},
        {"step": 3},
        {"loss": 2.0},
        {"step": 4, "loss": 3.0},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows) + '{"step": 5, "lo'
    write_text(text, run.place("model") / "metrics.jsonl")
    report(run.directory)
    (model,) = gather(run.directory)["models"]
    assert model["found"].curves == {"loss": [(1.0, 3.5), (4.0, 3.0)]}


def dropped(reason: str, **columns: Any) -> dict[str, Any]:
    return {"id": f"{reason} {columns.get('score')}", "source": "s", "text": "x = 1\n", "reason": reason, **columns}


def test_for_each_common_reason_one_document_is_shown_with_the_value_and_its_cut(writer: Callable[..., Any]) -> None:
    run = writer({"rules": ("filter.heuristics", [])})
    long = [
        dropped("line too long", signal="signal_max_line_length", score=score, cut=1000.0)
        for score in (1001.0, 1834.0, 90000.0)
    ]
    torn = dropped(
        "does not parse", signal="signal_syntax_error_line", score=12.0, cut=0.0, text="a = 1\n" * 11 + "b = (\n"
    )
    run.shard("rules", "0", [{"id": "z", "text": "y\n", "source": "s"}], [*long, torn])
    run.finish("rules")
    report(run.directory)
    text = Tags(page(run.directory)).text
    assert "longest line: 1,834 characters, at most 1,000 characters are kept" in text
    assert "3 documents, 60 %" in text and "first syntax error: line 12" in text
    assert "<mark>" in page(run.directory).split("does not parse", 1)[1]


def test_a_rejected_document_says_what_went_wrong_where_its_row_does(writer: Callable[..., Any]) -> None:
    run = writer({"seeds": ("synth.seeds", []), "made": ("synth.exercise", ["seeds"])})
    rows = [{"id": "s1", "text": "t", "source": "s"}]
    run.shard("seeds", "0", rows)
    told = "add(1, 2): 3 by two solutions, <b>4</b> by two"
    run.shard("made", "0", rows, [dropped("no majority", outputs=told, score=None)], metrics={"agree_2_of_4": 7.0})
    for name in ("seeds", "made"):
        run.finish(name)
    report(run.directory)
    text = Tags(page(run.directory)).text
    assert told in text and "outputs" in text
    assert "2 of 4 agree: 7" in text


def test_a_contaminated_document_stands_beside_its_task_with_the_common_lines_marked(
    writer: Callable[..., Any],
) -> None:
    run = writer({"clean": ("decontam.ngram", [])})
    solution = "def blend(paints):\n    first, second = paints\n    return first + second\n"
    found = dropped(
        "benchmark overlap", task="own/1", task_text=solution, matched="solution", score=1.0,
        text="# other\n" * 300 + solution,
    )  # fmt: skip
    run.shard("clean", "0", [{"id": "z", "text": "y\n", "source": "s"}], [found])
    run.finish("clean")
    report(run.directory)
    ((_, _, (pair,)),) = gather(run.directory)["contamination"]
    assert pair.document.marked == {301, 302, 303} and pair.task.marked == {1, 2, 3}
    assert page(run.directory).count("<mark>") == 6
    assert "291 lines before" in Tags(page(run.directory)).text


@pytest.mark.parametrize("long", ["x = '" + "y" * 5_000_000 + "'", "a, b = (\n" + "1,\n" * 400_000 + ")\n"])
def test_a_document_of_five_megabytes_costs_no_more_than_another(long: str, writer: Callable[..., Any]) -> None:
    run = writer({"code": ("source.jsonl", []), "near": ("dedup.minhash", ["code"]), "rules": ("filter.x", ["near"]),
                  "clean": ("decontam.ast", ["rules"]), "made": ("synth.exercise", [])})  # fmt: skip
    row = {"id": "a", "source": "s", "text": long}
    run.shard("code", "0", [row])
    run.shard("near", "0", [row], [dropped("near", survivor="a", similarity=0.9, text=long + "\n2")])
    run.shard("rules", "0", [row], [dropped("long", text=long)])
    why = {"task": "own/1", "task_text": long, "matched": long, "score": 1.0}
    run.shard("clean", "0", [row], [dropped("task", text=long, **why)])
    run.shard("made", "0", [row], [dropped("bad", text=long, detail=long)])
    for name in run.stages:
        run.finish(name)
    report(run.directory)
    for name in ("report.html", "report.md"):
        assert (run.directory / name).stat().st_size < 200_000
        assert "more" in (run.directory / name).read_text()


def test_the_lines_that_load_the_corpus_load_it(example: Path, tmp_path: Path) -> None:
    shutil.copytree(example, tmp_path / "runs" / "small")
    report(tmp_path / "runs" / "small")
    found = gather(tmp_path / "runs" / "small")["corpus"]
    assert [part.stage for part in found.parts] == ["clean", "exercises"] and found.finished
    for title, source in found.loading:
        program = f"{source}\nassert set(corpus[0] if {title == 'datasets'} else corpus.columns) == {set(REQUIRED)}"
        program += "\nprint(len(corpus), corpus['id'][0])"
        ran = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        assert ran.stdout == f"{found.documents} {first_id(example, 'clean')}\n", ran.stderr
        assert source.splitlines()[-1] in (tmp_path / "runs" / "small" / "report.md").read_text()


def first_id(run: Path, stage: str) -> str:
    place = read_run(run).stage(stage).directory / "kept"
    return str(read_shard(list_shards(place)[0], ["id"]).column("id")[0].as_py())


def test_without_training_the_corpus_is_what_nothing_reads_on(writer: Callable[..., Any]) -> None:
    run = writer({
        "code": ("source.jsonl", []), "rules": ("filter.heuristics", ["code"]), "labels": ("filter.rubric", ["rules"]),
        "best": ("filter.quality", ["rules"]), "seeds": ("synth.seeds", ["best"]),
        "made": ("synth.exercise", ["seeds"]),
    })  # fmt: skip
    for name in run.stages:
        run.shard(name, "0", [{"id": name, "text": "x = 1\n", "source": "s"}])
        run.finish(name)
    assert [part.stage for part in gather(run.directory)["corpus"].parts] == ["best", "made"]


def test_a_score_stands_with_how_its_samples_ended_and_failed_and_with_its_prompt_boundary(
    writer: Callable[..., Any],
) -> None:
    run = writer({"model": ("train.lm", []), "score": ("eval.code", ["model"])})
    counted = {"samples": 164, "ended": 150, "stopped": 10, "cut_off": 4, "passed": 7, "wrong": 90}
    counted |= {"syntax_errors": 40, "name_errors": 20, "other": 7}
    score = {
        "model": "model", "benchmark": "humaneval", "protocol": "completion", "n_tasks": 164, "pass_at_1": 7 / 164,
        "low": 0.02, "high": 0.09, "outcomes": counted,
        "boundary": {"checked": 164, "as_trained": 160, "reason": "HE/1"},
    }  # fmt: skip
    write_json([score], run.place("score") / "scores.json")
    mix = {"clean": {"unique_tokens": 4e7, "visits": 6.8e7, "epochs": 1.7, "share": 0.4}}
    write_json({"name": "model", "inputs": mix}, run.place("model") / "model" / "curate.json")
    for name in ("model", "score"):
        run.job(name, {"clean.visits": 6.8e7, "train_seconds": 93.0})
    report(run.directory)
    text = " ".join(Tags(page(run.directory)).text.split())
    for words in ("syntax errors4024 %", "ended by themselves15091 %", "cut off at the length limit42.4 %"):
        assert words in text.replace("</td>", "")
    assert "160 of 164 prompts go on as trained. HE/1: the score measures this seam too." in text
    assert "What it read" in text and "68,000,000" in text and "40 %" in text and "clean: visits (tokens seen)" in text
    assert "training time1 min 33 s" in text


@pytest.mark.parametrize("width", [400, 1200])
def test_in_a_real_browser_the_page_does_not_scroll_sideways_and_its_scores_are_in_view(
    width: int, reported: Path, tmp_path: Path
) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium; the page is checked by a parser in the tests above")
    script = """addEventListener('load', () => { const page = frame.contentDocument; out.textContent = JSON.stringify({
      width: page.documentElement.scrollWidth, height: page.body.scrollHeight,
      right: Math.max(...[...page.querySelectorAll('.stack td, .tile, svg')].map(e => e.getBoundingClientRect().right)),
      letters: Math.min(...[...page.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height)) }) })"""
    frame = f'<iframe id="frame" width="{width}" height="900" style="border:0" srcdoc="{escape(page(reported))}">'
    (tmp_path / "frame.html").write_text(
        f'<meta charset="utf-8">{frame}</iframe><pre id="out"></pre><script>{script}</script>', encoding="utf-8"
    )
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    ran = subprocess.run(
        [browser, *flags.split(), "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    told = re.search(r'<pre id="out">(\{.*?\})</pre>', ran.stdout)
    assert told, ran.stderr[-2000:]
    seen = json.loads(told[1])
    assert seen["width"] <= width and seen["right"] <= width
    assert seen["height"] > 2000 and seen["letters"] > 9


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run"):
        report(tmp_path)


@given(st.lists(numbers), st.lists(numbers), st.none() | st.floats(0, 1))
def test_a_histogram_shows_every_finite_value_once(kept: list[float], dropped: list[float], cut: float | None) -> None:
    drawn = plots.histogram(kept, dropped, cut, "score")
    finite = [value for value in kept + dropped if math.isfinite(value)]
    assert bool(drawn) == bool(finite)
    if drawn:
        ElementTree.fromstring(drawn)
        assert "nan" not in drawn.split(">", 1)[1] and "inf" not in drawn.split(">", 1)[1]


@given(st.dictionaries(st.text(max_size=5), st.lists(st.tuples(numbers, numbers), max_size=30), max_size=3))
def test_curves_of_any_points_are_a_picture_or_nothing(series: dict[str, list[tuple[float, float]]]) -> None:
    drawn = plots.curves(series, "x", "y")
    finite = any(math.isfinite(a) and math.isfinite(b) for points in series.values() for a, b in points)
    assert bool(drawn) == finite
    if drawn:
        ElementTree.fromstring(drawn)


def test_a_long_curve_is_drawn_with_as_many_points_as_can_be_seen() -> None:
    points = [(float(n), math.sin(n / 1000)) for n in range(100_000)]
    drawn = plots.curves({"loss": points}, "x", "y")
    assert len(drawn) < 12_000


def test_the_detection_curve_is_the_chance_that_one_band_agrees() -> None:
    curve = dict(detection_curve(20, 100))
    assert curve[0.0] == 0 and curve[1.0] == 1
    assert curve[0.8] == pytest.approx(1 - (1 - 0.8**5) ** 20)
    assert detection_curve(None, 5) == [] and detection_curve(0, 5) == [] and detection_curve(8, 5) == []
