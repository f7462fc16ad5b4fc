"""Signals: what can be counted in a text, and rules that cut on it.

In: a text column. Out: a number a document for each signal (statistics.py, lexical.py, repetition.py), and which rule
a document breaks first (rules.py). The stages are filter.signals, filter.heuristics and filter.language.
"""
