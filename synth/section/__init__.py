"""Textbook sections: prose with code whose outputs come from running it.

In: seeds (textbook.py) or verified exercises (explain.py). Out: sections whose claims of the code hold (section.py).
"""
