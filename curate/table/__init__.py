"""The table: what was measured here beside what was published.

In: runs, folders of `curate eval`, files of `curate score`; the published rows in baselines.json. Out: blocks of rows
(rows.py), drawn for a terminal, a pipe or as JSON (leaderboard.py), or the difference of two models (compare.py).
"""
