"""curate: from a heap of source code to a small, textbook-quality corpus and a scored model."""

__version__ = "0.1.0"
