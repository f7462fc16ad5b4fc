"""Judging: samples run against tests, and what the verdicts come to.

In: samples and tasks. Out: a verdict for each (scoring.py), by expected values that were computed and compared as
EvalPlus does (oracle.py, compare.py), after the reference solutions passed (reference.py); pass@k (passk.py), bits per
byte (bits.py), and how samples failed (outcomes.py).
"""
