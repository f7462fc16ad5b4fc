"""Judging: which documents teach, and why the others do not."""
