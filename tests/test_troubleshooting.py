"""docs/troubleshooting.md quotes what the tool prints: each message is in the code, and some are made to come."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.files.shards import read_shard
from curate.recipe import parse
from curate.run.opened import open_run
from curate.run.ray_engine import must_answer
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
MESSAGES = re.findall(r"^> (.+)$", PAGE, flags=re.MULTILINE)
LEAST = 8
"""Letters of a clause that counts."""
QUOTED = 0.6
"""Share of a message, but for names, numbers and paths, that clauses of the code make up."""
VALUES = re.compile(r"'[^']*'|\S*/\S*|\([^)]*\)|\d[\d,.]*|^\w+: ")


@cache
def clauses() -> frozenset[str]:
    """Return the fixed parts of every string in the code, clause by clause. Not while tests are collected: that is done
    in every process."""
    found: set[str] = set()
    for room in ("curate", "filters", "synth", "train", "eval"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= {part.strip() for part in re.split(r"[;:,()'\n`]", node.value)}
    return frozenset(part for part in found if len(part) >= LEAST)


def quoted(message: str) -> float:
    """Return the share of a message, values aside, that clauses of the code make up."""
    fixed = [part.strip() for part in re.split(r"[;:,()'`]", VALUES.sub(";", message))]
    fixed = [part for part in fixed if len(part) >= LEAST]
    held = sum(max((len(clause) for clause in clauses() if clause in part), default=0) for part in fixed)
    return held / max(1, sum(map(len, fixed)))


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_that_is_quoted_is_in_the_code(message: str) -> None:
    assert quoted(message) >= QUOTED, (message, quoted(message))


def test_a_message_that_nobody_prints_would_be_noticed() -> None:
    for invented in (
        "the corpus is too small for that, so please feed it more and try again",
        "quality: this threshold was not understood; consult the manual",
        "code: download of 'x.py' was aborted by the remote host; wait some minutes",
    ):
        assert quoted(invented) < QUOTED, invented


def written(start: str) -> str:
    """Return the message of the page that begins so."""
    (message,) = [message for message in MESSAGES if message.startswith(start)]
    return message


def said(tmp_path: Path, stages: dict[str, Any], **sections: Any) -> str:
    """Return what checking a recipe says."""
    value: dict[str, Any] = {"name": "mine", "sources": {"code": {"installed": True, "limit": 20}}, "stages": stages}
    with pytest.raises(UserError) as error:
        open_run(parse({**value, **sections}), tmp_path)
    return str(error.value)


def test_some_of_them_come_as_they_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(tmp_path, {"quality": {"use": "filter.quality", "kep": 0.3}}) == written("stages.quality: unknown key")
    clean = {"clean": {"use": "dedup.exact"}, "score": {"use": "eval.code", "tasks": ["humaneval"]}}
    assert said(tmp_path, clean) == written("stages.score: eval.code reads a model")
    graded = {"labels": {"use": "filter.rubric"}, "quality": {"use": "filter.quality"}}
    assert said(tmp_path, graded) == written("quality: filter.quality needs at least 50")
    (tmp_path / "src").mkdir()
    for name in "abc":
        (tmp_path / "src" / f"{name}.ipynb").write_text("{}")
    assert said(tmp_path, {}, sources={"code": {"folder": "src"}}).startswith(written("code: no file below 'src'"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    teacher = {"backend": "openai", "model": "gpt-4o-mini", "base_url": "http://127.0.0.1:9/v1"}
    asking = {"labels": {"use": "filter.annotate", "model": "teacher"}}
    refused = said(tmp_path, asking, models={"teacher": teacher})
    assert "base_url 'http://127.0.0.1:9/v1' (127.0.0.1:9: Connection refused); start the server" in refused
    cut = tmp_path / "runs/mine/stages/exact-0123456789ab/kept/000000.parquet"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"PAR1 and no more of it")
    with pytest.raises(UserError) as error:
        read_shard(cut.relative_to(tmp_path))
    assert str(error.value).startswith(written("cannot read shard").partition(": ")[0])
    with pytest.raises(UserError, match=r"no Ray cluster at '127\.0\.0\.1:9' \(.*; start it"):
        must_answer("127.0.0.1:9")
