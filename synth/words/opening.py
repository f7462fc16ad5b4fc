"""How a description begins, and what it calls the parameters: "Count the words", "Given a string ...".

In: sentences that begin with "Return", "If" or "Let" and name parameters in backticks. Out: the same said in one of
several ways, drawn by the speaker: each states the same operation.
"""

import ast
import re
from collections.abc import Callable, Sequence
from random import Random

from curate.synth.words.speaker import QUOTED, Speaker, article, listed, plural

TRUTH = re.compile(r"Return True if (.*), otherwise False\.")
TRUTHS = (
    "Return True if {}, otherwise False.", "Return True if {}, and False otherwise.", "Return True if {}, else False.",
    "Check whether {}.", "Check if {}.", "Determine whether {}.", "Return whether {}.", "Tell whether {}.",
)  # fmt: skip
BEGINNINGS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), ways)
    for pattern, ways in (
        (r"Return the number of times (?!.* as a string)",
         ("Return the number of times ", "Count how many times ", "Count how often ")),
        (r"Return the number of (?!.* as a string)", ("Return the number of ", "Count the ")),
        (r"Return the (?=sum |average |product |absolute |remainder |total )",
         ("Return the ", "Compute the ", "Calculate the ", "Find the ")),
        (r"Return the (?=largest |smallest |longest |shortest |first |last |larger |smaller |index |key )",
         ("Return the ", "Find the ", "Find and return the ", "Get the ")),
        (r"Return a dictionary ", ("Return a dictionary ", "Build a dictionary ", "Create a dictionary ")),
        (r"Return a list of (?=the different )", ("Return a list of ", "List ", "Find ")),
        (r"Return a list of (?=the [a-z-]+ (?:[a-z]+ )?(?:in|of) `\w+` (?:that|whose) )",
         ("Return a list of ", "Return only ", "Find ", "Select ", "Return ", "Collect ")),
        (r"Return a list of (?=the (?!\w+ of )[a-z]+s (?:in|of) )", ("Return a list of ", "Return ", "List ", "Get ")),
        (r"Return a list (?=of |with |that )", ("Return a list ", "Build a list ", "Create a list ", "Make a list ")),
        (r"Return the set of (?=the )", ("Return the set of ", "Return ", "Find ", "Return the set of ")),
        (r"Return a tuple of ", ("Return a tuple of ", "Return a tuple that holds ")),
        (r"Return the string ", ("Return the string ", "Build the string ", "Return the string ")),
        (r"Return (?=.* (?:joined|concatenated|separated) )", ("Return ", "Get ", "Return ")),
        (r"Return (?=`\w+` (?:times|plus|minus|divided|multiplied)|`[^`]*[-+*/][^`]*`\.)",
         ("Return ", "Compute ", "Calculate ")),
    )
)  # fmt: skip
JOINS = re.compile(r"Return (.*?),? (?:joined|concatenated|separated)\b[^,]*\.")
TUPLE = re.compile(r"Return a tuple of ([^,.]*)\.")
BOTH = re.compile(r"the (\w+) (\w+ (?:in|of) `\w+`) and the (\w+) \2")
MORE = re.compile(r" (?:plus|minus|times|multiplied by|divided by) ")
OF_SUMS = re.compile("Return|Compute|Calculate")
GIVEN = 0.18
"""Of the descriptions, the share that begin with what is given."""
ERRORS = (
    "Raises {error} if {when}.", "Raise {an_error} if {when}.", "If {when}, {error} is raised.",
    "Raises {an_error} if {when}.",
)  # fmt: skip
RAISES = re.compile(r"(Raises? (?:an? )?\w+) if ((?:(?! and | or )[^.])*)\.$")
KINDS: dict[str, tuple[str, str]] = {
    "int": ("an integer", "integers"), "float": ("a number", "numbers"), "str": ("a string", "strings"),
    "bool": ("a truth value", "truth values"), "char": ("a character", "characters"),
}  # fmt: skip


