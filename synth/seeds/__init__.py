"""Seeds: what the teacher is asked about.

In: a corpus and lists of topics, kinds, levels. Out: one row a seed (seeds.py), of ideas that documented code gives
(ideas.py) multiplied with what topics.py lists.
"""
