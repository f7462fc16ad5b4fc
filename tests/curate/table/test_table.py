"""The table: the published rows as published, ours among them, and nothing compared that does not compare."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import write_json
from curate.table.leaderboard import table_text
from curate.table.rows import (
    Entry,
    Score,
    as_values,
    blocks,
    published,
    read_entries,
    render_markdown,
)

Evaluated = Callable[..., Path]
PROTOCOLS = ["humaneval@completion", "humaneval@evalplus", "humaneval@evalplus-chat", "own@a", "own@b", "own@evalplus"]


def entry(model: str, protocol: str) -> Entry:
    benchmark = protocol.partition("@")[0]
    return Entry(model, 1e6, None, "here", Path(model), benchmark, (protocol,), Score(1.0, protocol, 0.1, 0.5, 1.5))


def cells(text: str, model: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {model} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_first_block_is_exactly_the_four_published_baselines() -> None:
    rows = [(r.model, r.parameters, r.dataset_tokens, {n: s.value for n, s in r.scores.items()}) for r in published()]
    assert rows == [
        ("phi-1", 1.3e9, 7e9, {"humaneval": 50.6, "mbpp": 55.5}),
        ("WizardCoder", 16e9, 1e12, {"humaneval": 57.3, "mbpp": 51.8}),
        ("GPT-3.5", 175e9, None, {"humaneval": 47}),
        ("StarCoder", 15.5e9, 1e12, {"humaneval": 33.6, "mbpp": 52.7}),
    ]
    assert all(row.kind == "published" and "Table 1" in row.source for row in published())


def test_the_second_block_is_the_same_models_under_one_protocol() -> None:
    names = ("humaneval", "humaneval+", "mbpp", "mbpp+")
    rows = {row.model: tuple(row.scores[name].value for name in names) for row in published("evalplus")}
    assert rows == {
        "StarCoder": (34.1, 29.3, 55.1, 46.1),
        "WizardCoder-15B": (56.7, 50.6, 64.3, 54.2),
        "GPT-3.5-Turbo (Nov 2023)": (76.8, 70.7, 82.5, 69.7),
    }
    assert len({score.protocol for row in published("evalplus") for score in row.scores.values()}) == 1


def test_a_published_share_of_tasks_is_one_of_the_tasks_that_its_mark_names() -> None:
    """55.1 is no share of 378 tasks and 64.3 none of 399, so these two do not stand on the same MBPP+."""
    for row in published("evalplus"):
        for name, score in row.scores.items():
            assert score.n_tasks is not None
            assert any(round(100 * passed / score.n_tasks, 1) == score.value for passed in range(score.n_tasks))
            assert (score.note is None) == (score.n_tasks == (164 if name.startswith("humaneval") else 378))


def test_baselines_are_printed_as_published_by_size_and_a_score_that_does_not_compare_is_marked() -> None:
    text = render_markdown(blocks([]))
    assert cells(text, "phi-1")[1:5] == ["1.3B", "7B", "50.6", "55.5"]
    assert cells(text, "WizardCoder")[1:5] == ["16B", "1T", "57.3", "51.8"]
    assert cells(text, "GPT-3.5")[1:5] == ["175B", "N.A.", "47", "-"]
    assert cells(text, "StarCoder")[1:5] == ["15.5B", "1T", "33.6", "52.7 [1]"]
    assert "[1] not comparable: on the 397 tasks of MultiPL-E; on the 500 test tasks it is 43.6" in text
    assert "55.1 [1] | 46.1 [1] |" in text and "[1] not comparable: on the 399 tasks of MBPP+ 0.1" in text
    main, evalplus = blocks([])
    assert [row.model for row in main.rows] == ["phi-1", "StarCoder", "WizardCoder", "GPT-3.5"]
    assert [row.model for row in evalplus.rows] == ["StarCoder", "WizardCoder-15B", "GPT-3.5-Turbo (Nov 2023)"]


def test_a_measured_row_carries_its_interval_bits_and_protocol(evaluated: Evaluated, tmp_path: Path) -> None:
    place = evaluated(tmp_path / "mine", "small", {"t/1": "pass", "t/2": "wrong"}, pass_at_1=0.0366)
    text = table_text([place])
    assert cells(text, "small") == [
        "small", "3.1M", "1.2M", "3.7 (1.0 to 12.5) [1]", "-", "1.234", "humaneval@completion", "mine", "measured",
    ]  # fmt: skip
    assert "[1] by humaneval@completion, another protocol than its column's" in text


def test_a_score_under_the_protocol_of_the_second_block_stands_there_unmarked(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    plus = evaluated(tmp_path / "plus", "mine", {"t/1": "pass"}, protocol="humaneval@evalplus", standard_error=0.025)
    chat = evaluated(tmp_path / "chat", "yours", {"t/1": "pass"}, protocol="humaneval@evalplus-chat")
    main, evalplus = blocks(read_entries([plus, chat]))
    assert not main.measured and evalplus.measured
    notes = {row.model: row.scores["humaneval"].note for row in evalplus.rows}
    assert notes["mine"] is None and notes["StarCoder"] is None
    assert notes["yours"] == "by humaneval@evalplus-chat, another protocol than its column's"
    (mine,) = (row for row in evalplus.rows if row.model == "mine")
    assert mine.scores["humaneval"].standard_error == pytest.approx(2.5)


@given(st.lists(st.sampled_from(PROTOCOLS), max_size=8))
def test_no_column_holds_two_protocols_without_a_mark(protocols: list[str]) -> None:
    entries = [entry(f"model {number}", protocol) for number, protocol in enumerate(protocols)]
    found = blocks(entries)
    assert sum(len(row.scores) for block in found for row in block.rows if row.kind == "measured") == len(entries)
    for block in found:
        for benchmark in block.benchmarks:
            scores = [row.scores[benchmark] for row in block.rows if benchmark in row.scores]
            unmarked = {score.protocol.replace("EvalPlus, greedy", f"{benchmark}@evalplus") for score in scores}
            marked = {score.protocol for score in scores if "another protocol" in (score.note or "")}
            assert len(unmarked - marked) == 1


def test_one_model_under_two_protocols_has_a_row_for_each_and_loses_no_score(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    place = evaluated(tmp_path / "mine", "small", {"t/1": "pass"})
    (first,) = json.loads((place / "scores.json").read_text())
    others = [{**first, "protocol": name, "pass_at_1": 0.5} for name in ("humaneval@chat", "humaneval@evalplus")]
    write_json([first, *others], place / "scores.json")
    main, evalplus = blocks(read_entries([place]))
    ours = [[row.scores["humaneval"].value for row in b.rows if row.kind == "measured"] for b in (main, evalplus)]
    assert ours == [[100, 50], [50]]


def test_what_sets_a_score_apart_is_in_its_mark(evaluated: Evaluated, tmp_path: Path) -> None:
    changes = {"limit": 2, "temperature": 0.2, "samples": 20, "prompts_cut": 3, "verdicts": {"wrong": 2, "infra": 1}}
    changes["boundary"] = {"checked": 164, "as_trained": 3, "reason": "t/1 ends in 'x'"}
    text = table_text([evaluated(tmp_path, "small", {"t/1": "pass", "t/2": "wrong"}, **changes)])
    assert "50.0 (1.0 to 12.5) [1]" in text
    for words in (
        "not comparable: the first 2 tasks only",
        "sampled at temperature 0.2, 20 a task",
        "3 prompts were cut to fit the model's context",
        "1 of the samples could not",
        "161 of 164 prompts do not end where the model's tokens do: t/1 ends in 'x'",
    ):
        assert words in text


def test_a_score_carries_its_boundary_and_how_samples_ended_and_failed(evaluated: Evaluated, tmp_path: Path) -> None:
    facts = {"boundary": {"checked": 2, "as_trained": 2, "reason": None}, "outcomes": {"ended": 2, "wrong": 1}}
    text = table_text([evaluated(tmp_path, "small", {"t/1": "pass", "t/2": "wrong"}, **facts)], as_json=True)
    row = next(row for row in json.loads(text)["main"] if row["model"] == "small")
    (score,) = row["scores"].values()
    assert {name: score[name] for name in facts} == facts


def test_measured_rows_stand_among_the_baselines_by_size_and_unknown_sizes_last(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    sizes = {"unknown": None, "large": 10**10, "nobody knows": None, "small": 3_100_000}
    places = [evaluated(tmp_path / m, m, {"t/1": "pass"}, model_parameters=size) for m, size in sizes.items()]
    values = json.loads(table_text(places, as_json=True))
    names = ["small", "phi-1", "large", "StarCoder", "WizardCoder", "GPT-3.5", "nobody knows", "unknown"]
    assert [row["model"] for row in values["main"]] == names
    assert values == json.loads(json.dumps(as_values(blocks(read_entries(places)))))


def test_a_model_name_cannot_break_the_table(evaluated: Evaluated, tmp_path: Path) -> None:
    text = table_text([evaluated(tmp_path, "a|b\n| c\x1b[31m", {"t/1": "pass"})])
    (line,) = (line for line in text.splitlines() if "measured" in line)
    assert line.startswith("| a\\|b \\| c\\x1b[31m | 3.1M |")


def test_a_run_shows_its_current_stages_alone(evaluated: Evaluated, example: Path, tmp_path: Path) -> None:
    run = tmp_path / "small"
    shutil.copytree(example, run)
    evaluated(run / "stages" / "score-00000000", "an earlier model", {"t/1": "pass"})
    entries = read_entries([run])
    assert [(e.model, e.source, e.benchmark) for e in entries] == [
        ("model", "small/score", "humaneval"),
        ("model", "small/score", "mbpp"),
    ]


def test_a_place_without_scores_or_with_broken_ones_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither scores\.json nor run\.json"):
        table_text([tmp_path])
    for broken in ("{", "[1]", "3", '[{"model": "m"}]', '{"model": "m"}'):
        (tmp_path / "scores.json").write_text(broken)
        with pytest.raises(UserError, match=r"cannot read .*scores\.json"):
            table_text([tmp_path])
