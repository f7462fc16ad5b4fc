"""Ideas mined from the corpus: what documented functions of real code are called, and what they say they do.

In: the text of a Python file. Out: its top-level public functions that have a docstring and a name of two words or
more. Files that do not parse give none.
"""

import ast
import re
import warnings
from dataclasses import dataclass

WORDS = re.compile(r"[a-z]+(_[a-z]+){1,4}\Z")
DULL_WORDS = "test main setup run init get set is has do make on handle register assert"
DULL = frozenset(DULL_WORDS.split())
"""First words that say nothing about a task, unless two more words follow."""
LONGEST = 2_000_000
"""Bytes of source above which a file is not looked at: it is data, and parsing it takes seconds."""


@dataclass(frozen=True)
class Idea:
    """One documented function: its name and the first sentence of its docstring."""

    function_name: str
    concept: str


def ideas(source: str) -> list[Idea]:
    """Return the ideas of a file in source order, each name once."""
    if len(source) > LONGEST or '"""' not in source:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: dict[str, Idea] = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and _speaks(node.name):
            sentence = first_sentence(ast.get_docstring(node) or "")
            if sentence:
                found.setdefault(node.name, Idea(node.name, sentence))
    return list(found.values())


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring on one line, or nothing if it is no sentence of 3 to 25 words.

    >>> first_sentence("Count the words\\nof a text.  Blank ones too.")
    'Count the words of a text.'
    """
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
    plain = sentence.isascii() and not re.search(r"[<>{}|:`@\\]|https?", sentence)
    return sentence if plain and 3 <= len(sentence.split()) <= 25 else ""


def _speaks(name: str) -> bool:
    words = name.split("_")
    return bool(WORDS.match(name)) and (words[0] not in DULL or len(words) > 2) and words[0] != "test"
