"""What all backends share about an answer: cutting it at a stop string, checking it, saying that there is none."""

from collections.abc import Sequence
from typing import Any

from curate.llm.types import Completion, Request


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Return the text before the earliest stop string, and whether there was one.

    >>> cut("a = 1\\ndef f", ["\\ndef", "\\nclass"])
    ('a = 1', True)
    """
    ends = [text.index(word) for word in stop if word and word in text]
    return (text[: min(ends)], True) if ends else (text, False)


def clean(text: str) -> str:
    r"""Return text that can be written as UTF-8: halves of surrogate pairs are joined, or replaced where one is alone.

    >>> clean("a\ud83d\ude00 \ud800b")
    'a😀 �b'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def counted(tokens: Any, text: str) -> int:
    """Return a number of tokens as a server or a log gives it; where that is none, one token for three bytes."""
    if isinstance(tokens, int | float) and not isinstance(tokens, bool) and 0 <= tokens < 1 << 40:
        return int(tokens)
    return -(-len(text.encode("utf-8", "replace")) // 3)


def shown(text: str | bytes) -> str:
    """Return the beginning of what a server sent, in one line that a terminal can print."""
    start = text[:1000].decode("utf-8", "replace") if isinstance(text, bytes) else text[:1000]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in start).split())[:200]


def failure(request: Request, error: str, prompt_tokens: int = 0) -> Completion:
    """Return the Completion that says a request could not be answered."""
    return Completion(request.id, "", "error", prompt_tokens, 0, error)
