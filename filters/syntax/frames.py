"""What is kept of the nodes of a syntax tree that are open while a loop goes through it, and what is summed up.

Here are the columns of both, and the tags of mypy's format beside those of filters/syntax/tree.py.
"""

import numpy as np

from curate.filters.syntax.tree import CLASS, ELLIPSIS, F_STRING, FUNCTION, LAMBDA, TEXT

(
    FUNCTIONS, CLASSES, TESTS, LINES, WORDS, DATA_LINES, SETTING_LINES, FOREIGN, PRIVATE, NAMES, NAME_SCORE, DOCUMENTED,
    EXAMPLES, LOGIC, LENGTHS, CODE_LINES, COUNTED_LINES, BROKEN,
) = range(18)  # fmt: skip
"""What is summed over a document. Of functions: DOCUMENTED, EXAMPLES, LOGIC, LENGTHS and NAME_SCORE are scores from 0
to 1, CODE_LINES their lines without docstrings, COUNTED_LINES these weighed. BROKEN is 1 for code that cannot run."""
COUNTS = 18

PLAIN_IMPORT, IMPORT_FROM, IMPORT_ALL = 164, 196, 215
IF, ASSIGNMENT, RETURN, WHILE, ASSERT, FOR, WITH, AUGMENTED, TRY, DELETE, MATCH = (
    168, 169, 175, 176, 197, 198, 199, 200, 201, 204, 216,
)  # fmt: skip
TUPLE, LIST_DISPLAY, STAR, OPERATION, WALRUS, DECORATOR, GLOBAL_STATEMENT, NONLOCAL_STATEMENT = (
    170, 173, 209, 166, 208, 53, 211, 212,
)  # fmt: skip
YIELD, YIELD_FROM, AS_PATTERN, STARRED_PATTERN, MAPPING_PATTERN, UNBOUND_TYPE = 191, 192, 217, 222, 223, 104
_KINDS = np.zeros((5, 256), np.bool_)
_KINDS[0, [190, 193, 194, 195]] = True
_KINDS[1, [173, 170, 174, 183, TEXT, 167, 181, 184, 210, 214, ELLIPSIS, F_STRING]] = True
_KINDS[2, [AS_PATTERN, STARRED_PATTERN, MAPPING_PATTERN, TRY]] = True
_KINDS[3, [FUNCTION, LAMBDA, CLASS, 190, 193, 194, 195]] = True
_KINDS[4, list(range(100, 123))] = True
COMPREHENSION, VALUE, NAMES_BY_STRING, OPENS_SCOPE, TYPE = _KINDS

(
    TAG, OWN_SCOPE, INNER, STORE, CHILDREN, SINCE, NUMBER, NUMBERS, YES, STRINGS, LENGTH, OWNER, INSIDE, LINE,
    LAST_LINE, VALUE_TAG, CONSTANT, CHECKS, START, SIZE, FIELDS, EVENTS, OVER, INDEX,
) = range(24)  # fmt: skip
"""Of an open node: its tag; the scope it stands in and that which it opens; whether it is assigned to (2: by `:=`);
nodes below it, and since its last number; that number, how many there were; whether the last flag was yes; strings; the
length of its first list; the function whose own statement it is and whether it stands in any; its lines; the tag of its
value, whether that is True or False (1) or None (2), and whether it is a call of `assert...`; where its last string is;
flags since its body; events before it; whether a part of it is over; of a function, its number."""
FRAME = 24
(OF_LOOPS, OF_DECISIONS, OF_CHECKS, OF_RETURNS, OF_WORDS, OF_EXAMPLES, OF_DOC_LINES, OF_LINES, OF_TEST) = range(9)
"""What is known of a function."""
