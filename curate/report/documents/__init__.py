"""Documents of a run in a terminal.

In: a run directory, and a stage, a document's id or a cluster. Out: rows (browse.py), drawn as text (showing.py), and
the members of a cluster of duplicates side by side (duplicates.py).
"""
