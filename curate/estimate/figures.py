"""The nouns of an estimate: what flows from stage to stage, what one stage takes, and what is known to reckon by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from curate.estimate.earlier import Earlier


@dataclass(frozen=True)
class Flow:
    """Documents on their way, and their text; None for what is not known."""

    documents: float | None = None
    text_bytes: float | None = None
    at_most: bool = False
    """Whether they may be fewer: of a stage above nobody knows how many it keeps."""

    def times(self, share: float) -> "Flow":
        """Return a share of it; the documents that stay are taken to be as long as the others."""
        return Flow(
            None if self.documents is None else self.documents * share,
            None if self.text_bytes is None else self.text_bytes * share,
            self.at_most,
        )

    @classmethod
    def joined(cls, flows: "Sequence[Flow]") -> "Flow":
        """Return all of them together; not known where one is not."""
        return cls(
            summed([flow.documents for flow in flows]),
            summed([flow.text_bytes for flow in flows]),
            any(flow.at_most for flow in flows),
        )


@dataclass(frozen=True)
class Forecast:
    """What one stage will take. None for what is not known, and for what a stage of its kind does not take."""

    stage: str
    use: str
    state: str
    """`done` or `to do`."""
    out: Flow
    seconds: float | None = None
    tokens: float | None = None
    """That are asked for or trained on."""
    gpu_hours: float | None = None
    usd: float | None = None
    disk_bytes: float | None = None
    takes: frozenset[str] = frozenset()
    """Which of tokens, gpu_hours and usd it takes, known or not."""
    at_least: frozenset[str] = frozenset()
    """Which of its figures leave a part out that is not known."""
    at_most: bool = False
    """Whether its figures may be less, as fewer documents may come than are reckoned with."""
    origins: tuple[str, ...] = ()
    """What the figures rest on."""

    def resting_on(self, origin: str, **figures: float) -> "Forecast":
        """Return it with more figures, and what they rest on."""
        origins = self.origins if origin in self.origins else (*self.origins, origin)
        return replace(self, origins=origins, **figures)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Known:
    """What there is to reckon by."""

    rates: Mapping[str, Any]
    """curate/estimate/rates.json."""
    earlier: Sequence[Earlier]
    workers: int
    usd_per_gpu_hour: float | None
    """Of GPUs whose stage names no price of its own."""
    here: str = ""
    """The run that is reckoned."""


def summed(values: Sequence[float | None]) -> float | None:
    """Return the sum, or None where a part is not known."""
    return None if None in values else sum(value or 0.0 for value in values)
