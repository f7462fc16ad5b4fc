"""What a person at a terminal sees: numbers and texts made readable, tables, a run's progress."""
