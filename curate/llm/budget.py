"""What calls cost, and how much may be spent: `usd:` of a stage and of a whole run.

In: prices of a model, budgets, requests. Out: whether a request may be sent. Before each one the most that it can cost
is set aside (a token for each byte of its prompt, and all of `max_tokens`), so that a budget is never overdrawn by what
the server counts; once the next request does not fit and none is under way, the work stops with one line. Raised, it
goes on from the call log. Not counted: what a server charges for answers that never arrive whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from curate.errors import UserError
from curate.llm.log import CallLog
from curate.llm.types import Completion, ModelSpec, Request, cost

TURN_TOKENS = 16
"""What a template adds to a message, at most."""


@dataclass(frozen=True)
class Budget:
    """So many dollars for the stage or the run, of which others have spent some."""

    usd: float
    of: str
    """`stage` or `run`."""
    spent: float = 0.0

    @property
    def left(self) -> float:
        """What this model may still spend, before anything that its own log holds."""
        return self.usd - self.spent


class Purse:
    """The money of one opened model: what is spent, what is set aside for calls under way, what is left."""

    def __init__(self, spec: ModelSpec, budgets: Iterable[Budget], paid: Iterable[Completion]) -> None:
        self.spec, self._budgets = spec, tuple(budgets)
        self.spent = sum(cost(spec, answer.prompt_tokens, answer.completion_tokens) for answer in paid)
        self._aside: dict[str, float] = {}

    def admits(self, request: Request) -> bool:
        """Set aside what a request may cost; False, and nothing is, where that is not left."""
        if not self._budgets:
            return True
        most = _most(self.spec, request)
        if self.spent + sum(self._aside.values()) + most > min(budget.left for budget in self._budgets):
            return False
        self._aside[request.id] = most
        return True

    def settle(self, answer: Completion) -> None:
        """Count what an answer cost in place of what was set aside for it."""
        self._aside.pop(answer.id, None)
        self.spent += cost(self.spec, answer.prompt_tokens, answer.completion_tokens)

    def forget(self) -> None:
        """Set nothing aside any more: the calls under way are dropped."""
        self._aside.clear()

    def exhausted(self, waiting: int) -> UserError:
        """Return the line that says so."""
        least = min(self._budgets, key=lambda budget: budget.left)
        paid = least.spent + self.spent
        return UserError(
            f"usd: {least.usd:g} for the {least.of} is spent: {paid:.4f} paid so far, and the next of {waiting:,} "
            f"waiting requests may cost more than is left; raise `usd:` of the {least.of.split()[0]} and run again, "
            f"answers so far are kept and cost nothing again"
        )


def spent_in(directory: Path, models: Mapping[str, ModelSpec]) -> float:
    """Return what the calls that a stage's log holds came to at the prices of today."""
    path = directory / "calls" / "calls.jsonl"
    total = 0.0
    for spec in {spec.model: spec for spec in models.values() if spec.usd_per_mtok}.values():
        answers = CallLog(path, spec.model).answers.values() if path.is_file() else ()
        total += sum(cost(spec, answer.prompt_tokens, answer.completion_tokens) for answer in answers)
    return total


def _most(spec: ModelSpec, request: Request) -> float:
    texts = [request.prompt or "", *(turn.content for turn in request.messages or ())]
    tokens = sum(len(text.encode("utf-8", "replace")) + TURN_TOKENS for text in texts)
    return cost(spec, tokens, request.max_tokens)
