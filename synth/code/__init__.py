"""Real code: its functions, what they may be called with, and the exercises mined from it."""
