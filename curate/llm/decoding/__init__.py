"""Decoding with `transformers` models here: batches on a CPU, slots on a GPU."""
