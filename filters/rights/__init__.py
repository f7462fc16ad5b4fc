"""Whether a document may be used.

In: texts and their metadata. Out: the licence and how it is known (license.py, headers.py); documents whose authors do
not want them used are dropped (optout.py).
"""
