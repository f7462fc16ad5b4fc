"""The prompt boundary: does a prompt end where the model's tokens end in the texts that it was trained on?

In: a tokenizer, prompts, and what follows on each. Out: of how many prompts the tokens begin the tokens of prompt and
continuation. Where they do not, the model is asked to go on from tokens that it has never seen there: a tokenizer that
joins a line end with the indentation behind it does that to every prompt of HumanEval, and a small model then scores 0
whatever it knows. Harnesses that strip the prompt (BigCode's) do it for this reason.

Not covered: models behind an endpoint, whose tokenizer is not at hand, and tasks without a reference solution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curate.benchmarks.catalogue import Task
from curate.eval.asking.protocols import Prompt, Protocol
from curate.llm.tokens import decode, prompt_ids
from curate.llm.types import Message, Request

SHOWN = 24
"""Characters of a token that are worth showing."""


@dataclass(frozen=True)
class Boundary:
    """How many prompts go on as trained, of those that were checked."""

    checked: int
    as_trained: int
    reason: str | None = None
    """Why the others do not, by the first of them; or why none was checked."""

    @property
    def holds(self) -> bool:
        """Whether no prompt is known to end in the middle of what training saw as one."""
        return self.as_trained == self.checked

    def facts(self) -> dict[str, Any]:
        """Return what belongs into a result."""
        return asdict(self)

    def text(self) -> str:
        """Return a line for a person."""
        if not self.checked:
            return f"prompt boundary: not checked, {self.reason}"
        line = f"prompt boundary: {self.as_trained} of {self.checked} as trained"
        return line if self.holds else f"{line}\nBROKEN BOUNDARY: {self.reason}; the score measures this seam too"


def unchecked(reason: str) -> Boundary:
    """Return the boundary of prompts that cannot be checked."""
    return Boundary(0, 0, reason)


def check(
    tokenizer: Any, protocol: Protocol, tasks: Sequence[Task], prompts: Mapping[str, Prompt], model: str
) -> Boundary:
    """Compare the tokens of each prompt with those of prompt and reference solution, chat template included."""
    broken: list[str] = []
    checked = 0
    for task in tasks:
        prompt = prompts[task.task_id]
        follows = protocol.continuation(task, prompt)
        if follows is None:
            continue
        checked += 1
        before = prompt_ids(tokenizer, _request(prompt), model)
        whole = prompt_ids(tokenizer, _request(_continued(prompt, follows)), model)
        if whole[: len(before)] != before:
            broken.append(_reason(tokenizer, task.task_id, before, whole))
    if not checked:
        return unchecked("these tasks have no reference solution that could follow")
    return Boundary(checked, checked - len(broken), broken[0] if broken else None)


def _request(prompt: Prompt) -> Request:
    return Request("", prompt=prompt) if isinstance(prompt, str) else Request("", messages=prompt)


def _continued(prompt: Prompt, follows: str) -> Prompt:
    """Return the prompt with its beginning of an answer continued."""
    if isinstance(prompt, str):
        return prompt + follows
    *asked, begun = prompt
    return (*asked, Message(begun.role, begun.content + follows))


def _reason(tokenizer: Any, task_id: str, before: list[int], whole: list[int]) -> str:
    """Say which token the prompt ends in and which one stands there in the whole text."""
    place = next((n for n, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b), len(whole))
    ends, stands = (decode(tokenizer, ids[place : place + 1])[-SHOWN:] for ids in (before, whole))
    if not ends:
        return f"{task_id} is closed by a token of the tokenizer's own"
    return f"{task_id} ends in the token {ends!r} where prompt and solution have {stands!r}"
