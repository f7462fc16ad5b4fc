"""Making: seeds, textbooks and exercises, verified by running them."""
