"""The compiled loops against plain Python and against datasketch."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup.near import kernel
from curate.text.buffers import text_buffers
from curate.text.words import hash_shingles, places
from tests.conftest import ROOT

WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
TEXTS = st.lists(st.one_of(st.text(max_size=60), st.text("ab1_ .\né", max_size=200)), min_size=1, max_size=5)


def buffers(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return text_buffers(pa.chunked_array([pa.array(texts, pa.large_string())]))


def shingles(text: str, ngram: int) -> np.ndarray:
    data, offsets = buffers([text])
    out = np.empty(places(offsets), dtype=np.uint64)
    return out[: hash_shingles(data, offsets[0], offsets[1], ngram, out)]


def plain_shingles(text: str, ngram: int) -> list[tuple[bytes, ...]]:
    words = WORD.findall(text.encode())
    if not words:
        return [(b" " + text.encode(),)]  # no word begins with a blank, so this equals no other shingle
    return [tuple(words[at : at + ngram]) for at in range(max(1, len(words) - ngram + 1))]


@given(TEXTS, st.integers(1, 7))
def test_two_shingles_have_one_hash_exactly_if_their_words_are_the_same(texts: list[str], ngram: int) -> None:
    plain = [shingle for text in texts for shingle in plain_shingles(text, ngram)]
    hashed = [value for text in texts for value in shingles(text, ngram).tolist()]
    assert len(plain) == len(hashed)
    assert len(set(plain)) == len(set(hashed)) == len(set(zip(plain, hashed, strict=True)))


@pytest.mark.parametrize("size", [4, 9, 16, 17, 24, 33])
def test_words_that_differ_in_two_of_their_bytes_have_two_hashes(size: int) -> None:
    pairs = [(one, other) for other in range(size) for one in range(other)]
    texts = {
        "".join({one: left, other: right}.get(at, "a") for at in range(size))
        for one, other in pairs
        for left in "0123456789abcdef"
        for right in "0123456789abcdef"
    }
    found = shingles(" ".join(sorted(texts)), 1)
    assert len(found) == len(texts) == len(np.unique(found))


@given(TEXTS, st.integers(1, 6), st.sampled_from([1, 7, 128]), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_signatures_are_datasketch_affine32_bit_for_bit(texts: list[str], ngram: int, count: int, seed: int) -> None:
    found, counts = kernel.signatures(*buffers(texts), ngram, *kernel.permutations(count, seed))
    for text, signature, number in zip(texts, found, counts, strict=True):
        oracle = MinHash(count, seed=seed, hashfunc=int, scheme="affine32")
        hashes = shingles(text, ngram)
        oracle.update_batch((hashes >> np.uint64(32)).tolist())
        assert number == len(hashes)
        assert (signature == oracle.hashvalues).all()


def test_a_document_longer_than_a_block_has_datasketch_s_signature(library: list[dict[str, str]]) -> None:
    text = max((row["text"] for row in library), key=len)
    hashes = shingles(text, 5)
    assert len(hashes) > 2 * kernel.BLOCK
    oracle = MinHash(128, seed=1, hashfunc=int, scheme="affine32")
    oracle.update_batch((hashes >> np.uint64(32)).tolist())
    assert (kernel.signatures(*buffers([text]), 5, *kernel.permutations(128, 1))[0][0] == oracle.hashvalues).all()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
def test_the_estimate_of_jaccard_is_unbiased_and_has_the_spread_of_theory(share: float) -> None:
    size, pairs, count = 400, 400, 128
    common = round(2 * size * share / (1 + share))
    truth = common / (2 * size - common)
    errors = []
    for pair in range(pairs):
        words = [f"{word}x{pair}" for word in range(2 * size - common)]
        one, other = " ".join(words[:size]), " ".join(words[size - common :])
        found, _ = kernel.signatures(*buffers([one, other]), 1, *kernel.permutations(count, pair))
        errors.append(kernel.agreement(found[0], found[1]) / count - truth)
    theory = (truth * (1 - truth) / count) ** 0.5
    assert abs(np.mean(errors)) < 4 * theory / pairs**0.5
    assert 0.85 < np.std(errors) / theory < 1.15


@given(TEXTS, st.integers(1, 4), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_jaccard_is_that_of_the_shingle_sets_and_zero_below_the_threshold(
    texts: list[str], ngram: int, threshold: float
) -> None:
    data, offsets = buffers(texts)
    rows = np.arange(len(texts))
    starts = np.concatenate(([0], np.cumsum([len(shingles(text, ngram)) for text in texts])))
    values = np.empty(starts[-1], dtype=np.uint64)
    sizes = kernel.shingle_sets(data, offsets, ngram, rows, starts[:-1], values)
    pairs = np.array([(one, other) for one in rows for other in rows])
    found = kernel.jaccard(values, starts[pairs], sizes[pairs], threshold)
    for (one, other), similarity in zip(pairs, found, strict=True):
        left, right = (set(plain_shingles(texts[at], ngram)) for at in (one, other))
        truth = len(left & right) / len(left | right)
        assert similarity == (truth if truth >= threshold else 0)


def test_a_sliced_or_chunked_column_gives_the_same_buffers() -> None:
    whole = pa.array(["ab", None, "", "é f", "g"], pa.large_string())
    for column in (pa.chunked_array([whole.slice(1)]), pa.chunked_array([whole[1:3], whole[3:]])):
        data, offsets = text_buffers(column)
        assert [bytes(data[start:stop]) for start, stop in pairwise(offsets)] == [
            b"",
            b"",
            "é f".encode(),
            b"g",
        ]


def test_the_kernel_works_where_nothing_can_be_cached(tmp_path: Path) -> None:
    """numba refuses `cache=True` where neither the package's folder nor the user's cache can be written."""
    copytree(ROOT / "curate", tmp_path / "curate", ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    probe = (
        "from numba.core import caching\n"
        "for locator in caching.CacheImpl._locator_classes: locator.ensure_cache_path = refuse\n"
        "from curate.dedup.near import kernel; import numpy as np\n"
        "print(kernel.fmix32(np.uint32(1)))"
    )
    refuse = "def refuse(self):\n    raise OSError('read-only')\n"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", refuse + probe],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(0x514E28B7), done.stderr


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(2**63, 2**63 + 40), min_size=1, max_size=300))
def test_shingles_are_sorted_and_each_stands_once_even_where_their_upper_bits_agree(values: list[int]) -> None:
    hashes = np.array(values, dtype=np.uint64)
    out = np.empty_like(hashes)
    count = kernel.sort_distinct(hashes.copy(), np.empty_like(hashes), out)
    assert out[:count].tolist() == sorted(set(values))
