"""What a run writes down of itself, written and read in one place.

In: a run directory or a stage's. Out: receipts and their sums (receipts.py), whether files are as their receipts say
(standing.py), which stages a run has and how far each is (status.py). tracker.py mirrors the figures elsewhere.
"""
