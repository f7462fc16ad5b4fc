"""The mix: how much of the training each input gets, and which documents of an input are seen more often.

    mix: {clean: 0.4, exercises: 0.35, textbook: 0.25}       shares of the tokens seen, in any unit
    mix: {clean: {epochs: 4}, exercises: {epochs: 14}}       or passes over each; these also say how long to train
    decay_mix: {clean: 0.25, exercises: 0.5, textbook: 0.25} other shares while the learning rate falls
    upsample: {clean: {by: quality, drop: 0.2, power: 1}}    visits that rise with the quantile of a score column

Nobody has to copy a file to weigh it, and no cut has to be bare: upsampling by quality instead of a threshold is what
Olmo 3 (2025) does for its code. Without a mix every input is seen once a pass, in proportion to its size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from curate.errors import UserError, did_you_mean
from curate.train.corpus.packing import Corpus


class Epochs(BaseModel):
    """Passes over one input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: float = Field(ge=0)


class Upsample(BaseModel):
    """Visits of a document in proportion to ((quantile - drop) / (1 - drop)) ** power, none below `drop`.

    The quantile is of the document's value in the column `by`, in tokens, within its input; equal values get an equal
    one, and a document without a value stands in the middle. The mean over tokens stays one, so that an epoch is as
    many tokens as without: with power 1 and nothing dropped the best are seen twice as often as the mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    by: str
    """A score column of the documents, such as quality."""
    drop: float = Field(default=0.0, ge=0, lt=1)
    """Lowest share of the tokens, never shown."""
    power: float = Field(default=1.0, gt=0, le=8)


Share = Annotated[float, Field(ge=0)]
Mix = dict[str, Share | Epochs]


@dataclass(frozen=True)
class Phase:
    """A stretch of training: its tokens, and the passes over each input in it, in the order of the corpus's inputs."""

    tokens: float
    epochs: tuple[float, ...]


def check_names(parameter: str, given: Mapping[str, Any] | None, inputs: Sequence[str], *, all_of_them: bool) -> None:
    """Raise UserError for a name that is no input and, with `all_of_them`, for an input that has no name."""
    for name in given or {}:
        if name not in inputs:
            raise UserError(f"{parameter}: {name!r} is no input of this stage{did_you_mean(name, inputs)}")
    missing = [name for name in inputs if given is not None and name not in given]
    if missing and all_of_them:
        raise UserError(f"{parameter}: says nothing of the input {missing[0]!r}; give it a weight (0 leaves it out)")


def check_mix(parameter: str, mix: Mix | None) -> None:
    """Raise ValueError for a mix of shares and epochs, or one that shows nothing."""
    if mix is None:
        return
    if len({isinstance(value, Epochs) for value in mix.values()}) > 1:
        raise ValueError(f"{parameter}: give a share of every input or epochs of every input, not both")
    if not sum(value.epochs if isinstance(value, Epochs) else value for value in mix.values()):
        raise ValueError(f"{parameter}: all weights are 0; give some input more")


def in_epochs(mix: Mix | None) -> bool:
    """Tell whether the mix is given in passes."""
    return mix is not None and any(isinstance(value, Epochs) for value in mix.values())


def mix_tokens(corpus: Corpus, mix: Mix) -> float:
    """Return the tokens that a mix in epochs comes to."""
    return sum(
        corpus.unique(name) * value.epochs for name, value in mix.items() if isinstance(value, Epochs) and value.epochs
    )


def phases(corpus: Corpus, tokens: float, mix: Mix | None, decay_mix: Mix | None, decay: float) -> list[Phase]:
    """Cut the training into phases; `decay` is the share of it in which the learning rate falls.

    Raises UserError where a mix gives a share to an input that has nothing to train on.
    """
    main = 1.0 if decay_mix is None else 1.0 - decay
    found = [Phase(tokens * main, _epochs(corpus, tokens * main, mix))] if main > 0 else []
    if decay_mix is not None and decay > 0:
        found.append(Phase(tokens * decay, _epochs(corpus, tokens * decay, decay_mix)))
    return found


def _epochs(corpus: Corpus, tokens: float, mix: Mix | None) -> tuple[float, ...]:
    unique = {name: corpus.unique(name) for name in corpus.inputs}
    if mix is None:
        return tuple(tokens / sum(unique.values()) if unique[name] else 0.0 for name in corpus.inputs)
    found = []
    total = sum(value for value in mix.values() if not isinstance(value, Epochs))
    for name in corpus.inputs:
        value = mix[name]
        if isinstance(value, Epochs):
            found.append(value.epochs if unique[name] else 0.0)
            continue
        if value and not unique[name]:
            raise UserError(f"mix: {name!r} has nothing to train on; set its share to 0 or look at what dropped it")
        found.append(value / total * tokens / unique[name] if value else 0.0)
    return tuple(found)


def weights(corpus: Corpus, upsample: Mapping[str, Upsample] | None) -> npt.NDArray[np.float64]:
    """Return how often each document to train on is visited in a pass over its input; the mean over tokens is one."""
    found = np.ones(len(corpus.train))
    for name, rule in (upsample or {}).items():
        chosen = corpus.train["input"] == corpus.inputs.index(name)
        if not chosen.any():
            continue
        length = corpus.train["length"][chosen].astype(np.float64)
        quantile = quantiles(corpus.train["score"][chosen], length)
        weight = np.clip((quantile - rule.drop) / (1 - rule.drop), 0, None) ** rule.power
        mean = (weight * length).sum() / length.sum()
        if mean == 0:
            raise UserError(f"upsample: {name!r} has no document above drop {rule.drop} by {rule.by!r}; lower drop")
        found[chosen] = weight / mean
    return found


def quantiles(scores: npt.NDArray[Any], length: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of tokens below each document and half of those at its own score; 0.5 without a score."""
    found = np.full(len(scores), 0.5)
    known = np.isfinite(scores)
    values, group = np.unique(scores[known], return_inverse=True)
    at = np.bincount(group, weights=length[known], minlength=len(values))
    middle = (np.cumsum(at) - at / 2) / max(at.sum(), 1.0)
    found[known] = middle[group]
    return found
