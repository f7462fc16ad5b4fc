"""Signals: what is counted in a text, and the rules that cut on it."""
