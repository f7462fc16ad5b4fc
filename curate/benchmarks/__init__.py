"""Benchmarks: found on this machine or on the hub, read, and given one shape.

In: a name (`humaneval`, `mbpp`, their plus sets, ...) or a file of tasks. Out: Tasks (task.py), the same for all
benchmarks, and a digest of their content. catalogue.py knows where each is found and what it is called.
"""
