"""Classifiers: from labelled documents to a probability for each.

In: texts with labels (labels.py, references.py). Out: a classifier, saved without code: fastText (classifier.py), a
forest on embeddings (forest.py), hashed tokens (linear.py); and how well it agrees with unseen labels (agreement.py).
"""
