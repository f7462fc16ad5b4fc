"""Ideas mined from the corpus: what documented functions of real code are called, and what they say they do.

In: the text of a Python file. Out: its top-level public functions that have a docstring and a name of two words or
more. Found by a pattern rather than the syntax tree, which takes a hundred times longer on a whole corpus: a function
that stands in a string would be found too, and is as good an idea.
"""

import re
from dataclasses import dataclass

FUNCTION = re.compile(
    r"^def ([a-z]+(?:_[a-z]+){1,4})\("  # a telling name at the left margin
    r"(?:(?!:\n)[^\"'#\n]|\n(?=[ \t)])){0,1000}:\n"  # parameters without strings or comments, the header's end
    r"[ \t]+[rR]?(?:\"\"\"|''')(.{1,1000}?)(?:\"\"\"|'''|\n[ \t]*\n)",  # the docstring's first paragraph
    re.MULTILINE | re.DOTALL,
)
DULL_WORDS = "test main setup run init get set is has do make on handle register assert"
DULL = frozenset(DULL_WORDS.split())
"""First words that say nothing about a task, unless two more words follow."""


@dataclass(frozen=True)
class Idea:
    """One documented function: its name and the first sentence of its docstring."""

    function_name: str
    concept: str


def ideas(source: str) -> list[Idea]:
    """Return the ideas of a file in source order, each name once."""
    found: dict[str, Idea] = {}
    for name, docstring in FUNCTION.findall(source):
        sentence = first_sentence(docstring)
        if sentence and _speaks(name):
            found.setdefault(name, Idea(name, sentence))
    return list(found.values())


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring on one line, or nothing if it is no sentence of 3 to 25 words.

    >>> first_sentence("Count the words\\nof a text.  Blank ones too.")
    'Count the words of a text.'
    """
    paragraph = " ".join(docstring.strip().split("\n\n", maxsplit=1)[0].split())
    sentence = re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
    plain = sentence.isascii() and not re.search(r"[<>{}|:`@\\]|https?", sentence)
    return sentence if plain and 3 <= len(sentence.split()) <= 25 else ""


def _speaks(name: str) -> bool:
    words = name.split("_")
    return words[0] != "test" and (words[0] not in DULL or len(words) > 2)
