"""What a function's code is an example of, and what is true of that technique wherever it stands.

In: a function's syntax tree. Out: Techniques, the one that carries the function first. Each has a name, sentences on
what it is and why it fits, and what else to know; several wordings of each. A sentence stands here only if it holds for
all code that its condition (patterns.py) lets through.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from curate.synth.section.patterns import (
    Function,
    adds_up,
    calls,
    calls_with_generator,
    calls_with_one,
    collects,
    compares,
    comprehends,
    counts,
    decides_once,
    grows,
    has,
    is_chain,
    is_formula,
    looks_up,
    nests,
    results,
    searches,
    slices,
    tallies,
    unpacks,
    uses_method,
)


@dataclass(frozen=True)
class Technique:
    """A way to write something."""

    name: str
    """As a noun phrase, to stand in a heading."""
    holds: Callable[[Function], bool]
    ideas: tuple[str, ...]
    """What it is, and why it fits; `{}` is the function's name."""
    more: tuple[str, ...] = ()
    """What else a reader should know."""


TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "nested loops", nests,
        ("A loop stands inside another one: for every round of the outer loop the inner loop runs anew from its "
         "start.",
         "With nested loops the inner one starts over for each round of the outer one."),
    ),
    Technique(
        "a dictionary filled in a loop", tallies,
        ("A dictionary that starts empty is filled while the loop runs. Each key appears the first time it is "
         "needed, so "
         "nobody has to know the keys beforehand.",
         "The result is built key by key: the loop looks at one piece of the data at a time and updates the "
         "dictionary."),
        ("Finding a key in a dictionary takes about the same time however many keys there are.",),
    ),
    Technique(
        "a counter", counts,
        ("Counting follows a pattern that is worth knowing by heart: start at 0, go through the data, and add 1 "
         "whenever "
         "a condition is met.",
         "The code keeps a counter. It is set to 0 before the loop, because nothing has been counted by then."),
        ("The counter must be set up before the loop; inside, it would go back to 0 in every round.",),
    ),
    Technique(
        "a running total", adds_up,
        ("A running total is the standard way to add things up: begin with 0 and let every round of the loop add "
         "its part.",
         "The loop works with an accumulator, a name whose value is updated in every round that has something to add."),
        ("Where the loop has nothing to add, a total that starts at 0 stays 0.",),
    ),
    Technique(
        "a search that stops early", searches,
        ("A `return` inside a loop ends the whole function at once, so the search stops as soon as the answer is "
         "known.",
         "The loop is a search. It does not have to see everything: the first hit decides, and `return` leaves "
         "loop and "
         "function together."),
        ("What stands behind the loop is reached only if no round returned.",),
    ),
    Technique(
        "a list built by a loop", collects,
        ("The result is collected step by step: an empty list first, and `append` for every element that belongs "
         "in it.",
         "Building a list in a loop takes three steps: create it empty, append to it inside the loop, and use it "
         "after the loop."),
        ("`append` changes the list in place and returns `None`, so its result is never assigned.",),
    ),
    Technique(
        "a dictionary as a lookup table", looks_up,
        ("Instead of a long row of `if` statements, the known cases are written down as data, in a dictionary, "
         "and `get` "
         "picks the one that is asked for.",
         "A dictionary serves as a table here. To support another case, add an entry to it."),
        ("The second argument of `get` is the answer for keys that are not in the table; without it the answer "
         "would be "
         "`None`.",),
    ),
    Technique(
        "a list comprehension with a condition", comprehends(ast.ListComp, True),
        ("To filter is to keep some elements and drop the others. A list comprehension says this in one line: "
         "what to "
         "put into the new list, where it comes from, and, behind `if`, which elements may pass.",
         "The comprehension reads almost like the sentence that describes the result. Its `if` part decides which "
         "elements get in; the order of those that do stays the same."),
        ("The original data is not changed: a list comprehension always builds a new list.",
         "A loop with `append` would do the same in more lines."),
    ),
    Technique(
        "a list comprehension", comprehends(ast.ListComp, False),
        ("The same thing is done to every element, and the results are wanted in the same order: that is what a list "
         "comprehension without a condition is for.",
         "To map is to turn each element into something else. The part before `for` says what each one becomes."),
        ("The new list has exactly as many elements as there are rounds, so nothing gets lost on the way.",
         "A loop with `append` would do the same in more lines."),
    ),
    Technique(
        "a dictionary comprehension", lambda f: any(isinstance(each, ast.DictComp) for each in results(f)),
        ("A dictionary comprehension looks like a list comprehension with a colon: before it stands the key, "
         "behind it "
         "the value.",
         "Key and value are both written down as expressions, and the dictionary is built in a single expression."),
        ("A key can stand in a dictionary only once. Where the same key comes up again, the later value replaces the "
         "earlier one.",),
    ),
    Technique(
        "`any` and `all`", calls_with_generator("any", "all"),
        ("`any` and `all` answer questions about a whole collection: is there one that fits, or do all of them fit?",
         "The condition is written once, for a single element; `any` or `all` extends it to the whole collection."),
        ("`any` and `all` stop as soon as the answer is certain. For an empty collection `any` gives False and "
         "`all` gives True.",),
    ),
    Technique(
        "`sum` with a generator expression", calls_with_generator("sum"),
        ("A generator expression hands its values to `sum` one by one, so that no list has to be stored in between.",
         "`sum` does the adding. What is left to write down is what each element contributes."),
        ("With nothing to add, `sum` gives 0.",),
    ),
    Technique(
        "sorting", calls("sorted"),
        ("`sorted` returns a new list and leaves the data that it was given unchanged.",
         "Putting things in order is left to `sorted`, which accepts anything that can be looped over and gives "
         "a list."),
        ("Sorting n elements takes a number of comparisons of at most the order of n log n.",),
    ),
    Technique(
        "the largest and the smallest", calls_with_one("max", "min"),
        ("To find the largest or the smallest of several values nothing has to be sorted: `max` and `min` look at each "
         "value once.",
         "`max` and `min` look at each value once and remember the best one so far."),
    ),
    Technique(
        "splitting and joining strings", lambda f: uses_method("split")(f) and uses_method("join")(f),
        ("`split` turns a string into a list of strings, and `join` turns a list of strings into one string.",
         "Text is easier to handle in pieces: `split` takes a string apart, `join` puts pieces together."),
        ("Strings never change: `split` and `join` give something new and leave what they are called on as it is.",),
    ),
    Technique(
        "splitting a string", uses_method("split"),
        ("`split` turns a string into a list of strings, which is easier to handle piece by piece.",
         "Text is easier to handle in pieces, and `split` takes a string apart."),
        ("Strings never change: `split` gives a list and leaves the string as it is.",),
    ),
    Technique(
        "joining strings", uses_method("join"),
        ("`join` turns a list of strings into one string; the string that it is called on goes between them.",
         "The string before `.join` goes between the parts, and not behind the last one."),
    ),
    Technique(
        "a chain of conditions", is_chain,
        ("The conditions are checked from top to bottom, and the first one that holds decides.",
         "A chain of conditions is read from the top. As soon as one holds, its `return` ends the function, and "
         "the rest "
         "is never looked at."),
        ("The last `return` has no condition of its own: it catches everything that the conditions above did not.",),
    ),
    Technique(
        "f-strings", has(ast.JoinedStr),
        ("An f-string is a template: the text stands as it is, and each pair of braces is replaced by the value "
         "of the "
         "expression inside.",
         "With an f-string the shape of the result can be seen at a glance; the values go where the braces are."),
        ("Whatever stands in the braces is converted to text, without `str` around it.",),
    ),
    Technique(
        "unpacking", unpacks,
        ("Several names are given a value in one line: the value on the right is taken apart, position by "
         "position.",),
    ),
    Technique(
        "one decision", decides_once,
        ("Everything depends on one condition. There are two cases, and each has its own result.",
         "The code makes a single decision: one condition, and a result for each of its two outcomes."),
    ),
    Technique(
        "a formula as a function", is_formula,
        ("Giving a formula a name makes it usable again and again, and the call says what is meant.",
         "The body is a formula. Wrapped in a function it has a name, and its inputs are named too."),
    ),
    Technique(
        "slicing", slices,
        ("A slice copies a part of a string or a list. The first index is included, the last one is not.",
         "A slice takes a part without a loop: it begins at the first index and stops before the second."),
        ("A slice never raises an IndexError: where there is less than asked for, it is simply shorter.",),
    ),
    Technique(
        "string methods",
        lambda f: uses_method("lower", "upper", "strip", "replace", "startswith", "endswith", "title")(f)
        and not has(ast.For, ast.While)(f),
        ("Strings bring their own tools: a method does the work in a single call.",
         "A string method gives its result as a new value; the string itself stays as it was."),
    ),
    Technique(
        "a string built in a loop", grows,
        ("The string grows piece by piece: it starts empty, and each round may add its part at the end.",
         "A string can be an accumulator too: begin with an empty one and add to it in the loop."),
        ("Strings never change: `+=` makes a new one every time. For very many pieces it is faster to collect "
         "them in a "
         "list and to call `join` once.",),
    ),
    Technique(
        "a set", lambda f: calls("set")(f) or has(ast.Set, ast.SetComp)(f),
        ("A set holds each value at most once, so duplicates disappear by themselves.",
         "Putting values into a set answers two questions at once: which different values there are, and how many."),
        ("A set has no order; whether a value is in it can be found out quickly, however large it is.",),
    ),
    Technique(
        "a dictionary as a record", lambda f: any(isinstance(each, ast.Dict) and each.keys for each in results(f)),
        ("A dictionary with fixed keys serves as a record: every value in it has a name.",
         "The results belong together, so they are returned in one dictionary, each under a key that says what "
         "it is."),
    ),
    Technique(
        "several results at once", lambda f: any(isinstance(each, ast.Tuple) for each in results(f)),
        ("A function can return several values at once: separated by commas, they become a tuple.",
         "More than one value is returned here, as a tuple, and the caller can unpack it into as many names."),
        ("Tuples cannot be changed once they are made, which suits results that belong together.",),
    ),
    Technique(
        "a list comprehension", has(ast.ListComp),
        ("A list comprehension builds a list in a single expression: what goes into it, where that comes from, "
         "and, if "
         "need be, a condition.",),
    ),
    Technique(
        "going backwards with a slice", lambda f: any(
            isinstance(each, ast.Slice) and each.step and ast.unparse(each) == "::-1" for each in ast.walk(f)
        ),
        ("The slice `[::-1]` goes through a string or a list from its end to its start and gives a copy in that "
         "order.",),
        ("What is sliced this way keeps its own order.",),
    ),
    Technique(
        "conditions joined by `and`", has(ast.And),
        ("Conditions are joined by `and`: all of them must hold.",
         "Several conditions are joined into one: with `and` all of them must hold."),
        ("The parts are evaluated from left to right, and Python stops at the first one that does not hold.",),
    ),
    Technique(
        "conditions joined by `or`", has(ast.Or),
        ("Conditions are joined by `or`: one that holds is enough.",
         "Several conditions are joined into one: with `or` a single one is enough."),
        ("The parts are evaluated from left to right, and Python stops at the first one that holds.",),
    ),
    Technique(
        "a comparison as a result", compares,
        ("A comparison already is True or False. It can be returned as it is, without an `if` around it.",),
    ),
)  # fmt: skip
"""In the order of what a function is remembered for."""


def techniques_of(function: Function) -> list[Technique]:
    """Return what a function's code is an example of."""
    return [each for each in TECHNIQUES if each.holds(function)]
