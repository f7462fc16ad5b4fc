"""A finished stage is its receipts: what is missing, cut or changed on disk is made again, and never read over."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dedup.minhash import MinHash
from curate.errors import UserError
from curate.recipe import load
from curate.records.status import status
from curate.run.opened import Run, open_run
from curate.run.plan import render_plan
from curate.run.runner import execute
from curate.terminal.screen import Silent
from tests.conftest import shard_digests

STAGES = {"exact": {"use": "dedup.exact"}, "near": {"use": "dedup.minhash"}, "rules": {"use": "filter.signals"}}


class Listener(Silent):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.worked: list[str] = []

    def news(self, line: str) -> None:
        self.lines.append(line)

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        self.worked += [stage] * (total - done) * (phase == "")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("standing")
    (place / "code").mkdir()
    for n in range(12):
        body = f"def f{n}(x):\n    return x + {n}\n" if n % 4 else "x = 1\n"
        (place / "code" / f"{n:02}.py").write_text(body)
    recipe = {
        "name": "r",
        "seed": 1,
        "sources": {"code": {"folder": str(place / "code"), "shard_rows": 3}},
        "stages": STAGES,
    }
    (place / "r.yaml").write_text(json.dumps(recipe))
    again(place)
    return place


def opened(place: Path) -> Run:
    return open_run(load(place / "r.yaml"), place)


def again(place: Path, *, verify: bool = False) -> Listener:
    listener = Listener()
    execute(opened(place), listener, workers=1, verify=verify)
    return listener


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original / "r", tmp_path / "r")
    shutil.copy(original / "r.yaml", tmp_path)
    return tmp_path


def one(place: Path, pattern: str) -> Path:
    return min((place / "r").glob(f"stages/{pattern}"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flip(path: Path) -> None:
    """Change one byte of a shard's data."""
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(content)


def fewer(path: Path) -> None:
    """Put a good file with fewer rows there."""
    pq.write_table(pq.ParquetFile(path).read().slice(1), path, compression="zstd", write_statistics=False)


