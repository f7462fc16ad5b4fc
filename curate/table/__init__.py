"""The table: what was measured here beside what was published, and whether two models differ."""
