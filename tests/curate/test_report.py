"""The report: one self-contained page, safe to open, true to the run, and possible for any run."""

import json
import math
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import plots
from curate.errors import UserError
from curate.findings import Example, detection_curve
from curate.report import _fenced, gather, report
from curate.shards import list_shards, write_text
from curate.status import read_run

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


class Tags(HTMLParser):
    """Collects the tags, the attributes that could load something, and the visible text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [
            f"{n}={v}" for n, v in attributes if n in ("src", "href", "srcset", "data") or n.startswith("on")
        ]

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


def test_the_headline_counts_what_was_made_to_be_read_and_what_was_trained_on(
    reported: Path, writer: Callable[..., Any]
) -> None:
    tiles = {words: value for value, words, _ in gather(reported)["tiles"]}
    assert (tiles["documents read"], tiles["made and accepted"]) == ("240", "3")
    stages = {stage["name"]: stage["rows_kept"] for stage in gather(reported)["stages"]}
    assert tiles["trained on"] == f"{stages['clean'] + stages['exercises']}"
    run = writer({"code": ("source.jsonl", []), "model": ("train.lm", ["code"])})
    run.shard("code", "0", [{"id": "a", "text": "x", "source": "s"}])
    run.finish("code")
    assert "trained on" not in {words for _, words, _ in gather(run.directory)["tiles"]}


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
    (found,) = [part["found"] for part in gather(reported)["quality"] if part]
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
    assert "Grades: labels" in text and "agreement with held-out grades" in text
    assert "after 300 labels: 0.6" in (run.directory / "report.md").read_text()


def test_curves_scores_and_the_recipe_are_on_the_page(reported: Path) -> None:
    text = Tags(page(reported)).text
    for words in (
        "held out loss",
        "3,100,000",
        "0.7 to 6.0",
        "WizardCoder",
        "3.1M",
        "wrong 160",
        "seed: 17",
        "no_majority",
        "3 of 12 accepted",
    ):
        assert words in text


def test_the_markdown_holds_the_scores_and_fences_longer_than_any_within(reported: Path) -> None:
    text = (reported / "report.md").read_text()
    assert "| model | 3.1M | 1.2M | 2.4 (0.7 to 6.0) [1] |" in text
    fenced = _fenced(Example("a", "", "````\n# not the end"))
    assert fenced.splitlines()[0] == "`````python" and fenced.splitlines()[-1] == "`````"


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
    assert "Stage by stage" in page(copy)


@pytest.mark.parametrize("half", ["kept", "dropped"])
def test_stages_that_lost_one_half_of_their_rows_have_a_report(half: str, example: Path, tmp_path: Path) -> None:
    copy = tmp_path / "small"
    shutil.copytree(example, copy)
    for stage in read_run(copy).stages:
        for path in list_shards(stage.directory / half):
            path.unlink()
    report(copy)
    assert "Stage by stage" in page(copy)


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
    assert model.curves == {"loss": [(1.0, 3.5), (4.0, 3.0)]}


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
