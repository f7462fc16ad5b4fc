"""Text at the speed of memory: columns of text as buffers, read by compiled loops.

In: text columns. Out: hashes of words and of words in a row (words.py), counts (scan.py), syntax errors and trees
(parser.py, trees.py), licences (licenses.py), and the profile of a corpus (profile.py). compiled.py compiles a loop and
bits.py holds what compiled code cannot say in Python; whoever imports those loads numba.
"""
