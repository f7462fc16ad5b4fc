"""Fill in the middle: a document rearranged so that its middle comes last (Bavarian et al. 2022, arXiv:2207.14255).

In: a document's tokens. Out: the same tokens in another order, with three marks between: half the time the prefix
first (PSM), half the time the suffix (SPM). Documents are cut at line ends only, where the tokenizer has a seam: the
tokens of a part are then those that the part has by itself, as it will be asked for. Not covered: cuts inside a line.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.train.corpus.tokenizer import encode

PREFIX, SUFFIX, MIDDLE = MARKS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


@dataclass(frozen=True)
class Infill:
    """Rearranges this share of the documents; the three marks and the line ends as tokens."""

    share: float
    prefix: int
    suffix: int
    middle: int
    line_ends: frozenset[int]

    def rearrange(self, tokens: list[int], seed: int) -> list[int]:
        """Return the tokens rearranged, or as they are for the other documents and for those of one line."""
        draw = random.Random(seed)
        cuts = [place for place in range(1, len(tokens)) if tokens[place - 1] in self.line_ends]
        if draw.random() >= self.share or not cuts:
            return tokens
        first, last = sorted(draw.sample([0, *cuts, len(tokens)], 2))
        before, between, after = tokens[:first], tokens[first:last], tokens[last:]
        if draw.random() < 0.5:
            return [self.prefix, *before, self.suffix, *after, self.middle, *between]
        return [self.prefix, self.suffix, *after, self.middle, *before, *between]


def infill_of(share: float, tokenizer: Any, base: Path | None) -> Infill | None:
    """Return what rearranges this share of the documents, or None for none.

    Raises UserError where the tokenizer of the model to go on from has no marks.
    """
    if not share:
        return None
    known: dict[str, int] = tokenizer.get_vocab()
    if missing := [mark for mark in MARKS if mark not in known]:
        raise UserError(f"fim: the tokenizer of {base} has no {missing[0]}; train that model with fim, or set fim to 0")
    ends = frozenset(end[0] for end in encode(tokenizer, ["\n", "\r"]) if len(end) == 1)
    return Infill(share, known[PREFIX], known[SUFFIX], known[MIDDLE], ends)
