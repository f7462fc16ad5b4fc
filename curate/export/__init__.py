"""Leaving with the goods: a corpus or a model of a run in one folder that other tools read, with a card.

choice.py     which stages, and that they are whole
shuffle.py    their documents in an order drawn by the run's seed, in bounded memory
files.py      Parquet or JSON Lines of a given size; a folder that appears whole or not at all
corpus.py     a data set from start to end
model.py      a model from start to end
card.py       what the cards say; markdown.py: untrusted text in them
push.py       a folder to the Hugging Face hub
"""
