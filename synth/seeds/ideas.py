"""Ideas mined from the corpus: what documented functions of real code are called, take, and say they do.

In: the text of a Python file. Out: its top-level public functions that have a docstring, a name of two words or more,
and something to do that plain values can stand for. Found by a pattern rather than the syntax tree, which takes a
hundred times longer on a whole corpus: a function that stands in a string would be found too, and is as good an idea.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

FUNCTION = re.compile(
    r"^def ([a-z]+(?:_[a-z]+){1,4})\("  # a telling name at the left margin
    r"((?:(?!:\n)[^\"'#\n]|\n(?=[ \t)])){0,1000}):\n"  # parameters without strings or comments, the header's end
    r"[ \t]+[rR]?(?:\"\"\"|''')(.{1,1000}?)(?:\"\"\"|'''|\n[ \t]*\n)",  # the docstring's first paragraph
    re.MULTILINE | re.DOTALL,
)
DULL_WORDS = "test main setup run init get set is has do make on handle register assert"
DULL = frozenset(DULL_WORDS.split())
"""First words that say nothing about a task, unless two more words follow."""
LONGEST_SIGNATURE = 90
_PLAIN = r"(?:(?:int|str|float|bool|list|dict|tuple|set|None)\b|[\[\], |.])+"
PLAIN_SIGNATURE = re.compile(rf"\((?:\w+: {_PLAIN}(?:=[ ]?[\w.\-]+)?)+\) -> {_PLAIN}")
"""A signature whose types are all plain: the only ones that a teacher is shown, for it takes over what it sees: of
stubs written beside one without types 37 % had none either, beside foreign types 22 % had such."""
FOREIGN_WORDS = """
account api app array arrays async attribute attributes aws axes axis backend browser buffer button cache callable
callback canvas certificate channel classes client cloud cluster command compiler config configuration connection
container context coroutine cursor daemon database dataframe dataset decorator decorators deprecated device directory
django docker dtype endpoint engine environment event exception figure file filename files fixture fixtures folder
framework ftp gpu gradient handler hook html http iam imports instance instances interface interpreter jax job jobs
json kernel layer layers ldap library listener logger logging login loss matplotlib metaclass middleware model models
module modules mock ndarray network node numpy object objects package packages pandas parser password path paths pickle
pipeline plot plots plugin plugins pool port process processes protocol proxy pytest python pytorch queryset queue
registry repository request requests response role salt schema script sdk server servers service session settings shell
signal socket sql ssh ssl stack stream subprocess tensor tensorflow tensors test tests thread threads token tokens
transport type types uri url user users virtual webhook widget window wrapper xml yaml
"""
FOREIGN = frozenset(FOREIGN_WORDS.split())
"""Words for what no plain value stands for: an idea that speaks of it gives no exercise that runs by itself."""
WORD = re.compile(r"[a-z]{4,}")
COMMON_WORDS = """
about above after all also and any are based been before being below between both called calls can cannot check class
code compute contain contains corresponding create current data default defined does each either else ensure every
false file first for found from function functions generate get given gives has have helper here if implement including
input instance into its keyword kwargs last like list make may method model module more most must name names need needs
new none not note object objects one only optional other otherwise output over parameter parameters pass passed perform
python return returned returning returns same self set should simple some specified string such take takes test than
that the their them then there these they this those through true type types use used uses using utility value values
version was were when where whether which while will with within without wrapper your
"""
COMMON = frozenset(COMMON_WORDS.split())
"""Words of four letters and more that tell no topic from another."""


@dataclass(frozen=True)
class Idea:
    """One documented function: its name, what it takes and gives as it is written, its docstring's first sentence."""

    function_name: str
    concept: str
    signature: str = ""
    """`(text: str, width: int) -> str`; empty where it is long, or a type is missing or no plain one."""


def ideas(source: str) -> list[Idea]:
    """Return the ideas of a file in source order, each name once."""
    found: dict[str, Idea] = {}
    for name, parameters, docstring in FUNCTION.findall(source):
        sentence = first_sentence(docstring)
        if sentence and _speaks(name) and not _foreign(f"{name.replace('_', ' ')} {sentence}"):
            signature = " ".join(f"({parameters}".split()).replace("( ", "(").replace(", )", ")")
            found.setdefault(name, Idea(name, sentence, _plain(signature)))
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


def topic_words(name: str, concept: str) -> list[str]:
    """Return the words of an idea that a topic could be, each once: those of its name first.

    >>> topic_words("merge_intervals", "Merge the overlapping intervals of a list.")
    ['merge', 'intervals', 'overlapping']
    """
    words: Iterable[str] = WORD.findall(f"{name.replace('_', ' ')} {concept}".lower())
    return list(dict.fromkeys(word for word in words if word not in COMMON))


def _foreign(text: str) -> bool:
    return not FOREIGN.isdisjoint(re.findall(r"\b[a-z]+\b", text.lower()))


def _plain(signature: str) -> str:
    """Return a signature if it is short and of plain types."""
    return signature if len(signature) <= LONGEST_SIGNATURE and PLAIN_SIGNATURE.fullmatch(signature) else ""


def _speaks(name: str) -> bool:
    words = name.split("_")
    return words[0] != "test" and (words[0] not in DULL or len(words) > 2)
