"""Rows: every token of every document lies in exactly one row a pass, and rows begin where documents do."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.train.corpus.mix import Phase, Upsample, quantiles, weights
from curate.train.corpus.packing import Corpus, tokenise
from curate.train.corpus.rows import Rows, held_out_rows, training_rows
from curate.train.corpus.tokenizer import encode, train_tokenizer
from curate.train.corpus.visits import visits

TOKENIZER = train_tokenizer(["def f(x):\n    return x\n"], 260)
END, PAD = TOKENIZER.eos_token_id, TOKENIZER.pad_token_id


def write(folder: Path, texts: list[str], shards: int, **columns: list[Any]) -> list[Path]:
    paths = []
    for number in range(shards):
        rows = [
            {"id": f"{folder.name}{n}", "text": texts[n], "source": "s", **{k: v[n] for k, v in columns.items()}}
            for n in range(number, len(texts), shards)
        ]
        paths.append(folder / f"{number}.parquet")
        write_shard(documents(rows), paths[-1])
    return paths


def corpus_of(folder: Path, inputs: dict[str, list[Path]], **changes: Any) -> Corpus:
    options = {"held_out": 0.2, "seed": 3, "report": lambda done, total: None} | changes
    return tokenise(inputs, TOKENIZER, folder, **options)


def once(corpus: Corpus, row: int) -> Rows:
    """Rows of a pass over the corpus, and what fills the last batch of one row."""
    total = float(corpus.train["length"].sum())
    share = [Phase(total, tuple(1.0 for _ in corpus.inputs))]
    return training_rows(corpus, np.ones(len(corpus.train)), share, None, 1, row, PAD, 3)


def whole_documents(rows: Rows) -> list[list[int]]:
    """Undo packing: the pieces of each document put together again, end tokens removed."""
    found: dict[int, dict[int, list[int]]] = {}
    ids = rows.read(0, len(rows))
    for row in range(len(rows)):
        place = 0
        for document, start, length in rows.segments[rows.starts[row] : rows.starts[row + 1]].tolist():
            found.setdefault(document, {})[start] = ids[row, place : place + length].tolist()
            place += length
        assert (ids[row, place:] == PAD).all()
    texts = [[token for start in sorted(pieces) for token in pieces[start]] for pieces in found.values()]
    assert all(text[-1] == END for text in texts)
    return [text[:-1] for text in texts]


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text(min_size=1, max_size=60), min_size=12, max_size=40),
    shards=st.integers(1, 4),
    row=st.integers(2, 12),
)
def test_every_token_of_every_document_lies_in_exactly_one_split_and_row(
    texts: list[str], shards: int, row: int
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        corpus = corpus_of(folder / "t", {"a": write(folder / "in", texts, shards)})
        rows, held_out = once(corpus, row), held_out_rows(corpus, row, PAD)
        found = whole_documents(rows) + whole_documents(held_out)
        tokens = rows.filled(0, len(rows)) + held_out.filled(0, len(held_out))
    assert sorted(found) == sorted(encode(TOKENIZER, texts))
    assert tokens == sum(map(len, found)) + len(texts)
    assert rows.predicted(0, len(rows)) == rows.filled(0, len(rows)) - len(rows)


def test_a_row_begins_at_a_document_unless_it_holds_only_later_pieces(tmp_path: Path) -> None:
    texts = ["x = 1\n" * n for n in range(1, 120)]
    rows = once(corpus_of(tmp_path / "t", {"a": write(tmp_path / "in", texts, 2)}), 64)
    for row in range(len(rows)):
        starts = rows.segments["start"][rows.starts[row] : rows.starts[row + 1]]
        assert starts[0] == 0 or (starts > 0).all()
    assert 1 - rows.filled(0, len(rows)) / (64 * len(rows)) < 0.05


def test_the_rows_do_not_depend_on_how_the_documents_lie_in_shards(tmp_path: Path) -> None:
    texts = [f"x = {n}\n" * 5 for n in range(60)]
    one, four = (corpus_of(tmp_path / str(n), {"a": write(tmp_path / f"s{n}" / "in", texts, n)}) for n in (1, 4))
    assert (once(one, 16).read(0, 20) == once(four, 16).read(0, 20)).all()
    assert (held_out_rows(one, 16, PAD).read(0, 3) == held_out_rows(four, 16, PAD).read(0, 3)).all()


def test_another_seed_gives_another_order_and_another_split(tmp_path: Path) -> None:
    paths = write(tmp_path / "in", [f"x = {n}\n" * 5 for n in range(60)], 1)
    one, two = corpus_of(tmp_path / "one", {"a": paths}), corpus_of(tmp_path / "two", {"a": paths}, seed=4)
    assert once(one, 16).read(0, 20).tolist() != once(two, 16).read(0, 20).tolist()
    assert sorted(whole_documents(held_out_rows(one, 16, PAD))) != sorted(whole_documents(held_out_rows(two, 16, PAD)))


def test_about_the_asked_share_is_held_out_and_never_nothing(tmp_path: Path) -> None:
    paths = write(tmp_path / "in", [f"number = {n}\n" for n in range(500)], 2)
    assert 70 < len(corpus_of(tmp_path / "fifth", {"a": paths}).held_out) < 130
    assert len(corpus_of(tmp_path / "little", {"a": paths}, held_out=1e-9).held_out) == 1


def test_stopped_tokenising_goes_on_and_gives_the_same_rows(tmp_path: Path) -> None:
    paths = write(tmp_path / "in", [f"x = {n}\n" * 5 for n in range(60)], 3)
    whole = once(corpus_of(tmp_path / "whole", {"a": paths}), 16)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus_of(tmp_path / "again", {"a": paths}, report=stop)
    assert len(list((tmp_path / "again").glob("*.index.npy"))) == 2
    again = once(corpus_of(tmp_path / "again", {"a": paths}), 16)
    assert (again.read(0, len(again)) == whole.read(0, len(whole))).all()


def test_fewer_than_two_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the corpus has 0 documents"):
        corpus_of(tmp_path / "none", {"a": write(tmp_path / "b", [], 1)})


def two_inputs(folder: Path) -> Corpus:
    big = write(folder / "big", [f"value_{n} = {n}\n" * 4 for n in range(80)], 2)
    small = write(folder / "small", [f"f({n})\n" for n in range(20)], 1)
    return corpus_of(folder / "t", {"big": big, "small": small})


def seen_by_pass(corpus: Corpus, epochs: float, place: int) -> list[int]:
    which, _ = visits(corpus, np.ones(len(corpus.train)), [Phase(1000.0, (epochs, epochs))], 0.0)
    return [n for n in which.tolist() if corpus.train["input"][n] == place]


def test_each_pass_shows_every_document_once_in_a_new_order(tmp_path: Path) -> None:
    corpus = two_inputs(tmp_path)
    for place in (0, 1):
        seen = seen_by_pass(corpus, 3.0, place)
        count = len(seen) // 3
        turns = [seen[:count], seen[count : 2 * count], seen[2 * count :]]
        assert sorted(turns[0]) == sorted(turns[1]) == sorted(turns[2]) == sorted(set(seen))
        assert turns[0] != turns[1] != turns[2]


def test_half_a_pass_more_shows_about_half_the_documents_once_more(tmp_path: Path) -> None:
    counts = np.bincount(seen_by_pass(two_inputs(tmp_path), 2.5, 0))
    counts = counts[counts > 0]
    assert set(counts.tolist()) == {2, 3}
    assert 0.25 < (counts == 3).mean() < 0.75


def test_the_next_phase_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    corpus = two_inputs(tmp_path)
    ones = np.ones(len(corpus.train))
    halves, _ = visits(corpus, ones, [Phase(50.0, (0.5, 0.0)), Phase(50.0, (0.5, 1.0))], 0.0)
    assert sorted(halves.tolist()) == list(range(len(corpus.train)))


def test_documents_of_a_higher_quantile_are_seen_more_often_and_an_epoch_stays_as_long(tmp_path: Path) -> None:
    texts = [f"value_{n} = {n}\n" * (1 + n % 5) for n in range(200)]
    scores = [n / 200 if n % 10 else None for n in range(200)]
    paths = write(tmp_path / "in", texts, 2, quality=scores)
    corpus = corpus_of(tmp_path / "t", {"a": paths}, score={"a": "quality"}, held_out=1e-9)
    weight = weights(corpus, {"a": Upsample(by="quality", drop=0.25, power=2)})
    length = corpus.train["length"]
    assert (weight * length).sum() / length.sum() == pytest.approx(1.0)
    quantile = quantiles(corpus.train["score"], length.astype(float))
    assert (weight[quantile < 0.25] == 0).all()
    order = np.argsort(quantile)
    assert (np.diff(weight[order]) >= 0).all()
    which, _ = visits(corpus, weight, [Phase(1000.0, (6.0,))], 0.0)
    counts = np.bincount(which, minlength=len(weight))
    assert np.abs(counts - 6 * weight).max() < 1
    assert (length[which]).sum() / length.sum() == pytest.approx(6.0, rel=0.05)


def test_a_score_column_that_is_not_there_is_named_with_its_nearest(tmp_path: Path) -> None:
    paths = write(tmp_path / "in", ["x", "y"], 1, quality=[0.1, 0.2])
    with pytest.raises(UserError, match="'a' have no column 'qualty'; did you mean 'quality'"):
        corpus_of(tmp_path / "t", {"a": paths}, score={"a": "qualty"})
