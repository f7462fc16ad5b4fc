"""Classifiers: from labels to a probability for each document."""
