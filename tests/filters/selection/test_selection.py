"""select.diverse and select.target, each run as the runner would."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import documents, read_shard, write_shard
from curate.filters.selection.diverse import Diverse, place_in_cluster, share_out
from curate.filters.selection.target import Target
from curate.stage import Context

KINDS = {
    "loops": ["for", "in", "range", "total", "+=", "item"],
    "files": ["open", "read", "path", "close", "write", "mode"],
    "numbers": ["sqrt", "sin", "cos", "pi", "mean", "sum"],
}


def text(kind: str, random: Random) -> str:
    return " ".join(random.choices(KINDS[kind], k=40)) + "\n"


def corpus(sizes: dict[str, int]) -> list[dict[str, object]]:
    random = Random(3)
    rows = [
        {"id": f"{kind}{n}", "text": text(kind, random), "source": "t", "kind": kind, "value": float(n)}
        for kind, size in sizes.items()
        for n in range(size)
    ]
    random.shuffle(rows)
    return rows


def work(
    stage: Diverse | Target, rows: list[dict[str, object]], directory: Path, size: int = 70
) -> tuple[pa.Table, pa.Table, dict[str, float]]:
    context = Context("select", 17, directory / "select", {"code": directory / "code"})
    for start in range(0, max(len(rows), 1), size):
        write_shard(documents(rows[start : start + size]), directory / "code" / "kept" / f"{start:04}.parquet")
    for path in context.shards():
        write_shard(stage.sketch(read_shard(path), context), context.plan / "sketches" / path.name)
    figures = stage.plan(context, lambda function, items: list(map(function, items)))
    halves = [stage.judge(table, context).split(table) for table in map(read_shard, context.shards())]
    kept, dropped = zip(*halves, strict=True)
    return pa.concat_tables(kept), pa.concat_tables(dropped), figures


def test_a_coreset_takes_as_many_of_a_small_group_as_of_a_large_one(tmp_path: Path) -> None:
    rows = corpus({"loops": 240, "files": 40, "numbers": 20})
    kept, dropped, figures = work(Diverse(keep=0.2, clusters=3), rows, tmp_path)
    assert Counter(kept["kind"].to_pylist()) == {"loops": 20, "files": 20, "numbers": 20}
    assert (dropped.num_rows, set(dropped["reason"].to_pylist())) == (240, {"cluster full"})
    assert min(dropped["score"].to_pylist()) == 21
    assert figures == {"documents": 300, "clusters": 3, "largest": 240}
    assert len(set(zip(kept["kind"].to_pylist(), kept["cluster"].to_pylist(), strict=True))) == 3


def test_within_a_cluster_the_preferred_stay(tmp_path: Path) -> None:
    kept, _, _ = work(Diverse(keep=0.25, clusters=2, prefer="value"), corpus({"loops": 60, "files": 60}), tmp_path)
    assert sorted(kept["value"].to_pylist()) == sorted([float(n) for n in range(45, 60)] * 2)


@pytest.mark.parametrize("kind", ["diverse", "target"])
def test_the_same_documents_are_selected_for_any_cut_into_shards(kind: str, tmp_path: Path) -> None:
    rows = corpus({"loops": 150, "files": 50})
    target = write_target(tmp_path / "target.jsonl", "files", 40)
    stage = Diverse(keep=0.3) if kind == "diverse" else Target(keep=0.3, target=target)
    one, other = (work(stage, rows, tmp_path / str(size), size)[0] for size in (70, 33))
    assert sorted(one["id"].to_pylist()) == sorted(other["id"].to_pylist())
    assert one.num_rows == 60


def write_target(path: Path, kind: str, count: int) -> str:
    random = Random(9)
    path.write_text("".join(json.dumps({"text": text(kind, random)}) + "\n" for _ in range(count)))
    return str(path)


def test_what_resembles_the_target_is_drawn(tmp_path: Path) -> None:
    stage = Target(keep=0.2, target=write_target(tmp_path / "target.jsonl", "files", 40))
    stage.check({})
    kept, dropped, _ = work(stage, corpus({"loops": 100, "files": 50, "numbers": 100}), tmp_path)
    assert Counter(kept["kind"].to_pylist()) == {"files": 50}
    assert set(dropped["reason"].to_pylist()) == {"unlike the target"}
    assert max(dropped["score"].to_pylist()) < min(kept["target_weight"].to_pylist())


def test_a_shorter_length_makes_the_draw_freer(tmp_path: Path) -> None:
    target = write_target(tmp_path / "target.jsonl", "files", 40)
    rows = corpus({"loops": 100, "files": 100})
    counts = [
        Counter(work(Target(keep=0.5, target=target, length=n), rows, tmp_path / str(n))[0]["kind"].to_pylist())
        for n in (100, 1, 0.01)
    ]
    assert counts[0]["files"] == 100 > counts[1]["files"] > counts[2]["files"] > 30


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.floats(0.01, 1))
def test_places_are_shared_out_in_full_and_evenly(sizes: list[int], keep: float) -> None:
    there = np.array(sizes, np.int64)
    wanted = int(keep * there.sum())
    quotas = share_out(there, wanted)
    assert quotas.sum() == wanted
    assert (quotas <= there).all()
    open_clusters = quotas[quotas < there]
    assert not len(open_clusters) or quotas.max() - open_clusters.min() <= 1


@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.just(np.nan), st.floats(-5, 5))), min_size=1, max_size=40))
def test_places_in_a_cluster_count_from_the_highest_value(pairs: list[tuple[int, float]]) -> None:
    clusters, values = np.array([c for c, _ in pairs]), np.array([v for _, v in pairs])
    places = place_in_cluster(clusters, values, np.arange(len(pairs)))
    for number in set(clusters.tolist()):
        inside = np.flatnonzero(clusters == number)
        in_order = inside[np.argsort(places[inside])]
        assert sorted(places[inside].tolist()) == list(range(len(inside)))
        ranked = np.nan_to_num(values[in_order], nan=-np.inf)
        assert all(a >= b for a, b in pairwise(ranked))


@pytest.mark.parametrize(
    ("stage", "rows", "words"),
    [
        (Diverse(), [], "no documents"),
        (Diverse(prefer="valu"), corpus({"loops": 5}), "no such column"),
        (Diverse(prefer="kind"), corpus({"loops": 5}), "no column of numbers"),
    ],
)
def test_mistakes_are_one_line(stage: Diverse, rows: list[dict[str, object]], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as mistake:
        work(stage, rows, tmp_path)
    assert "\n" not in str(mistake.value)


def test_a_target_of_a_few_documents_is_refused(tmp_path: Path) -> None:
    target = write_target(tmp_path / "target.jsonl", "files", 5)
    with pytest.raises(UserError, match="only 5 documents in `target`"):
        work(Target(target=target), corpus({"loops": 20}), tmp_path)
    with pytest.raises(UserError, match="no documents to choose from"):
        work(Target(target=target), [], tmp_path / "empty")


def test_equal_documents_and_empty_ones_are_selected_too(tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "text": "" if n % 2 else "x = 1\n", "source": "t"} for n in range(40)]
    kept, dropped, _ = work(Diverse(keep=0.5), rows, tmp_path)
    assert (kept.num_rows, dropped.num_rows) == (20, 20)
