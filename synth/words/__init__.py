"""What a function does, said in English by rule, so that it is true of the code because of how it was made.

In: a function's syntax tree with types. Out: the same function with its loops and variables worked into expressions
(steps.py, loops.py; kinds.py knows the types), and sentences that say these (sentences.py; phrases.py, clauses.py and
calls.py have the wordings), or that no rule has words for it. What it raises, and for what, is read off its runs
(edges.py). Nothing here asks a model.
"""
