"""Textbook sections: prose with code whose outputs come from running it."""
