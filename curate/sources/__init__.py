"""Sources: outside data in, Documents out."""
