"""Steps of training.

In: rows of tokens, a model's shape (presets.py, model.py), a schedule. Out: the trained model, a line of figures now
and then, checkpoints to go on from (loop.py with feed.py, loss.py, optimizer.py, checkpoint.py).
"""
