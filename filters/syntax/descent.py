"""The nodes of a syntax tree that are open while a loop goes through it, and what they hand on to each other.

In: the array of open nodes, outermost first, and a tag that begins a node, or the end of one. Out: the array changed,
scopes and functions numbered, statements counted.
"""

import numpy as np
import numpy.typing as npt

from curate.filters.syntax.frames import (
    ASSERT,
    ASSIGNMENT,
    AUGMENTED,
    CHECKS,
    CHILDREN,
    COMPREHENSION,
    CONSTANT,
    DATA_LINES,
    DECORATOR,
    DELETE,
    EVENTS,
    FIELDS,
    FOR,
    FRAME,
    IF,
    IMPORT_ALL,
    INDEX,
    INNER,
    INSIDE,
    LAST_LINE,
    LENGTH,
    LINE,
    LINES,
    LIST_DISPLAY,
    MATCH,
    NUMBER,
    NUMBERS,
    OF_CHECKS,
    OF_DECISIONS,
    OF_DOC_LINES,
    OF_EXAMPLES,
    OF_LINES,
    OF_LOOPS,
    OF_RETURNS,
    OF_WORDS,
    OPENS_SCOPE,
    OPERATION,
    OVER,
    OWN_SCOPE,
    OWNER,
    RETURN,
    SETTING_LINES,
    SINCE,
    SIZE,
    STAR,
    START,
    STORE,
    TAG,
    TUPLE,
    TYPE,
    UNBOUND_TYPE,
    VALUE,
    VALUE_TAG,
    WALRUS,
    WHILE,
    WITH,
    WORDS,
    YES,
    YIELD,
    YIELD_FROM,
)
from curate.filters.syntax.letters import first_part, holds, words_of
from curate.filters.syntax.mentions import DOCTEST, count_import, note
from curate.filters.syntax.scopes import CLASS_SCOPE, COMPREHENSION_SCOPE, FUNCTION_SCOPE, REFUSED, USE
from curate.filters.syntax.tree import ALIAS, BLOCK, CLASS, EXPRESSION, FUNCTION, LAMBDA, NAME, TEXT
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]


@compiled
def open_node(  # noqa: PLR0912 - one branch for each kind of node
    frames: Integers, depth: int, tag: int, events: Hashes, scopes: Integers, known: Integers
) -> None:
    """Begin a node: what it is to what it stands in, and what its own parts need to know."""
    around, index, scope = frames[depth - 1, TAG], frames[depth - 1, CHILDREN], frames[depth - 1, OWN_SCOPE]
    for column in range(FRAME):
        frames[depth, column] = 0
    frames[depth, TAG], frames[depth, OWNER], frames[depth, INSIDE], frames[depth, FIELDS] = (
        tag,
        frames[depth - 1, OWNER],
        frames[depth - 1, INSIDE],
        -1000,
    )
    if tag == BLOCK and (around in (FUNCTION, LAMBDA, CLASS)):
        scope = frames[depth - 1, INNER]
        frames[depth, OWNER] = frames[depth - 1, INDEX] if around == FUNCTION else -1
        frames[depth, INSIDE] = frames[depth - 1, INSIDE] or around != CLASS
    elif COMPREHENSION[around]:
        # The element, then so many targets, sequences and conditions; the first sequence is read outside.
        behind = frames[depth - 1, SINCE] if frames[depth - 1, NUMBERS] else -1
        frames[depth, STORE] = 0 <= behind < frames[depth - 1, NUMBER]
        scope = (
            scope if frames[depth - 1, NUMBERS] and behind == frames[depth - 1, NUMBER] else frames[depth - 1, INNER]
        )
    elif around == ASSIGNMENT:
        frames[depth, STORE] = index < frames[depth - 1, LENGTH]
    elif around in (AUGMENTED, FOR, ALIAS):
        frames[depth, STORE] = index == 0
    elif around == WALRUS:
        frames[depth, STORE] = 2 * (index == 0)
    elif around == WITH:
        frames[depth, STORE] = frames[depth - 1, YES]
    elif around == DELETE:
        frames[depth, STORE] = 1
    elif around in (TUPLE, LIST_DISPLAY, STAR):
        frames[depth, STORE] = frames[depth - 1, STORE]
    if around in (EXPRESSION, RETURN) or index == (frames[depth - 1, LENGTH] if around == ASSIGNMENT else 1):
        frames[depth - 1, VALUE_TAG] = tag
    frames[depth, OWN_SCOPE], frames[depth, EVENTS] = scope, known[0]
    if OPENS_SCOPE[tag]:
        inner = known[1]
        known[1] += 1
        is_function = tag in (FUNCTION, LAMBDA)
        scopes[0, inner], scopes[2, inner] = scope, scopes[2, scope]
        scopes[1, inner] = FUNCTION_SCOPE if is_function else CLASS_SCOPE if tag == CLASS else COMPREHENSION_SCOPE
        frames[depth, INNER] = inner
    if tag == FUNCTION:
        frames[depth, INDEX] = known[2]
        known[2] += 1
    if (tag in (YIELD, YIELD_FROM)) and scopes[1, scope] == COMPREHENSION_SCOPE:
        events[0, known[0]], events[1, known[0]], events[2, known[0]] = 0, 0, REFUSED
        known[0] += 1
    frames[depth - 1, CHILDREN] += 1
    frames[depth - 1, SINCE] += 1
    frames[depth - 1, YES] = 0


