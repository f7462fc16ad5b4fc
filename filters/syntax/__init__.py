"""What syntax trees say, for many texts at once.

In: a text column. Out: counts of statements (tree.py), facts of functions, names and whether code can run (facts.py and
what it goes through: descent.py, mentions.py, scopes.py), and to which name a literal is given (nodes.py, names.py).
"""
