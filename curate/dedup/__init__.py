"""Deduplication: byte-identical documents (exact.py), near-duplicates (minhash.py), and boilerplate lines (lines.py).

exact.py, minhash.py and lines.py are the stages. comparison.py says which documents are compared with which, those of
earlier corpora among them; survivors.py which of several alike documents stays; drops.py how a plan names those that
go. Near-duplicates take these steps: kernel.py makes signatures, lsh.py finds candidate pairs in them, verify.py
compares the candidates' texts as measure.py says, clusters.py decides who survives, and planted.py measures the recall.
"""
