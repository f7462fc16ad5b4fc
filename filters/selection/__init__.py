"""Selection: which documents stay, by one number for each, by what they cover, or by group."""