@compiled
def close_node(  # noqa: PLR0912 - one branch for each kind of node
    tree: Bytes, frames: Integers, depth: int, functions: Integers, counts: Floats, events: Hashes, scopes: Integers,
    known: Integers,
) -> None:  # fmt: skip
    """End the node above `depth`: tell the one it stands in, and count it if it is a statement."""
    tag, around = frames[depth + 1, TAG], frames[depth, TAG]
    if around in (EXPRESSION, OPERATION, DECORATOR):  # these have no place of their own
        frames[depth, LINE] = frames[depth, LINE] or frames[depth + 1, LINE]
        frames[depth, LAST_LINE] = max(frames[depth, LAST_LINE], frames[depth + 1, LAST_LINE])
        if tag == TEXT:
            frames[depth, START], frames[depth, SIZE] = frames[depth + 1, START], frames[depth + 1, SIZE]
    if TYPE[tag]:
        if frames[depth + 1, OVER] or known[3]:  # in quotes, or never evaluated
            known[0] = frames[depth + 1, EVENTS]
        elif tag == UNBOUND_TYPE:
            note(
                tree,
                frames[depth + 1, START],
                first_part(tree, frames[depth + 1, START], frames[depth + 1, SIZE]),
                frames[depth + 1, OWN_SCOPE],
                USE,
                events,
                scopes,
                known,
            )
        return
    if tag == IMPORT_ALL:
        count_import(tree, frames[depth + 1, START], frames[depth + 1, SIZE], frames[depth + 1, LENGTH], counts)
        if frames[depth + 1, OWN_SCOPE] != 0:
            events[0, known[0]], events[1, known[0]], events[2, known[0]] = 0, 0, REFUSED
            known[0] += 1
    if depth == 0:
        counts[LINES] = max(counts[LINES], frames[depth + 1, LAST_LINE])
    height = frames[depth + 1, LAST_LINE] - frames[depth + 1, LINE] + 1
    if tag == FUNCTION:
        functions[frames[depth + 1, INDEX], OF_LINES] = height
    holder = max(depth - 1, 0)
    documents = tag == EXPRESSION and frames[depth + 1, VALUE_TAG] == TEXT and frames[depth, CHILDREN] == 1 and (
        depth == 0 or (around == BLOCK and (frames[holder, TAG] == FUNCTION or frames[holder, TAG] == CLASS))
    )  # fmt: skip
    if documents and depth == 0:
        counts[WORDS] = words_of(tree, frames[depth + 1, START], frames[depth + 1, SIZE])
    elif documents and frames[holder, TAG] == FUNCTION:
        function = functions[frames[holder, INDEX]]
        function[OF_WORDS], function[OF_DOC_LINES] = (
            words_of(tree, frames[depth + 1, START], frames[depth + 1, SIZE]),
            height,
        )
        function[OF_EXAMPLES] = holds(tree, frames[depth + 1, START], frames[depth + 1, SIZE], DOCTEST)
    elif not documents and not frames[depth + 1, INSIDE] and tag in (ASSIGNMENT, AUGMENTED, EXPRESSION):
        is_data = height > 1 and (
            VALUE[frames[depth + 1, VALUE_TAG]]
            or (frames[depth + 1, VALUE_TAG] == NAME and frames[depth + 1, CONSTANT] > 0)
        )
        counts[DATA_LINES if is_data else SETTING_LINES] += height
    if frames[depth + 1, OWNER] >= 0:
        _count_own(frames[depth + 1], functions[frames[depth + 1, OWNER]])


@compiled
def _count_own(frame: Integers, function: Integers) -> None:
    """Count a function's own statement."""
    tag = frame[TAG]
    gives = frame[VALUE_TAG]
    has_value = tag in (ASSIGNMENT, EXPRESSION, RETURN)
    function[OF_LOOPS] += (tag in (FOR, WHILE, AUGMENTED)) or (has_value and COMPREHENSION[gives])
    if tag == IF:
        function[OF_DECISIONS] += 1 + frame[LENGTH]
    function[OF_DECISIONS] += tag == MATCH
    function[OF_CHECKS] += tag == ASSERT or (tag == EXPRESSION and frame[CHECKS])
    if tag == RETURN:
        function[OF_RETURNS] |= frame[CHILDREN] > 0 and not (gives == NAME and frame[CONSTANT] == 2)
    elif has_value or tag == AUGMENTED:
        function[OF_RETURNS] |= gives in (YIELD, YIELD_FROM)
