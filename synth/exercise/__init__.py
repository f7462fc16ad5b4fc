"""Exercises: the course of each from a request to an Item, or to the reason why there is none."""
