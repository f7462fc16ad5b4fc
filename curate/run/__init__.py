"""From a recipe to a finished run: opening it, looking before it, working on its stages, writing it down."""
