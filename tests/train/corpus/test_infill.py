"""Fill in the middle: every token stays, cuts lie at line ends, and only a share of what is trained on changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.train.corpus.infill import MARKS, Infill, infill_of
from curate.train.corpus.packing import tokenise
from curate.train.corpus.tokenizer import encode, load_tokenizer, train_tokenizer

TOKENIZER = train_tokenizer(["def f(x):\n    return x\n"], 300, MARKS)


def infill(share: float = 1.0) -> Infill:
    found = infill_of(share, TOKENIZER, None)
    assert found is not None
    return found


def parts(tokens: list[int]) -> tuple[str, str, str]:
    """Undo the rearrangement: prefix, middle (in SPM with the prefix before it), suffix."""
    rule = infill()
    assert tokens[0] == rule.prefix
    before, _, rest = _split(tokens[1:], rule.suffix)
    after, _, between = _split(rest, rule.middle)
    return tuple(TOKENIZER.decode(part) for part in (before, between, after))


def _split(tokens: list[int], mark: int) -> tuple[list[int], int, list[int]]:
    assert tokens.count(mark) == 1
    place = tokens.index(mark)
    return tokens[:place], mark, tokens[place + 1 :]


@given(
    lines=st.lists(st.text(st.sampled_from("ab x1():"), max_size=8), min_size=2, max_size=8), seed=st.integers(0, 99)
)
def test_prefix_middle_and_suffix_together_are_the_document_and_end_at_line_ends(lines: list[str], seed: int) -> None:
    text = "\n".join(lines) + "\n"
    whole = encode(TOKENIZER, [text])[0]
    before, between, after = parts(infill().rearrange(whole, seed))
    assert before + between + after == text
    for part in (before, between):
        assert not part or part.endswith("\n")
    for part in (before, between, after):
        assert encode(TOKENIZER, [part])[0] == encode(TOKENIZER, [part + "x"])[0][: len(encode(TOKENIZER, [part])[0])]


def test_both_orders_occur_and_a_document_of_one_line_stays_as_it_is() -> None:
    whole = encode(TOKENIZER, ["a\nb\nc\nd\n"])[0]
    rule = infill()
    found = [rule.rearrange(whole, seed) for seed in range(60)]
    suffix_first = sum(tokens[1] == rule.suffix and TOKENIZER.decode(tokens).count("a") == 1 for tokens in found)
    assert 10 < suffix_first < 60
    assert sum(tokens[1] != rule.suffix for tokens in found) > 5
    assert rule.rearrange(whole[:1], 1) == whole[:1]
    assert rule.rearrange(whole, 1) == rule.rearrange(whole, 1)


def test_about_the_asked_share_of_what_is_trained_on_is_rearranged_and_nothing_held_out(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": f"a = {n}\nb = a\nc = b\n", "source": "s"} for n in range(400)]
    write_shard(documents(rows), tmp_path / "0.parquet")
    corpus = tokenise(
        {"in": [tmp_path / "0.parquet"]},
        TOKENIZER,
        tmp_path / "tokens",
        held_out=0.2,
        seed=3,
        report=lambda done, total: None,
        infill=infill(0.5),
    )
    first = [corpus.tokens[0][int(offset)] for offset in corpus.train["offset"]]
    assert 0.4 < sum(token == infill().prefix for token in first) / len(first) < 0.6
    assert infill().prefix not in {corpus.tokens[0][int(offset)] for offset in corpus.held_out["offset"]}


def test_a_saved_tokenizer_keeps_the_marks_and_a_text_cannot_spell_them(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert infill_of(1.0, loaded, None) == infill()
    assert not {infill().prefix, infill().suffix, infill().middle} & set(encode(loaded, ["".join(MARKS)])[0])


def test_a_base_model_whose_tokenizer_has_no_marks_is_refused() -> None:
    plain = train_tokenizer(["x"], 258)
    assert infill_of(0.0, plain, Path("base")) is None
    with pytest.raises(UserError, match=r"fim: the tokenizer of base has no <.fim_prefix.>; train that model with fim"):
        infill_of(0.5, plain, Path("base"))