def opened(sentences: Sequence[str], arguments: Sequence[ast.arg], say: Speaker) -> str:
    """Return sentences as one text, with one of several beginnings and names for the parameters."""
    if say.random is None:
        return " ".join(sentences)
    random = say.random
    first, *rest = sentences
    given = _given(arguments) if random.random() < GIVEN and not first.startswith(("If ", "Let ")) else ""
    first = f"{given}, {first[0].lower()}{first[1:]}" if given else _begun(first, say.pick)
    return BOTH.sub(r"the \1 and the \3 \2", " ".join([first, *rest]))


def reworded(errors: Sequence[str], random: Random | None) -> list[str]:
    """Return "Raises ValueError if ..." in one of several wordings, the same for all."""
    if random is None:
        return list(errors)
    way = random.choice(ERRORS)
    found = [re.fullmatch(r"Raises (\w+) if (.*)\.", each) for each in errors]
    return [
        way.format(error=match[1], an_error=article(match[1]), when=match[2]) if match else each
        for each, match in zip(errors, found, strict=True)
    ]


def merged(sentences: Sequence[str]) -> list[str]:
    """Return sentences in which one error for two reasons, said in two that follow each other, is said in one.

    >>> merged(["Return it. Raise a KeyError if `a` is 0.", "Raise a KeyError if `b` is empty."])
    ['Return it. Raise a KeyError if `a` is 0 or `b` is empty.']
    """
    found = list(sentences[:1])
    for sentence in sentences[1:]:
        before, now = RAISES.search(found[-1]), RAISES.match(sentence)
        if before and now and before[1] == now[1]:
            found[-1] = f"{found[-1][:-1]} or {now[2]}."
        else:
            found.append(sentence)
    return found


def _begun(first: str, pick: Callable[..., str]) -> str:
    truth = TRUTH.fullmatch(first)
    if truth:
        return pick(*TRUTHS).format(truth[1])
    both = TUPLE.fullmatch(first)
    if both and QUOTED.sub("x", both[1]).count(" and ") == 1:
        return pick(first, f"Return {both[1]} as a tuple.")
    for pattern, ways in BEGINNINGS:
        found = pattern.match(first)
        if found:
            if MORE.search(QUOTED.sub("x", first[found.end() :])):  # what is counted is only a part of it
                return f"{pick(*(way for way in ways if OF_SUMS.match(way)))}{first[found.end() :]}"
            return f"{pick(*ways)}{first[found.end() :]}"
    return first


def _given(arguments: Sequence[ast.arg]) -> str:
    """Return what a function is given: "Given a list of strings `words` and an integer `n`"; empty for many."""
    if not 1 <= len(arguments) <= 2:
        return ""
    parts = [_kind(each.annotation) for each in arguments]
    if not all(parts):
        return ""
    if len(set(parts)) < len(parts):
        many = re.sub(r"^an? (\w+)", lambda found: f"two {plural(found[1])}", parts[0])
        return f"Given {many} {listed([f'`{each.arg}`' for each in arguments])}"
    return f"Given {listed([f'{part} `{each.arg}`' for part, each in zip(parts, arguments, strict=True)])}"


def _kind(annotation: ast.expr | None) -> str:
    """Return the words for a type: "a list of integers"; empty for one that has none."""
    match annotation:
        case ast.Name(id=text) if text in KINDS:
            return KINDS[text][0]
        case ast.Subscript(value=ast.Name(id="list" | "set" as text), slice=ast.Name(id=inner)) if inner in KINDS:
            return f"a {text} of {KINDS[inner][1]}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id=key), ast.Name(id=value)])) if (
            key in KINDS and value in KINDS
        ):
            return f"a dictionary that maps {KINDS[key][1]} to {KINDS[value][1]}"
        case ast.Subscript(
            value=ast.Name(id="list"), slice=ast.Subscript(value=ast.Name(id="list"), slice=ast.Name(id=inner))
        ) if inner in KINDS:
            return f"a list of lists of {KINDS[inner][1]}"
        case _:
            return ""
