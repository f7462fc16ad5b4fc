"""The terminal: what a person sees while a command runs, and how a command ends.

In: figures, texts that nobody trusts, what the runner tells. Out: their one spelling (display.py), tables that fit
(drawing.py), bars and lines (screen.py, pace.py), the table of a run's state (status.py); ending.py lets go of models.
"""
