"""The corpus as rows of tokens.

In: shards of Documents. Out: a tokenizer (tokenizer.py), tokens with an index (packing.py, infill.py), which document
is seen when (mix.py, visits.py), and rows of equal length (rows.py).
"""
