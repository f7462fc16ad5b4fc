"""Documents of a run in a terminal: one stage's, one document's life, one cluster."""