def tear(path: Path) -> None:
    path.write_text(path.read_text()[: path.stat().st_size // 2])


def foreign(path: Path) -> None:
    path.write_text('{"hello": [1, 2]}\n')


def no_json(path: Path) -> None:
    path.write_bytes(b"\x00\xff\xfe not JSON")


DAMAGES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "a kept shard is missing": ("exact-*/kept/*.parquet", Path.unlink, "is missing"),
    "a kept shard of the source is missing": ("code-*/kept/*.parquet", Path.unlink, "is missing"),
    "all kept shards are missing": ("near-*/kept", shutil.rmtree, "4 of 4 shards"),
    "a kept shard is cut": ("exact-*/kept/*.parquet", cut, "bytes instead of"),
    "a kept shard is empty": ("exact-*/kept/*.parquet", lambda path: path.write_bytes(b""), "0 bytes instead of"),
    "a kept shard has fewer rows": ("code-*/kept/*.parquet", fewer, "instead of"),
    "a dropped shard is missing": ("rules-*/dropped/*.parquet", Path.unlink, "is missing"),
    "a receipt is torn": ("near-*/done/*.json", tear, "cannot read"),
    "a receipt is another thing": ("near-*/done/*.json", foreign, "cannot read"),
    "a receipt is no text": ("near-*/done/*.json", no_json, "cannot read"),
    "a receipt is a list": ("near-*/done/*.json", lambda path: path.write_text("[]"), "cannot read"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again_and_said(damage: str, place: Path, original: Path) -> None:
    pattern, spoil, line = DAMAGES[damage]
    spoil(one(place, pattern))
    stage = pattern.partition("-")[0]
    assert "will mend" in render_plan(opened(place), wide=True)
    told = again(place)
    assert [
        text for text in told.lines if text.startswith(f"{stage}: damaged on disk and made again:") and line in text
    ]
    assert set(told.worked) == {stage}, "the other stages are as they were"
    assert shard_digests(place / "r") == shard_digests(original / "r")
    for path in (original / "r").glob("stages/*/*/*.parquet"):
        assert (place / "r" / path.relative_to(original / "r")).read_bytes() == path.read_bytes()
    assert again(place).lines == []


def test_a_receipt_that_is_missing_is_made_again(place: Path, original: Path) -> None:
    one(place, "exact-*/done/*.json").unlink()
    assert again(place).worked == ["exact"]
    assert shard_digests(place / "r") == shard_digests(original / "r")


@pytest.mark.parametrize("spoil", [tear, foreign, no_json, Path.unlink])
def test_a_stages_record_that_is_damaged_is_written_anew_from_its_receipts(
    spoil: Callable[[Path], Any], place: Path, original: Path
) -> None:
    record = one(place, "near-*/stage.json")
    spoil(record)
    assert "continue" in render_plan(opened(place), wide=True) or "will run" in render_plan(opened(place), wide=True)
    assert again(place).worked == []
    assert json.loads(record.read_text())["state"] == "done"
    assert status(place / "r")["stages"][2]["rows_in"] == status(original / "r")["stages"][2]["rows_in"]


def test_the_record_of_another_stage_is_not_taken_for_its_own(place: Path) -> None:
    shutil.copy(one(place, "exact-*/stage.json"), one(place, "near-*/stage.json"))
    with pytest.raises(UserError, match="it is that of another stage, 'exact'"):
        status(place / "r")
    again(place)
    assert json.loads(one(place, "near-*/stage.json").read_text())["name"] == "near"


def test_a_changed_byte_is_found_where_digests_are_compared(place: Path, original: Path) -> None:
    shard = one(place, "exact-*/kept/*.parquet")
    flip(shard)
    assert again(place).lines == [], "sizes and rows are as they were"
    told = again(place, verify=True)
    assert "has other bytes than its receipt says" in told.lines[0]
    assert shard.read_bytes() == one(original, "exact-*/kept/*.parquet").read_bytes()
    assert again(place, verify=True).lines == []


@pytest.mark.parametrize("spoil", [tear, foreign, no_json])
@pytest.mark.parametrize("what", ["done.json", "drops.parquet"])
def test_a_plan_that_is_damaged_is_made_again_where_it_is_needed(
    what: str, spoil: Callable[[Path], Any], place: Path, original: Path
) -> None:
    plan = one(place, "near-*/plan")
    if what == "done.json":
        spoil(plan / what)
    else:
        (plan / what).write_bytes(b"PAR1")
    one(place, "near-*/kept/*.parquet").unlink()
    min((plan / "sketches").glob("*.parquet")).write_bytes(b"")
    told = again(place)
    assert any(f"plan/{what}" in line for line in told.lines)
    assert shard_digests(place / "r") == shard_digests(original / "r")


def test_a_kept_file_without_a_receipt_is_refused_by_name(place: Path) -> None:
    stray = one(place, "exact-*/kept") / "copy.parquet"
    pq.write_table(pa.table({"id": ["x"], "text": ["x"], "source": ["x"]}), stray)
    with pytest.raises(UserError, match=rf"{stray} is none of the stage's shards"):
        again(place)


def test_status_says_in_one_line_what_it_cannot_read(place: Path) -> None:
    tear(one(place, "exact-*/done/*.json"))
    with pytest.raises(UserError, match=r"cannot read .*done/000000\.json: .*run the recipe again"):
        status(place / "r")


def test_a_damaged_stage_of_an_earlier_run_is_refused_with_its_name(place: Path) -> None:
    one(place, "rules-*/kept/*.parquet").unlink()
    with pytest.raises(UserError, match=r"against: '.*r/rules' is damaged: 1 of 4 shards .*run its recipe again"):
        MinHash(against=[str(place / "r" / "rules")]).check({})
