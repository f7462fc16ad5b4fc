"""`curate show` and `curate trace`: documents and their lives."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.report.documents.browse import cut_of, show, trace
from curate.report.documents.showing import render_rows, render_trace
from curate.terminal.display import UNSAFE, printable


def fates(steps: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(step["stage"], step["fate"]) for step in steps]


def test_show_returns_the_first_kept_documents(example: Path) -> None:
    rows = show(example, "code", count=3)
    assert [row["id"] for row in rows] == ["code/000", "code/001", "code/002"]
    assert rows[0]["path"] == "pkg/module_0.py"


def test_show_reads_on_into_the_next_shard(example: Path) -> None:
    assert len(show(example, "code", count=1000)) == 240


def test_dropped_rows_carry_their_reason_and_evidence(example: Path) -> None:
    rows = show(example, "minhash", dropped=True, count=100)
    assert len(rows) == 30
    assert all(row["reason"] == "near_duplicate" and row["survivor"] and row["similarity"] == 0.93 for row in rows)


def test_a_reason_selects_among_the_dropped(example: Path) -> None:
    rows = show(example, "heuristics", reason="no_parse", count=100)
    assert rows and {row["reason"] for row in rows} == {"no_parse"}


def test_an_unknown_reason_is_answered_with_the_nearest(example: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'no_parse'"):
        show(example, "heuristics", reason="noparse")


def test_a_condition_in_sql_selects_rows_of_all_shards(example: Path) -> None:
    rows = show(example, "quality", where="quality > 0.9 -- the best", count=100)
    best = [row for row in show(example, "quality", count=1000) if row["quality"] > 0.9]
    assert rows == best and len(best) > 3


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("qualty > 1", "qualty"),
        ("quality >", "Parser Error"),
        ("quality = (SELECT count(*) FROM read_text('/etc/passwd'))", "file system operations are disabled"),
        ("1 = 1); COPY documents TO 'stolen.csv'; --", "--where"),
        ("1 = 1); SET enable_external_access = true; --", "--where"),
        ("EXISTS (SELECT * FROM table_of_the_caller)", "table_of_the_caller"),
    ],
)
def test_a_condition_that_fails_or_reaches_outside_is_one_line(
    where: str, words: str, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words) as caught:
        show(example, "quality", where=where)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_stage_without_documents_says_so(example: Path, writer: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"train\.lm.*no kept documents"):
        show(example, "model")
    with pytest.raises(UserError, match="no kept documents"):
        show(writer().directory, "code")
    with pytest.raises(UserError, match="did you mean 'quality'"):
        show(example, "qualiti")
    with pytest.raises(UserError, match="no run"):
        show(example / "stages", "code")


def test_values_that_json_cannot_hold_are_made_plain(writer: Callable[..., Any]) -> None:
    run = writer()
    odd = {"score": float("nan"), "raw": b"\xff", "tags": [1, float("inf")]}
    run.shard("code", "0000", [{"id": "a", "text": "x", "source": "s", **odd}])
    run.finish("code")
    (row,) = show(run.directory, "code")
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["score"] is None and row["tags"] == [1, None]


def test_a_document_is_followed_from_its_source_to_the_training(example: Path) -> None:
    steps = trace(example, "code/001")
    kept = [(name, "kept") for name in ("exact", "minhash", "heuristics", "quality", "clean")]
    assert fates(steps) == [("code", "read"), *kept, ("seeds", "used"), ("model", "used")]
    assert steps[0]["gained"]["license"] == "MIT"
    assert list(steps[4]["gained"]) == ["quality"]
    assert steps[6]["made_ids"] == ["seeds/1"]


def test_a_survivor_names_the_duplicates_it_stands_for(example: Path) -> None:
    minhash = next(step for step in trace(example, "code/081") if step["stage"] == "minhash")
    dropped = [r["id"] for r in show(example, "minhash", where="survivor = 'code/081'", dropped=True, count=99)]
    assert minhash["absorbed"] == len(dropped) == 10
    assert minhash["absorbed_ids"] == dropped


def test_a_duplicate_ends_where_it_was_dropped_and_names_its_survivor(example: Path) -> None:
    last = trace(example, "code/006")[-1]
    assert (last["stage"], last["fate"], last["reason"]) == ("minhash", "dropped", "near_duplicate")
    assert last["evidence"] == {"similarity": 0.93, "survivor": "code/001"}
    assert last["gained"] == {}


def test_a_low_scored_document_shows_the_score_that_dropped_it(example: Path) -> None:
    gone = show(example, "quality", dropped=True, count=1)[0]
    last = trace(example, gone["id"])[-1]
    assert (last["reason"], last["gained"]) == ("low_quality", {"quality": gone["quality"]})


def test_a_made_document_starts_with_the_life_of_what_it_was_made_from(example: Path) -> None:
    steps = trace(example, "exercises/1")
    assert list(dict.fromkeys(step["document"] for step in steps)) == ["code/001", "seeds/1", "exercises/1"]
    made = next(step for step in steps if step["fate"] == "made" and step["stage"] == "exercises")
    assert [call["request"]["id"] for call in made["calls"]] == ["seeds/1/0", "seeds/1/1"]
    assert steps[-1]["stage"] == "model"


def test_a_rejected_attempt_can_be_traced_to_its_reason(example: Path) -> None:
    last = trace(example, "exercises/7")[-1]
    assert (last["fate"], last["reason"]) == ("dropped", "no_majority")
    assert len(last["calls"]) == 2


def test_a_trace_is_plain_json(example: Path) -> None:
    steps = trace(example, "exercises/1")
    assert json.loads(json.dumps(steps, allow_nan=False)) == steps


@pytest.mark.parametrize(("wrong", "words"), [("code/01", "'code/010'"), ("cod/123", "'code/123'"), ("?", "ids")])
def test_an_unknown_id_is_answered_with_the_nearest(wrong: str, words: str, example: Path) -> None:
    with pytest.raises(UserError, match=words):
        trace(example, wrong)


def test_documents_that_name_each_other_as_seeds_do_not_loop(writer: Callable[..., Any]) -> None:
    run = writer({"one": ("synth.seeds", []), "two": ("synth.seeds", [])})
    for name, identity, seed in (("one", "a", "b"), ("two", "b", "a")):
        run.shard(name, "0", [{"id": identity, "text": "x", "source": "s", "seed_id": seed}])
        run.finish(name)
    assert [step["document"] for step in trace(run.directory, "a")] == ["b", "a"]


def test_what_the_terminal_gets_has_no_control_characters_of_documents(example: Path) -> None:
    shown = render_rows(show(example, "code", where="id = 'code/002'")) + render_trace(trace(example, "code/002"))
    assert "\\x1b[31mred\\x07" in shown and "\\u202e" in shown
    assert not UNSAFE.search(shown)


def test_long_texts_are_cut_in_the_terminal_and_say_by_how_much() -> None:
    text = "".join(f"line_{n} = {n}\n" for n in range(500))
    shown = render_rows([{"id": "a", "text": text, "source": "s"}])
    assert "line_59 " in shown and "line_60 " not in shown and "440 more lines" in shown


@given(st.text())
def test_printable_text_is_safe_and_keeps_everything_else(text: str) -> None:
    safe = printable(text)
    assert not UNSAFE.search(safe)
    assert printable(safe) == safe
    if not UNSAFE.search(text):
        assert safe == text


def test_a_dropped_row_says_its_reason_and_value_and_the_cut_after_the_text(example: Path) -> None:
    for stage, line in (
        ("quality", r"dropped: low_quality$"),
        ("minhash", r"dropped: near_duplicate  similarity 0\.93, above the cut at 0\.8$"),
        ("heuristics", r"dropped: \w+  score 1,000$"),
    ):
        shown = render_rows(show(example, stage, dropped=True, count=1), cut=cut_of(example, stage))
        assert re.search(line, shown, re.MULTILINE), shown
        assert shown.index("def area_") < shown.index("dropped: ") < shown.index("path: ")
    row = {"id": "a", "text": "x", "reason": "low quality", "score": 0.12}
    assert "score 0.12, below the cut at 0.5" in render_rows([row], cut=cut_of(example, "quality"))
    broken = {**row, "reason": "line too long", "signal": "signal_max_line_length", "score": 1523.0, "cut": 1000.0}
    assert "signal_max_line_length 1,523, above the cut at 1,000" in render_rows([broken], cut=0.5)


def test_signals_are_shown_on_request_alone() -> None:
    row = {"id": "a", "text": "x", "source": "s", "signal_bytes": 9.5, "signal_lines": 2.5, "signals_version": 3}
    shown = render_rows([row])
    assert "signal_bytes" not in shown and "3 signal columns are not shown" in shown
    one = render_rows([row], ["signal_bytes"])
    assert "signal_bytes: 9.5" in one and "signal_lines: " not in one
    whole = render_rows([row], ["all"])
    assert "signal_lines: 2.5" in whole and "not shown" not in whole
    with pytest.raises(UserError, match="did you mean 'signal_bytes'"):
        render_rows([row], ["signal_byte"])


def test_a_document_of_one_endless_line_is_cut_too() -> None:
    shown = render_rows([{"id": "a", "text": "x = 1; " * 700_000, "source": "s"}])
    assert len(shown) < 2_000
    assert "4,899,200 more characters" in shown
