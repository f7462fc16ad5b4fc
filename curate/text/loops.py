"""Where compiled loops are kept, and whether they are there: without importing numba, which takes half a second."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from curate.files.cache import folder as user_cache

LOOK_S = 0.2


@cache
def sources_digest() -> str:
    """Return a digest of the sources of all compiled loops.

    numba looks at the file of a function alone and would go on using a loop that has another, since changed, built in.
    """
    here = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    filters = here / "filters" if (here / "filters").is_dir() else here.parent / "filters"  # a link in a checkout
    for path in sorted({*here.rglob("*.py"), *filters.rglob("*.py")}):
        source = path.read_bytes()
        if b"curate.text.compiled" in source or b"numba" in source:
            digest.update(source)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return a folder named by the sources of all compiled loops, or the one that NUMBA_CACHE_DIR names.

    It lies in the user's cache, so that all checkouts and installations with the same loops compile them once; where
    that cannot be written, beside this package.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    place = user_cache() / f"loops-{sources_digest()}"
    nearest = next(each for each in (place, *place.parents) if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return place
    return Path(__file__).parents[1] / "__pycache__" / place.name


def are_compiled(folder: Path | None = None) -> bool:
    """Tell whether loops were compiled on this machine, or are just now: the first run makes them."""
    folder = folder or cache_folder()
    return folder.is_dir() and any(folder.iterdir())


@contextmanager
def noticing(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` once, from a thread, if loops begin to be compiled on this machine and none were before."""
    folder = cache_folder()
    if are_compiled(folder):
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            if are_compiled(folder):
                tell()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
