"""What the wordings share: who speaks, of what types the names are, and when a phrase is too long to stand in another.

In: expressions. Out: phrases, by the two functions that a Speaker is given (phrases.py and clauses.py have them), so
that these and calls.py need not know each other.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.kinds import NUMBERS, Kind, bound, kind_of

LONG = re.compile(
    r",|\b(?:that|whose|if|each|every|for which|where|followed by|otherwise|joined|concatenated|separated|without|"
    r"at which|over all|repeated|reverse order|as|and|or|but)\b"
)
"""What ends otherwise than it looks when more stands behind it."""
SCOPED = re.compile(r",|\b(?:that|whose|if|each|every|for which|where|otherwise|joined|concatenated|separated)\b")
QUOTED = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
BRACKETS = re.compile(r"\([^()]*\)|\[[^][]*\]")
IN_CASE = re.compile(r"(.*) in (upper|lower) case", re.DOTALL)
MOST_CODE = 48
"""Characters of a formula."""


@dataclass(frozen=True)
class Speaker:
    """Says expressions. `stands` are names that are said in other words: "each number in `xs`"."""

    kinds: dict[str, Kind]
    phrase: Callable[["Speaker", ast.expr, bool], str]
    claim: Callable[["Speaker", ast.expr, bool, bool], str]
    stands: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Sentences that are to follow."""
    random: Random | None = None
    """Draws one of several wordings; without it the first is taken."""
    chosen: dict[tuple[str, ...], str] = field(default_factory=dict)
    """What was drawn, so that a text says the same in the same way."""

    def pick(self, *wordings: str) -> str:
        """Return one of several wordings of the same; for the same choice again the same one."""
        if self.random is None:
            return wordings[0]
        if wordings not in self.chosen:
            self.chosen[wordings] = self.random.choice(wordings)
        return self.chosen[wordings]

    def np(self, node: ast.expr, tail: bool = True) -> str:
        """Return what an expression is; where it is not the `tail`, nothing that could go on behind it."""
        text = self.phrase(self, node, tail)
        plain = text
        for words in self.stands.values():
            plain = plain.replace(words, "x")
        if not tail and is_long(plain):
            raise Unsayable("too long a phrase within another")
        return text

    def reverse(self, node: ast.expr) -> str:
        """Return something turned round; where other words stand for it, "each string in `xs`", that is said first."""
        of = self.np(node, tail=False)
        stands = isinstance(node, ast.Name) and node.id in self.stands
        return f"the reverse of {of}" if stands else f"{of} in reverse order"

    def within(self, node: ast.expr) -> str:
        """Return what is searched or gone through: "the lower-case form of `text`", for "the first 'x' in `text` in
        lower case" leaves open what is in lower case."""
        return IN_CASE.sub(r"the \2-case form of \1", self.np(node, tail=False))

    def clause(self, test: ast.expr, tail: bool = True, negative: bool = False) -> str:
        """Return a condition as a clause: "`x` is greater than 3"."""
        text = self.claim(self, test, negative, tail)
        if not tail and "," in bare(text):
            raise Unsayable("too long a condition within a phrase")
        return text

    def rounds(self, node: ast.expr) -> str:
        """Return what an expression is, to be followed by "for each"."""
        if isinstance(node, ast.BinOp) and self.kind(node).name in NUMBERS:
            return code(self, node)  # "the sum of each number, plus 1" could mean two things
        text = self.np(node)
        if SCOPED.search(bare(text)):
            raise Unsayable("too long a phrase within another")
        return f"{text}," if is_long(text) else text

    def kind(self, node: ast.expr) -> Kind:
        """Return the kind of an expression."""
        return kind_of(node, self.kinds)

    def knows(self, target: ast.expr, kind: Kind) -> "Speaker":
        """Return a speaker that knows a loop's names too."""
        own = names_in(target)
        if own & self.kinds.keys():
            raise Unsayable("one name for two things")
        return replace(self, kinds=bound(target, kind, self.kinds))

    def standing(self, name: str, words: str) -> "Speaker":
        """Return a speaker that says a name in other words."""
        return replace(self, stands={**self.stands, name: words})

    def note(self, sentence: str) -> None:
        """Let a sentence follow."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def is_long(text: str) -> bool:
    """Tell whether it is not plain where a phrase ends."""
    return LONG.search(bare(text)) is not None


def bare(text: str) -> str:
    """Return a text without what it quotes and what stands in brackets."""
    return BRACKETS.sub("x", QUOTED.sub("x", text))


def listed(parts: Sequence[str], word: str = "and") -> str:
    """Return parts as a list in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def code(say: Speaker, node: ast.expr) -> str:
    """Return an expression as it is written; every name in it must be one that the reader knows."""
    text = ast.unparse(node)
    names = names_in(node)
    loops = ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp | ast.Lambda | ast.IfExp
    if any(isinstance(part, loops) for part in ast.walk(node)):
        raise Unsayable("a loop in a formula")
    if len(text) > MOST_CODE or "`" in text or "\n" in text or names & say.stands.keys():
        raise Unsayable("too long a formula")
    known = say.kinds.keys() | {"len", "abs", "min", "max", "sum", "int", "round", "set", "float", "str"}
    if not names <= known:
        raise Unsayable("a name that is not told")
    return f"`{text}`"


def constant(value: object) -> str:
    """Return a constant in words."""
    match value:
        case "":
            return "an empty string"
        case "\n":
            return "a newline"
        case str() if "`" in value or len(value) > 80 or not value.isprintable():
            raise Unsayable("a text that cannot be shown")
        case str() | bool() | int() | float() | None:
            return repr(value)
        case _:
            raise Unsayable("a constant of another kind")


def number(node: ast.expr) -> int | float | None:
    """Return the value of a number that is written out."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            return None


def article(noun: str) -> str:
    """Return a noun with its article.

    >>> article("index"), article("key"), article("IndexError")
    ('an index', 'a key', 'an IndexError')
    """
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def plural(word: str) -> str:
    """Return the plural of a noun.

    >>> plural("dictionary"), plural("inner list"), plural("patch")
    ('dictionaries', 'inner lists', 'patches')
    """
    if word == "index":
        return "indices"
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word != "key" else f"{word}s"
