"""Where compiled loops are kept, and whether they are there: without importing numba, which takes half a second."""

import hashlib
import os
from pathlib import Path


def cache_folder() -> Path:
    """Return a folder named by the sources of all compiled loops, or the one that NUMBA_CACHE_DIR names.

    numba looks at the file of a function alone and would go on using a loop that has another, since changed, built in.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    here = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted([*here.rglob("*.py"), *(here.parent / "filters").glob("*.py")]):
        source = path.read_bytes()
        if b"curate.compiled" in source or b"numba" in source:
            digest.update(source)
    return here / "__pycache__" / f"compiled-{digest.hexdigest()}"


def are_compiled() -> bool:
    """Tell whether an earlier run left compiled loops: the first run on a machine makes them."""
    folder = cache_folder()
    return folder.is_dir() and any(folder.iterdir())
