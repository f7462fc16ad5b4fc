"""Items: verified exercises as data, and the texts that teach them.

In: what was verified. Out: an Item (item.py) in the form in which it may be shown (form.py, prose.py), proved once more
(proof.py) and printed in several shapes (render.py, renderings.py).
"""
