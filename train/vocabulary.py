"""`train.tokenizer`: one tokenizer for several trainings, so that models compare which saw different documents.

In: kept documents of one or more stages. Out: `model/`, a folder with the files of the tokenizer alone, which a
`train.lm` takes under `tokenizer:`. Of the same documents `train.lm` would make the same (train/corpus/tokenizer.py).
"""

from typing import ClassVar

from pydantic import Field

from curate.progress import Progress
from curate.stage import Context, Job, Metrics, derive_seed


class TrainTokenizer(Job):
    """Train a tokenizer on kept documents, for several `train.lm` that name it."""

    YIELDS: ClassVar[str] = "a tokenizer"

    vocab_size: int = Field(default=16_384, ge=258)
    """Tokens, at most."""
    tokenizer_mb: float = Field(default=64, gt=0)
    """Text to train on, at most; a sample if the documents are more."""
    fim: bool = False
    """With the marks that a training with `fim` needs."""

    def run(self, context: Context, progress: Progress) -> Metrics:
        """Train it and return its size. Raises UserError for a vocabulary that is too small."""
        from curate.train.corpus.infill import MARKS
        from curate.train.corpus.tokenizer import load_tokenizer
        from curate.train.session import keep_tokenizer

        progress.update(0, 0, "tokenizer")
        seed = derive_seed(context.seed, context.name)
        folder = context.directory / "model"
        keep_tokenizer(folder, context.shards(), self.tokenizer_mb, self.vocab_size, MARKS if self.fim else (), seed)
        return {"tokens": float(len(load_tokenizer(folder)))}
