"""Sources: outside data in, Documents out.

In: an entry of a recipe's `sources:`. Out: the stage that reads it, part by part (kinds.py). Readers of Parquet, JSON,
folders, the hub and the installed Python hand raw rows to rows.py, where each is kept, or rejected with a reason.
"""
