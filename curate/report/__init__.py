"""Reading a run: the page, what changed from stage to stage, and its documents."""
