"""Selection: which documents stay.

In: documents with what is known of them. Out: the best share by a classifier (quality.py), fewer that cover as much
(diverse.py), those nearest to a target set (target.py), groups kept apart to score on (holdout.py).
"""
