"""Whether a document may be used: its licence, and its authors' wish."""
