"""The machine: what it has, what it uses, and what answers on its network.

Out: joules so far (energy.py), how busy the GPUs are (busy.py), which cores belong to whom (cores.py), how a worker's
process begins (workers.py), whether an address answers (network.py). What cannot be told is None, never a guess.
"""
