"""Deduplication: byte-identical documents (exact.py) and near-duplicates (minhash.py).

exact.py and minhash.py are the stages. survivors.py says which of several alike documents stays, drops.py how a plan
names those that go. Near-duplicates take three steps: kernel.py makes signatures, lsh.py finds candidate pairs in
them, verify.py compares the candidates' texts, and clusters.py decides who survives.
"""
