"""What the syntax tree says, for many texts at once."""
