"""The decorator that compiles a loop. Importing this module imports numba; import it where the work is done.

Compiled code is cached on disk, and a process that finds a loop missing there waits while another one compiles: the
workers of a first run all come to the same loops at once, and would otherwise each compile all of them.
"""

import fcntl
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit
from numba.core.caching import CacheImpl, UserProvidedCacheLocator
from numba.core.compiler_lock import global_compiler_lock
from numba.np import linalg

from curate.text.loops import cache_folder, sources_digest

Function = TypeVar("Function", bound=Callable[..., Any])


class _ByModule(UserProvidedCacheLocator):  # type: ignore[misc]
    """Keeps the loops of this package by the names of their modules, and knows them by the sources of all.

    numba's own locators keep them by the path of their file, so that each checkout would compile all of them again.
    """

    def __init__(self, loop: Callable[..., Any], file: str) -> None:
        super().__init__(loop, file)
        self._cache_path = str(Path(config.CACHE_DIR) / loop.__module__)

    def get_source_stamp(self) -> str:
        return sources_digest()

    @classmethod
    def from_function(cls, loop: Callable[..., Any], file: str) -> Any:
        return super().from_function(loop, file) if loop.__module__.startswith("curate.") else None


def _put_scipy_off() -> None:
    """Load numba's array functions without the question whether SciPy is there, whose import takes 0.3 s a process.

    It is asked again by whoever compiles linear algebra, which no loop here does.
    """
    ask, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = ask


_put_scipy_off()
CacheImpl._locator_classes.insert(0, _ByModule)
if not config.CACHE_DIR:
    config.CACHE_DIR = str(cache_folder())


def compiled(function: Function) -> Function:
    """Compile without the interpreter lock, cached on disk where any place for it can be written."""
    try:
        loop = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "no locator available": neither the package nor the user's cache folder is writable
        return njit(nogil=True)(function)  # type: ignore[no-any-return]
    compile_or_load = loop.compile
    code = function.__code__
    index = f"*.{function.__qualname__}-{code.co_firstlineno}.*.nbi"

    def compile_once(signature: Any) -> Any:
        if any(Path(loop.stats.cache_path).glob(index)):
            return compile_or_load(signature)
        with _turn():
            return compile_or_load(signature)

    loop.compile = compile_once
    return loop  # type: ignore[no-any-return]


_turns: list[Any] = []
"""The file that this process holds while it compiles."""


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no other process compiles. Loops that are compiled for the sake of another one share its turn."""
    with global_compiler_lock:  # first: threads of this process that wait for each other hold no turn
        if _turns:
            yield
            return
        folder = Path(config.CACHE_DIR)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / ".turn").open("w")
        except OSError:  # the loops are cached elsewhere; each process compiles for itself
            yield
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _turns.append(file)
            try:
                yield
            finally:
                _turns.clear()
