"""Measuring: tasks and protocols, generation, scoring, pass@k."""
