"""Benchmarks: found, read, and given one shape, the Task."""
