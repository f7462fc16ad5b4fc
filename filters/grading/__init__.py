"""Grades from 0 to 5: by a rubric, or by a language model."""
