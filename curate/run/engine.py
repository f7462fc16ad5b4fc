"""What an engine is: `map(function, items)` and nothing more, with an Outcome for each item in any order.

In: a function and items, both picklable. Out: what became of each; errors are folded in, none is raised. Counting,
resume and progress live above, in curate/run/runner.py, so all engines look the same to the user.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from curate.errors import Trouble, UserError, from_os_error
from curate.plugins.faults import told

ATTEMPTS = 2


@dataclass(frozen=True)
class Outcome:
    """What became of one item: its value, or the error that stopped it.

    `mistake` marks an error that the user can mend (a UserError); `detail` is the traceback for the log.
    """

    item: Any
    value: Any = None
    error: str | None = None
    mistake: bool = False
    detail: str = ""


class Engine(Protocol):
    """The seam between the runner and the machines."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *, gpus: float = 0) -> Iterator[Outcome]:
        """Yield one Outcome for each item, as they finish. `function` must be picklable."""
        ...

    def __enter__(self) -> Self:
        """Start nothing yet: workers start with the first map."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the workers; at once if an exception is on its way out."""
        ...


def attempt(function: Callable[[Any], Any], item: Any) -> Outcome:
    """Run the function on one item and fold any error into the Outcome."""
    try:
        return Outcome(item, function(item))
    except UserError as error:
        return Outcome(item, error=str(error), mistake=True)
    except Trouble as error:
        return Outcome(item, error=str(error), detail=traceback.format_exc())
    except OSError as error:
        return Outcome(item, error=str(from_os_error(error)), mistake=True, detail=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - one broken shard must not take the others with it; it is reported
        return Outcome(item, error=told(error), detail=traceback.format_exc())


def ordered(
    engine: Engine,
    function: Callable[[Any], Any],
    items: Iterable[Any],
    tell: Callable[[int, int], None] = lambda *_: None,
) -> list[Any]:
    """Map and return the values in item order; the first error is raised. This is what a stage's `plan` is given.

    `tell(done, total)` is called after each item.
    """
    numbered = list(enumerate(items))
    values: dict[int, Any] = {}
    for outcome in engine.map(partial(_on_second, function), numbered):
        if outcome.error is not None:
            raise UserError(outcome.error) if outcome.mistake else RuntimeError(outcome.detail or outcome.error)
        values[outcome.item[0]] = outcome.value
        tell(len(values), len(numbered))
    return [values[index] for index, _ in numbered]


def _on_second(function: Callable[[Any], Any], pair: tuple[int, Any]) -> Any:
    return function(pair[1])
