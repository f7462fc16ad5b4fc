"""Near-duplicates, step by step.

In: the texts of a comparison. Out: signatures (kernel.py), candidate pairs (lsh.py), those that are alike indeed
(verify.py, by measure.py), who survives of each cluster (clusters.py), and the recall on planted edits (planted.py).
"""
