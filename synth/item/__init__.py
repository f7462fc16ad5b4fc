"""Items: verified exercises as data, and the texts that teach them."""
