"""Asking: a task put to a model, and a program read out of its answer.

In: tasks, a protocol (protocols.py, own.py), a model. Out: samples (generation.py), each raw, cut and whole
(extraction.py); and whether prompts end where the model's tokens do (boundary.py).
"""
