"""Exercises: the course of one from a request to an Item, or to the reason why there is none.

In: seeds or earlier exercises. Out: Items whose solutions agree on inputs (agreement.py) that probes.py draws and
clauses.py takes from the description. attempt.py begins with the stub, coded.py with the code; avoid.py keeps away from
benchmarks. The stages are synth.exercise and synth.evolve.
"""
