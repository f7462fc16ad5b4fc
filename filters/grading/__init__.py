"""Grades from 0 to 5 for how much a document teaches.

In: documents. Out: the column `grade`: of all by their syntax trees (rubric.py), or of a sample by a language model
(annotate.py), asked as asking.py says and chosen in rounds.py.
"""
