"""Deduplication: byte-identical documents, near-duplicates, boilerplate lines, functions that do the same.

In: shards of Documents, and earlier corpora. Out: one survivor of those that are alike; each other names it.
exact.py, minhash.py, lines.py and behaviour.py are the stages; near/ holds the steps of minhash.py. comparison.py says
which documents are compared with which, those of earlier corpora among them; survivors.py which of several alike
documents stays; drops.py how a plan names those that go.
"""
