"""The strings of a syntax tree for what they are: names that are bound or used, modules, texts, words of Python.

In: a string and the open nodes around it. Out: events (filters/syntax/scopes.py) and sums (filters/syntax/frames.py).
"""

import __future__

import sys

import numpy as np
import numpy.typing as npt

from curate.filters.syntax.frames import (
    CHECKS,
    CHILDREN,
    CLASSES,
    CONSTANT,
    FIELDS,
    FOREIGN,
    GLOBAL_STATEMENT,
    IMPORT_ALL,
    IMPORT_FROM,
    INDEX,
    INNER,
    NAME_SCORE,
    NAMES,
    NAMES_BY_STRING,
    NONLOCAL_STATEMENT,
    NUMBER,
    OF_TEST,
    OVER,
    OWN_SCOPE,
    PLAIN_IMPORT,
    PRIVATE,
    SIZE,
    START,
    STORE,
    STRINGS,
    TAG,
    TESTS,
    UNBOUND_TYPE,
    YES,
)
from curate.filters.syntax.letters import DOT, begins, first_part, is_word
from curate.filters.syntax.scopes import (
    BIND,
    COMPREHENSION_SCOPE,
    GLOBAL,
    NONLOCAL,
    PARAMETER,
    PRIME,
    REFUSED,
    UNDERSCORE,
    USE,
    hashed,
    hashes_of,
    is_among,
)
from curate.filters.syntax.scopes import START as SEED
from curate.filters.syntax.tree import ALIAS, CALL, CLASS, FUNCTION, LAMBDA, MEMBER, NAME, TEXT
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

SELF, CLS, ASSERT_WORD, TEST_WORD, TEST_CLASS, DOCTEST, NONE_WORD, FUTURE, ANNOTATIONS = (
    np.frombuffer(word, np.uint8).copy()
    for word in (b"self", b"cls", b"assert", b"test", b"Test", b">>>", b"None", b"__future__", b"annotations")
)
CONSTANTS = hashes_of(["None", "True", "False"])
STANDARD = hashes_of(sys.stdlib_module_names)
FUTURES = hashes_of(__future__.all_feature_names)


@compiled
def mention(  # noqa: PLR0912 - one branch for each kind of node
    tree: Bytes, at: int, size: int, frames: Integers, depth: int, functions: Integers, counts: Floats, events: Hashes,
    scopes: Integers, known: Integers,
) -> None:  # fmt: skip
    """Take a string of the node at `depth` for what it is: a name bound or used, a module, a text."""
    tag, scope, first = frames[depth, TAG], frames[depth, OWN_SCOPE], frames[depth, STRINGS] == 0
    if tag == NAME:
        value = hashed(tree, at, at + size, SEED)
        if is_among(value, CONSTANTS):
            frames[depth - 1, CONSTANT] = 1 + is_word(tree, at, size, NONE_WORD)
        else:
            if frames[depth, STORE] == 2:  # of `:=`, whose name is not the comprehension's
                while scopes[1, scope] == COMPREHENSION_SCOPE:
                    scope = scopes[0, scope]
            note(tree, at, size, scope, BIND if frames[depth, STORE] else USE, events, scopes, known)
    if tag in (NAME, MEMBER):
        if (
            frames[depth - 1, TAG] == CALL
            and frames[depth - 1, CHILDREN] == 1
            and depth > 1
            and begins(tree, at, size, ASSERT_WORD)
        ):
            frames[depth - 2, CHECKS] = 1
    elif tag in (FUNCTION, LAMBDA):
        _of_function(tree, at, size, frames, depth, functions, counts, events, scopes, known)
    elif tag == CLASS:
        _of_class(tree, at, size, frames, depth, counts, events, scopes, known)
    elif tag in (PLAIN_IMPORT, IMPORT_FROM):
        _of_import(tree, at, size, frames, depth, counts, events, scopes, known)
    elif tag in (GLOBAL_STATEMENT, NONLOCAL_STATEMENT):
        note(tree, at, size, scope, GLOBAL if tag == GLOBAL_STATEMENT else NONLOCAL, events, scopes, known)
    elif NAMES_BY_STRING[tag]:
        note(tree, at, size, scope, BIND, events, scopes, known)
    elif tag == ALIAS:
        note(tree, at, size, 0, BIND, events, scopes, known)
    elif tag in (TEXT, IMPORT_ALL, UNBOUND_TYPE):
        if first:
            frames[depth, START], frames[depth, SIZE] = at, size
        frames[depth, OVER] = not first


