"""Near-duplicates, step by step: signatures, candidates, their verification, clusters, the recall."""
