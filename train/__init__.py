"""Training: a tokenizer, packed blocks, and a small Llama-type model.

In: shards of Documents and parameters (parameters.py). Out: a folder that `transformers` loads, and an account of what
it took. lm.py is the stage, parallel.py a process for each device, session.py what each of them does, from corpus/ to
rows of tokens and through steps/ to a model.
"""
