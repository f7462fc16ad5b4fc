"""What a function's code is an example of, and what is true of that technique wherever it stands.

In: a function's syntax tree. Out: Techniques, the one that carries the function first. Each has a name, sentences on
what it is, and what else to know; several wordings of each. A sentence stands here only if it holds for all code that
its technique's condition (patterns.py) lets through, or its own: nothing is said that only usually fits.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from curate.synth.section.comprehensions import comprehends, keys_may_repeat, maps
from curate.synth.section.patterns import (
    Function,
    adds_up,
    calls,
    calls_with_generator,
    calls_with_one,
    collects,
    compares,
    counters,
    decides_once,
    grows,
    has,
    has_record,
    is_chain,
    is_formula,
    looks_up,
    nests,
    only_tuples,
    only_used_behind,
    results,
    searches,
    slices,
    tallies,
    unpacks,
    uses_method,
)

Test = Callable[[Function], bool]
Said = str | tuple[str, Test]
"""A sentence, or one with a condition of its own."""


@dataclass(frozen=True)
class Shown:
    """A way to write something that a function shows, and sentences that are true of it."""

    name: str
    """As a noun phrase, to stand in a heading."""
    ideas: list[str]
    """What it is."""
    more: list[str]
    """What else a reader should know."""


@dataclass(frozen=True)
class Technique:
    """A way to write something, what code is an example of it, and what is said of it: always one idea or more."""

    name: str
    holds: Test
    ideas: tuple[Said, ...]
    more: tuple[Said, ...] = ()

    def shown(self, function: Function) -> Shown:
        """Return the technique with those sentences that hold for a function."""
        return Shown(self.name, _fitting(self.ideas, function), _fitting(self.more, function))


def _fitting(said: tuple[Said, ...], function: Function) -> list[str]:
    texts = [each if isinstance(each, str) else each[0] for each in said if isinstance(each, str) or each[1](function)]
    counter = min(counters(function), default="")
    return [text.replace("{counter}", counter) for text in texts]


TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "nested loops", nests,
        ("A loop stands inside another one: every time the outer loop comes to it, the inner loop runs anew from its "
         "start.",
         "With nested loops the inner one starts over each time that the outer one comes to it."),
    ),
    Technique(
        "a dictionary filled in a loop", tallies,
        ("A dictionary that starts empty is filled by a loop: a key comes into it with the first value that is put "
         "under it.",
         "Here a dictionary is built key by key: it starts empty, and a loop puts values into it."),
        ("Finding a key in a dictionary takes about the same time however many keys it holds.",),
    ),
    Technique(
        "a counter", lambda f: len(counters(f)) == 1,
        ("Counting follows a pattern that is worth knowing by heart: start at 0, go through the data, and add 1 "
         "whenever a condition is met.",
         "The code keeps a counter, `{counter}`. It is set to 0 before the loop, because nothing has been counted by "
         "then."),
        ("The counter `{counter}` is set to 0 before the loop: set to 0 in every round, it would forget the rounds "
         "before.",),
    ),
    Technique(
        "several counters", lambda f: len(counters(f)) > 1,
        ("Counting follows a pattern that is worth knowing by heart: start at 0, go through the data, and add 1 "
         "whenever a condition is met. Here there are several counters.",
         "The code keeps several counters. They are set to 0 before the loop, because nothing has been counted by "
         "then."),
    ),
    Technique(
        "a running total", adds_up,
        ("The running total begins with 0, and the rounds of a loop add their parts to it.",
         "The loop works with an accumulator, a name whose value is updated in every round that has something to add."),
    ),
    Technique(
        "a search that stops early", searches,
        ("A `return` inside a loop ends the whole function at once: no further round follows.",
         "The loop does not have to go through everything: where its condition holds, `return` leaves loop and "
         "function together."),
        ("What stands behind the loop is reached only if no round returned.",),
    ),
    Technique(
        "a list built by a loop", collects,
        ("The list is collected step by step: it is empty first, and `append` puts one more value at its end.",
         ("Building a list in a loop takes three steps: create it empty, append to it inside the loop, and use it "
          "after the loop.", only_used_behind)),
        ("`append` changes the list in place and returns `None`, so its result is not assigned to anything.",),
    ),
    Technique(
        "a dictionary as a lookup table", looks_up,
        ("The known cases are written down as data, in a dictionary, and `get` looks up the one that is asked for.",
         "A dictionary serves as a table here: `get` gives what stands in it under a key."),
        ("The second argument of `get` is what it gives for keys that are not in the dictionary; without it, it would "
         "give `None` for them.",),
    ),
    Technique(
        "a list comprehension with a condition", comprehends(True),
        ("A list comprehension with a condition says in one expression what to put into the new list, where it comes "
         "from, and, behind `if`, in which rounds to do so.",
         "The `if` part of the comprehension decides which rounds put something into the list; the order is that of "
         "the rounds."),
        ("A list comprehension always builds a new list.", "A loop with `append` would give the same list."),
    ),
    Technique(
        "a list comprehension", comprehends(False),
        (("To map is to make something of each element; the part before `for` says what.", maps),
         "This list comprehension puts one value into the new list in each round: the part before `for` says which."),
        ("The new list has exactly as many elements as there are rounds.",
         "A loop with `append` would give the same list."),
    ),
    Technique(
        "a dictionary comprehension", lambda f: any(isinstance(each, ast.DictComp) for each in results(f)),
        ("A dictionary comprehension stands in braces and has a colon: before the colon stands the key, behind it the "
         "value.",
         "Key and value are both written down as expressions, and the dictionary is built in a single expression."),
        (("A key can stand in a dictionary only once. Where the same key comes up again, the later value replaces the "
          "earlier one.", keys_may_repeat),),
    ),
    Technique(
        "`any`", calls_with_generator("any"),
        ("`any` answers a question about everything that is gone through: is there one for which the condition holds?",
         "The condition is written once, for a single round; `any` asks whether it holds in at least one of them."),
        ("`any` stops as soon as the condition holds. Where there is nothing to go through, it gives False.",),
    ),
    Technique(
        "`all`", calls_with_generator("all"),
        ("`all` answers a question about everything that is gone through: does the condition hold for each?",
         "The condition is written once, for a single round; `all` asks whether it holds in every one of them."),
        ("`all` stops as soon as the condition does not hold. Where there is nothing to go through, it gives True.",),
    ),
    Technique(
        "`sum` with a generator expression", calls_with_generator("sum"),
        ("A generator expression hands its values to `sum` one by one, so that no list has to be stored in between.",
         "`sum` does the adding. What is left to write down is what is to be added."),
        (("With nothing to add, `sum` gives 0.", calls_with_one("sum")),),
    ),
    Technique(
        "sorting", calls("sorted"),
        ("`sorted` returns a new list and leaves the data that it was given unchanged.",
         "Putting things in order is left to `sorted`, which always gives a list."),
        ("Sorting n elements takes a number of comparisons of at most the order of n log n.",),
    ),
    Technique(
        "the largest and the smallest", lambda f: calls_with_one("max")(f) and calls_with_one("min")(f),
        ("To find the largest or the smallest of several values nothing has to be sorted: `max` and `min` look at each "
         "value once.",),
    ),
    Technique(
        "the largest", lambda f: calls_with_one("max")(f) and not calls_with_one("min")(f),
        ("To find the largest of several values nothing has to be sorted: `max` looks at each value once.",),
    ),
    Technique(
        "the smallest", lambda f: calls_with_one("min")(f) and not calls_with_one("max")(f),
        ("To find the smallest of several values nothing has to be sorted: `min` looks at each value once.",),
    ),
    Technique(
        "splitting and joining strings", lambda f: uses_method("split")(f) and uses_method("join")(f),
        ("`split` turns a string into a list of strings, and `join` puts several strings together into one.",),
        ("Strings never change: `split` and `join` give something new and leave what they are called on as it is.",),
    ),
    Technique(
        "splitting a string", lambda f: uses_method("split")(f) and not uses_method("join")(f),
        ("`split` turns a string into a list of strings.",),
        ("Strings never change: `split` gives a list and leaves the string as it is.",),
    ),
    Technique(
        "joining strings", lambda f: uses_method("join")(f) and not uses_method("split")(f),
        ("`join` puts several strings together into one; the string that it is called on goes between them.",
         "The string before `.join` goes between the parts, and not behind the last one."),
    ),
    Technique(
        "a chain of conditions", is_chain,
        ("The conditions are checked from top to bottom, and the first one that holds decides.",
         "A chain of conditions is read from the top. As soon as one holds, its `return` ends the function, and the "
         "rest is not looked at."),
        ("The last `return` is reached only where none of the conditions holds.",),
    ),
    Technique(
        "f-strings", has(ast.JoinedStr),
        ("An f-string is a template: where an expression stands in braces, its value is put into the text.",),
        ("A value that is put into an f-string is converted to text, without `str` around it.",),
    ),
    Technique(
        "unpacking", unpacks,
        ("Several names are given values at once: the value on the right is taken apart, position by position.",),
    ),
    Technique(
        "one decision", decides_once,
        ("Everything depends on one condition. There are two cases, and each has its own result.",
         "The code makes a single decision: one condition, and a result for each of its two outcomes."),
    ),
    Technique(
        "a formula as a function", is_formula,
        ("The body is a calculation. Wrapped in a function it has a name, and its inputs are named too.",
         "Nothing but a calculation stands in the body: no condition, and no loop."),
    ),
    Technique(
        "slicing", slices,
        (("A slice takes a part: it begins at the index before the colon and stops before the one behind it.",
          lambda f: all(each.lower and each.upper for each in ast.walk(f) if isinstance(each, ast.Slice))),
         ("A slice with nothing before its colon takes everything before the index that stands behind it.",
          lambda f: all(each.upper and not each.lower for each in ast.walk(f) if isinstance(each, ast.Slice))),
         ("A slice with nothing behind its colon takes everything from the index before it on.",
          lambda f: all(each.lower and not each.upper for each in ast.walk(f) if isinstance(each, ast.Slice))),
         "A slice gives a part of a string, a list or a tuple as a new value."),
        ("A slice never raises an IndexError: where there is less than asked for, it is simply shorter.",),
    ),
    Technique(
        "string methods",
        lambda f: uses_method("lower", "upper", "strip", "replace", "title")(f) and not has(ast.For, ast.While)(f),
        ("A string method gives its result as a new value; the string itself stays as it was.",),
    ),
    Technique(
        "a string built in a loop", grows,
        ("The string grows piece by piece: it starts empty, and a loop adds to its end.",
         "A string can be an accumulator too: begin with an empty one and add to it in the loop."),
        ("Strings never change: `+=` gives the name a new one.",),
    ),
    Technique(
        "a set", lambda f: calls("set")(f) or has(ast.Set, ast.SetComp)(f),
        ("A set holds each value at most once.",),
        ("A set has no order; whether a value is in it can be found out quickly, however large it is.",),
    ),
    Technique(
        "a dictionary as a record", has_record,
        ("A dictionary with fixed keys serves as a record: every value in it has a name.",
         "Several values are returned in one dictionary, each under a key of its own."),
    ),
    Technique(
        "several results at once", only_tuples,
        ("A function can return several values at once: separated by commas, they become a tuple.",
         "More than one value is returned here, as a tuple, and the caller can unpack it into as many names."),
        ("The length of a tuple never changes.",),
    ),
    Technique(
        "a list comprehension", lambda f: has(ast.ListComp)(f) and not comprehends()(f),
        ("A list comprehension builds a list in a single expression.",),
    ),
    Technique(
        "going backwards with a slice", lambda f: any(
            isinstance(each, ast.Slice) and each.step and ast.unparse(each) == "::-1" for each in ast.walk(f)
        ),
        ("The slice `[::-1]` goes through a string or a list from its end to its start and gives a copy in that "
         "order.",),
        ("What `[::-1]` is applied to keeps its own order.",),
    ),
    Technique(
        "conditions joined by `and`", has(ast.And),
        ("Conditions are joined by `and`: all of them must hold.",
         "Several conditions are joined into one: with `and` all of them must hold."),
        ("The parts of an `and` are evaluated from left to right, and Python stops at the first that does not hold.",),
    ),
    Technique(
        "conditions joined by `or`", has(ast.Or),
        ("Conditions are joined by `or`: one that holds is enough.",
         "Several conditions are joined into one: with `or` a single one is enough."),
        ("The parts of an `or` are evaluated from left to right, and Python stops at the first that holds.",),
    ),
    Technique(
        "a comparison as a result", compares,
        ("A comparison already is True or False. It can be returned as it is, without an `if` around it.",),
    ),
)  # fmt: skip
"""In the order of what a function is remembered for."""


def techniques_of(function: Function) -> list[Shown]:
    """Return what a function's code is an example of, each with the sentences that hold for it."""
    return [each.shown(function) for each in TECHNIQUES if each.holds(function)]
