"""What all backends share about an answer: cutting it at a stop string, and saying that there is none."""

from collections.abc import Sequence

from curate.llm.types import Completion, Request


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Return the text before the earliest stop string, and whether there was one.

    >>> cut("a = 1\\ndef f", ["\\ndef", "\\nclass"])
    ('a = 1', True)
    """
    ends = [text.index(word) for word in stop if word and word in text]
    return (text[: min(ends)], True) if ends else (text, False)


def failure(request: Request, error: str, prompt_tokens: int = 0) -> Completion:
    """Return the Completion that says a request could not be answered."""
    return Completion(request.id, "", "error", prompt_tokens, 0, error)
