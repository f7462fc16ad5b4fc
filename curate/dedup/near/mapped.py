"""Arrays in files that are mapped into memory, with their room on disk taken at once.

A mapped file that is only as long as it says, and holds nothing yet, takes room page by page as it is written to; where
the disk is full by then, the kernel can do nothing but end the process (SIGBUS). So the room is taken beforehand, where
a full disk is an ordinary error that names the file.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap


def make_array(path: Path, kind: npt.DTypeLike, shape: tuple[int, ...]) -> None:
    """Make a `.npy` file of zeros. Raises OSError with the path where there is no room for it."""
    open_memmap(path, "w+", np.dtype(kind), shape)
    _take_room(path, path.stat().st_size)


def make_plain(path: Path, kind: npt.DTypeLike, count: int) -> None:
    """Make a file of so many zeros without a header. Raises OSError with the path where there is no room for it."""
    path.write_bytes(b"")
    _take_room(path, np.dtype(kind).itemsize * count)


def _take_room(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            path.unlink()
            raise OSError(error.errno, error.strerror, str(path)) from error
