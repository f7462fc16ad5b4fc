"""Which tasks a function resembles by its words: those of its name and docstring, and those of the task's statement.

In: the buffers of a text column. Out: for each function that is near one, its tasks and how near (the cosine of words
weighted by inverse document frequency, synonyms counted as one word). A hint for other rules, never a verdict: at a bar
that leaves 0.1 % of unrelated files alone, words find one paraphrase in seven.
"""

from functools import cache
from typing import TYPE_CHECKING

from curate.decontam.tasks import all_tasks

if TYPE_CHECKING:
    from curate.decontam.prose import Lexicon, WordIndex
    from curate.text.words import Bytes, Offsets

Said = dict[tuple[int, int, int], dict[str, float]]
"""(document, first byte, last byte) of a function -> task id -> cosine."""
NEAR = 0.45
"""Half of the paraphrases that the tests hold are this near their task, and so is a function in 1 % of other files."""
COMMON = 3
"""Words that function and task must share."""
SILENT = """
a an and any are as at be both by can do does each else every for from get give given has have how if in into is it its
let like may more must need no not of on only or other our own python shall should so some such than that the their them
then there these they this those to under up use used using want was were what when where whether which while who will
with without would write you your also all
function program method code return returns returned find compute calculate determine check test tell task input
output result resulting produce obtain help main variable value values argument parameter following certain particular
specified specific possible help given implement create make
"""
"""They stand in most tasks or in most documentation and tell no task from another."""

SAME = """
list array sequence vector lists
number integer numeric int float digit? numbers
string text str sentence?
character char letter symbol
element item entry member
maximum largest greatest biggest highest max
minimum smallest least lowest min
delete remove drop strip discard eliminate
join concatenate combine merge
swap exchange interchange
count times frequency occurrence occur
occur appear contain contained hold present
sum total add addition
multiply product multiplication
subtract difference subtraction
divide quotient division divisible
distinct unique different
equal same identical match
first leading initial
last trailing final end
position index location place
reverse backward inverse
increase increment ascending
decrease decrement descending
upper uppercase capital
lower lowercase
dictionary dict map mapping
tuple pair
calculate evaluate
parenthesis bracket parentheses
word term
convert transform turn change
split divide? separate partition
next following subsequent successor
flip toggle invert
nested sublist sublists
rotate rotation shift
start begin
whole integer?
blank space whitespace
length size
row line
power exponent
zero zeroes zeros
"""
"""A group a line; a word goes with the first group that holds it. A word with a question mark belongs elsewhere too and
is left as it is."""


def nearest_tasks(
    data: "Bytes", offsets: "Offsets", against: tuple[str, ...], digests: str, near: float = NEAR
) -> Said:
    """Return the tasks that functions resemble by their words."""
    from curate.decontam.prose import nearest

    names, index = _index(against, digests)
    pairs, cosines = nearest(data, offsets, lexicon(), index, near, COMMON)
    said: Said = {}
    for (row, first, last, number), cosine in zip(pairs.tolist(), cosines.tolist(), strict=True):
        tasks = said.setdefault((row, first, last), {})
        tasks[names[number]] = max(cosine, tasks.get(names[number], 0.0))
    return said


@cache
def lexicon() -> "Lexicon":
    """Return the silent words and the synonyms as stems."""
    from curate.decontam.prose import make_lexicon

    groups = [[word for word in line.split() if not word.endswith("?")] for line in SAME.strip().splitlines()]
    return make_lexicon(SILENT.split(), groups)


@cache
def _index(against: tuple[str, ...], digests: str) -> tuple[list[str], "WordIndex"]:  # noqa: ARG001 - keys the cache
    """Index each statement whole, its first paragraph, and both with the words of the function's name."""
    from curate.decontam.prose import index_words, words_of

    found = [
        (task.task_id, words)
        for task in all_tasks(against)
        for text in dict.fromkeys([task.text, task.text.split("\n\n")[0], f"{task.entry_point} {task.text}"])
        if len(words := words_of(text, lexicon())) >= COMMON
    ]
    return [name for name, _ in found], index_words([words for _, words in found])
