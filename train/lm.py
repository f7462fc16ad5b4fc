"""Training a language model: shards of Documents in, a model that `transformers` loads out.

The job's directory, in the order in which it fills:

    tokenizer/       the tokenizer, trained on the corpus; none where `init` or `tokenizer` names one
    tokens/          the corpus as tokens (train/corpus/packing.py)
    metrics.jsonl    loss, learning rate and held-out loss by step (train/steps/loop.py)
    checkpoint.pt    the state to go on from after a kill
    model/           safetensors, config, tokenizer and curate.json, published by one rename

When `model/` stands, `tokens/` and `checkpoint.pt` are removed. Not covered: several hosts, dropout.
"""

import json
from typing import ClassVar

from curate.progress import Progress
from curate.stage import Context, Metrics
from curate.train.parameters import Training

RECORD = "curate.json"


class TrainLM(Training):
    """Train a small language model on the kept documents and save it for `transformers`.

    One of `steps`, `tokens`, `epochs` and a `mix` in epochs says how long; without any, the preset's steps or one
    pass over the corpus.
    """

    VERSION: ClassVar[int] = 4
    YIELDS: ClassVar[str] = "a model"

    def run(self, context: Context, progress: Progress) -> Metrics:
        """Train, or go on training, and return the figures.

        Raises UserError for a corpus that is empty or smaller than a batch, a loss that is no longer a number, and a
        device or a disk that is too small.
        """
        from curate.train.parallel import fit_on
        from curate.train.session import remove_scraps

        folder = context.directory
        published = folder / "model" / RECORD
        if not published.exists():
            self.check_inputs(tuple(context.inputs))
            fit_on(self._devices(), self, context, progress)
        remove_scraps(folder)
        return dict(json.loads(published.read_text())["metrics"])

    def _devices(self) -> list[str]:
        """Return the devices to train on, by name."""
        import torch

        count = torch.cuda.device_count() if self.gpus == "auto" else self.gpus
        return [f"cuda:{number}" for number in range(count)] or ["cpu"]
