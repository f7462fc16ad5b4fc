"""The corpus as rows of tokens: tokenizer, packing, mix, visits."""
