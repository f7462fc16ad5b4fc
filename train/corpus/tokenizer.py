"""The tokenizer: byte-level BPE, trained on the corpus itself, with seams where prompts end.

In: texts. Out: a `transformers.PreTrainedTokenizerFast`. Any text goes in and comes out unchanged, because the
alphabet is all 256 bytes. Text that spells a special token is encoded as ordinary bytes: a document cannot end itself.
Training is deterministic for the same texts in the same order.

A prompt that ends a line must go on as in training, so no token reaches over a line end: the tokens of `before\\n` and
those of `after` together are those of `before\\nafter`, whatever both are. With line ends and indentation in one token,
as byte-level BPE has it by default, that holds for none of HumanEval's prompts. A text is cut, before BPE, into

    a line end           each `\\r` and `\\n` by itself: of two, a prompt could hold the first
    an indentation       all blanks at the start of a line, whole; the word behind it is as at the margin
    a word               letters, with the one blank or mark before them (` word`, `.word`, `_word`)
    a number             one or two digits; nanochat found pairs best for small vocabularies
    marks, blanks        the rest; of blanks inside a line the last goes with what follows

On files of public packages that takes 4 % more tokens than the default at 4,096 tokens of vocabulary. Not covered:
prompts that end inside a line, after a blank or in a word; `eval/asking/boundary.py` counts those.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.errors import UserError
from curate.stage import derive_seed

END = "<|endoftext|>"
PAD = "<|pad|>"
BLANK = r"[^\S\r\n]"
PIECES = "|".join(
    (
        r"[\r\n]",
        rf"(?<![^\r\n]){BLANK}+",
        r"[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+",
        r"\p{N}{1,2}",
        r" ?[^\s\p{L}\p{M}\p{N}]+",
        rf"{BLANK}+(?!\S)",
        rf"{BLANK}+",
    )
)
"""What BPE never joins, as a regular expression of Oniguruma, in the order of the list above."""


def train_tokenizer(texts: Iterable[str], vocab_size: int, marks: Sequence[str] = ()) -> Any:
    """Train on the texts and return a `PreTrainedTokenizerFast` of at most `vocab_size` tokens.

    `marks` are special tokens besides the end and the padding.

    Raises UserError for a vocabulary that cannot hold every byte and the special tokens.
    """
    from transformers import PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    least = len(alphabet) + 2 + len(marks)
    if vocab_size < least:
        raise UserError(f"vocab_size: {vocab_size} is too small; {least} is the least, 4096 a small one")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END, PAD, *marks], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a saved model."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of each text, nothing added, special tokens spelled out."""
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = True
    return [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]


def sample_texts(shards: Iterable[Path], share: float, seed: int) -> Iterator[str]:
    """Yield the texts of about that share of the Documents, chosen by a hash of their ids."""
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(256, columns=["id", "text"]):
                for identity, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    if derive_seed(seed, "tokenizer", identity) < share * 2**63:
                        yield text
