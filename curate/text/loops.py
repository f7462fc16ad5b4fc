"""Where compiled loops are kept, and whether they are there: without importing numba, which takes half a second."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_S = 0.2


def cache_folder() -> Path:
    """Return a folder named by the sources of all compiled loops, or the one that NUMBA_CACHE_DIR names.

    numba looks at the file of a function alone and would go on using a loop that has another, since changed, built in.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    here = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    filters = here / "filters" if (here / "filters").is_dir() else here.parent / "filters"  # a link in a checkout
    for path in sorted({*here.rglob("*.py"), *filters.rglob("*.py")}):
        source = path.read_bytes()
        if b"curate.text.compiled" in source or b"numba" in source:
            digest.update(source)
    return here / "__pycache__" / f"compiled-{digest.hexdigest()}"


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
