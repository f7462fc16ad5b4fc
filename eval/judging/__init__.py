"""Judging: samples run against tests, and what the verdicts come to."""
