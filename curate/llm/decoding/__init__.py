"""Decoding with a `transformers` model in this process.

In: rows of token ids and how to draw from chances (sampling.py). Out: new tokens: a batch at a time on a CPU
(decode.py), or a table of slots on a GPU that is never half empty (slots.py, slot_table.py).
"""
