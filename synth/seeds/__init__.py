"""Seeds: what the teacher is asked about."""
