"""Judging: which documents teach, and why the others do not.

In: shards of Documents. Out: a Verdict for each row: kept with scores, or dropped with a reason. signals/ counts and
cuts, rights/ and private/ look at licences, wishes and secrets, grading/ gives labels, classifiers/ learn from them,
selection/ keeps the best, the nearest or the most varied. syntax/ reads trees for all of them.
"""
