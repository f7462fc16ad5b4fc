"""Training: a tokenizer, packed blocks, and a small Llama-type model."""
