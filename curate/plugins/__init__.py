"""Stages of your own: found by the name that a recipe gives, known by their source, written a document at a time."""
