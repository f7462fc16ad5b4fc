"""What a model wrote, kept without the questions, is judged again to the same figures."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.eval.again import keep_answers, score_again
from curate.eval.code import evaluate
from curate.llm import ModelSpec
from tests.eval.test_code import Script, rows, script

__all__ = ["script"]

SAME = ("benchmark", "protocol", "protocol_version", "data_sha256", "prompts_sha256", "n_tasks", "pass_at_1", "low",
        "high", "standard_error", "pass_at_k", "verdicts", "outcomes", "ceiling")  # fmt: skip


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("benchmark", "protocol", "samples"),
    [("humaneval", "humaneval@completion", 2), ("mbpp", "mbpp@doc-500", 1), ("mbpp", "mbpp@3shot-500", 1)],
)
def test_kept_answers_give_the_row_that_they_gave(
    made_up: Path, script: Script, tmp_path: Path, benchmark: str, protocol: str, samples: int
) -> None:
    evaluate(ModelSpec(backend="openai", model="m"), [protocol], tmp_path / "first", samples=samples)
    kept = tmp_path / "kept.jsonl.gz"
    count = keep_answers(tmp_path / "first" / "m" / f"{protocol}.samples.jsonl", kept, packed)
    assert count == len(script.requests)
    assert "def f" not in gzip.decompress(kept.read_bytes()).decode(), "prompts are not kept"
    score_again(kept, benchmark, protocol, tmp_path / "again.jsonl")
    [again] = json.loads((tmp_path / "again.scores.json").read_text())
    first = rows(tmp_path / "first")[benchmark]
    assert {name: again[name] for name in SAME} == {name: first[name] for name in SAME}
    verdicts = [[json.loads(line)["verdict"] for line in file.open()] for file in
                (tmp_path / "again.jsonl", tmp_path / "first" / str(first["results"]))]  # fmt: skip
    assert verdicts[0] == verdicts[1]


def answers(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        (answers({"task_id": "x", "raw": ""}), ("humaneval", "humaneval@completion"), "line 1: .*an unknown task"),
        (answers({"task_id": "HumanEval/0"}), ("humaneval", "humaneval@completion"), "line 1: .*no `raw` text"),
        (answers(*[{"task_id": "HumanEval/0", "index": 0, "raw": ""}] * 2), ("humaneval", "completion"), "there twice"),
        (answers({"task_id": "HumanEval/0", "raw": ""}), ("humaneval", "humaneval@completion"), "no answer to"),
        ("", ("humaneval", "mbpp@doc-500"), "it asks mbpp, and --tasks names humaneval"),
        ("", ("humaneval", "humaneval@evalplus-chat"), "answers in chats cannot be scored again"),
    ],
)
def test_answers_that_cannot_be_judged_are_one_line(
    made_up: Path, tmp_path: Path, text: str, options: tuple[str, str], line: str
) -> None:
    (tmp_path / "kept.jsonl").write_text(text)
    with pytest.raises(UserError, match=line):
        score_again(tmp_path / "kept.jsonl", *options, tmp_path / "out.jsonl")
