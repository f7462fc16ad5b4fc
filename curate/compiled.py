"""The decorator that compiles a loop. Importing this module imports numba; import it where the work is done."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile without the interpreter lock, cached on disk where any place for it can be written."""
    try:
        return njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # "no locator available": neither the package nor the user's cache folder is writable
        return njit(nogil=True)(function)  # type: ignore[no-any-return]
