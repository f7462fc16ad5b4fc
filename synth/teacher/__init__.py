"""The teacher: asked by thousands of attempts at once.

In: attempts as generators (effects.py has the words that they yield), shards of seeds. Out: rows, kept or rejected,
shard by shard (stream.py), the same for any number of processes (crew.py, lane.py, claims.py). asking.py picks seeds
and words, answers.py reads code out of replies, outcomes.py logs what a clock had a say in.
"""
