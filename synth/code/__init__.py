"""Real code: its functions, what they may be called with, the exercises mined from it.

In: source files. Out: functions that run by themselves (functions.py), types and inputs for them (guess.py, inputs.py,
spice.py), and Items without any model (mined.py).
"""
