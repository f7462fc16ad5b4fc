"""The decorator that compiles a loop. Importing this module imports numba; import it where the work is done."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit

Function = TypeVar("Function", bound=Callable[..., Any])


def _cache_folder() -> Path:
    """Return a folder named by the sources of all compiled loops of the base.

    numba looks at the file of a function alone and would go on using a loop that has another, since changed, built in.
    """
    here = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted([*here.glob("*.py"), *here.glob("de*/*.py")]):
        source = path.read_bytes()
        if b"curate.compiled" in source or b"numba" in source:
            digest.update(source)
    return here / "__pycache__" / f"compiled-{digest.hexdigest()}"


if not config.CACHE_DIR:
    config.CACHE_DIR = str(_cache_folder())


def compiled(function: Function) -> Function:
    """Compile without the interpreter lock, cached on disk where any place for it can be written."""
    try:
        return njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # "no locator available": neither the package nor the user's cache folder is writable
        return njit(nogil=True)(function)  # type: ignore[no-any-return]