@compiled
def _of_function(
    tree: Bytes, at: int, size: int, frames: Integers, depth: int, functions: Integers, counts: Floats, events: Hashes,
    scopes: Integers, known: Integers,
) -> None:  # fmt: skip
    """Take a string of a function: its name, a parameter, a type parameter."""
    tag, scope, first = frames[depth, TAG], frames[depth, OWN_SCOPE], frames[depth, STRINGS] == 0
    if tag == FUNCTION and first:
        note(tree, at, size, scope, BIND, events, scopes, known)
        count_name(tree, at, size, counts)
        functions[frames[depth, INDEX], OF_TEST] = begins(tree, at, size, TEST_WORD)
    elif frames[depth, FIELDS] < 0:
        note(tree, at, size, frames[depth, INNER], PARAMETER, events, scopes, known)
        frames[depth, START], frames[depth, SIZE] = at, size
        frames[depth, OVER] = not (is_word(tree, at, size, SELF) or is_word(tree, at, size, CLS))
    else:
        note(tree, at, size, 0, BIND, events, scopes, known)  # a type parameter


@compiled
def _of_class(
    tree: Bytes, at: int, size: int, frames: Integers, depth: int, counts: Floats, events: Hashes, scopes: Integers,
    known: Integers,
) -> None:  # fmt: skip
    """Take a string of a class: its name, a type parameter, a keyword."""
    scope, first = frames[depth, OWN_SCOPE], frames[depth, STRINGS] == 0
    if first:
        note(tree, at, size, scope, BIND, events, scopes, known)
        counts[CLASSES] += 1
        counts[TESTS] += begins(tree, at, size, TEST_CLASS)
        start = at
        while start < at + size and tree[start] == UNDERSCORE:
            start += 1
        plain = hashed(tree, start, at + size, (SEED ^ np.uint64(UNDERSCORE)) * PRIME)
        scopes[2, frames[depth, INNER]] = np.int64(plain) if start < at + size else 0
    elif not frames[depth, OVER]:
        note(tree, at, size, 0, BIND, events, scopes, known)


@compiled
def _of_import(
    tree: Bytes, at: int, size: int, frames: Integers, depth: int, counts: Floats, events: Hashes, scopes: Integers,
    known: Integers,
) -> None:  # fmt: skip
    """Take a string of an import: a module, a name, the name that it is given here."""
    tag, scope, first = frames[depth, TAG], frames[depth, OWN_SCOPE], frames[depth, STRINGS] == 0
    if tag == IMPORT_FROM and first:
        count_import(tree, at, size, frames[depth, NUMBER], counts)
        frames[depth, INDEX] = is_word(tree, at, size, FUTURE)
    elif frames[depth, YES]:
        frames[depth, YES] = 0
        note(tree, at, size, scope, BIND, events, scopes, known)
    else:
        if tag == PLAIN_IMPORT:
            count_import(tree, at, size, 0, counts)
        frames[depth, OVER], frames[depth, START], frames[depth, SIZE] = 1, at, first_part(tree, at, size)
        if frames[depth, INDEX]:
            known[3] |= is_word(tree, at, size, ANNOTATIONS)
            if not is_among(hashed(tree, at, at + size, SEED), FUTURES):
                note(tree, at, size, scope, REFUSED, events, scopes, known)


@compiled
def note(
    tree: Bytes, at: int, size: int, scope: int, kind: int, events: Hashes, scopes: Integers, known: Integers
) -> None:
    """Note what happens to a name in a scope. A private name of a class bears the name of the class."""
    private = scopes[2, scope]
    is_private = size > 2 and tree[at] == UNDERSCORE and tree[at + 1] == UNDERSCORE and private != 0
    is_private = is_private and not (tree[at + size - 1] == UNDERSCORE and tree[at + size - 2] == UNDERSCORE)
    events[0, known[0]] = hashed(tree, at, at + size, np.uint64(private) if is_private else SEED)
    events[1, known[0]], events[2, known[0]] = scope, kind
    known[0] += 1


@compiled
def count_import(tree: Bytes, at: int, size: int, level: int, counts: Floats) -> None:
    """Count an import as private, foreign or neither."""
    hidden = level > 0
    begin = at
    for place in range(at, at + size + 1):
        if place == at + size or tree[place] == DOT:
            hidden |= begin < place and tree[begin] == UNDERSCORE and not is_word(tree, begin, place - begin, FUTURE)
            begin = place + 1
    top = hashed(tree, at, at + first_part(tree, at, size), SEED)
    counts[PRIVATE] += hidden
    counts[FOREIGN] += not hidden and not is_among(top, STANDARD)


@compiled
def count_name(tree: Bytes, at: int, size: int, counts: Floats) -> None:
    """Count a name: one for more than two letters, underscores at its ends aside, a half for fewer."""
    start, stop = at, at + size
    while start < stop and tree[start] == UNDERSCORE:
        start += 1
    while start < stop and tree[stop - 1] == UNDERSCORE:
        stop -= 1
    letters = 0
    for place in range(start, stop):
        letters += tree[place] & 0xC0 != 0x80
    counts[NAMES] += 1
    counts[NAME_SCORE] += 1.0 if letters > 2 else 0.5
