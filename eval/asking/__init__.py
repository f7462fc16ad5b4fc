"""Asking: protocols, generation, and reading programs out of answers."""
