"""The user's cache folder: what costs time or the network and never changes. It may be removed at any time."""

import os
from pathlib import Path


def folder() -> Path:
    """Return the cache folder: CURATE_CACHE, or `curate` in the system's place for caches."""
    if own := os.environ.get("CURATE_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "curate"
