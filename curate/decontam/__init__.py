"""Decontamination: documents that hold a benchmark's problem leave the corpus, each drop with the task's id.

    decontam.ngram         the task's own words, in order (ngram.py, overlap.py)
    decontam.ast           its solution with other names, layout and docstring (structure.py; shapes.py, lexer.py)
    decontam.behavioural   any function that says what the task says and passes its tests (behavioural.py)

The first two read text at more than 50 MB/s a core; the third runs code, and of all functions only those that the words
of their names and docstrings (prose.py) or their shapes bring near a task.
"""
