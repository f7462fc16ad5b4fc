"""Files below a folder of this machine, with links followed: each file once, and never in circles.

Out: names below the folder and their status. A file that stands there itself goes by its own name; of several links to
one file elsewhere the first in name order counts. A link to a folder that holds the listed one is a circle and is left
out, and so is what is hidden (a name that starts with a dot).
"""

import heapq
import os
import stat
from collections.abc import Callable

from curate.errors import Trouble, UserError

Status = os.stat_result | None
"""None for a link to nothing."""


def files_below(
    base: str, wanted: Callable[[str], object] = lambda _: True, levels: int | None = None
) -> dict[str, Status]:
    """Return the files of a folder and, down to so many levels, of the folders in it, by their names below it, where
    the names are wanted.

    Raises UserError for a folder that may not be read, Trouble for one that cannot be.
    """
    listing = _Listing(base, wanted)
    listing.enter("", levels, linked=False)
    while listing.links:
        name, left = heapq.heappop(listing.links)
        listing.follow(name, left)
    return listing.found


class _Listing:
    """What was found so far, and the links still to be followed: after all that stands there itself."""

    def __init__(self, base: str, wanted: Callable[[str], object]) -> None:
        self.base = base.rstrip("/")
        self.wanted = wanted
        self.real = os.path.realpath(base)
        self.found: dict[str, Status] = {}
        self.links: list[tuple[str, int | None]] = []
        self._folders: set[tuple[int, int]] = set()
        self._files: set[tuple[int, int]] = set()

    def enter(self, name: str, levels: int | None, *, linked: bool) -> None:
        """List a folder and those in it, unless it was listed before."""
        waiting = [(name, levels)]
        while waiting:
            name, left = waiting.pop()
            try:
                with os.scandir(self._path(name)) as entries:
                    status = os.stat(self._path(name))  # noqa: PTH116 - as fast as can be, for many folders
                    if (status.st_dev, status.st_ino) in self._folders:
                        continue
                    self._folders.add((status.st_dev, status.st_ino))
                    for entry in entries:
                        inner = f"{name}/{entry.name}".lstrip("/")
                        if entry.name.startswith("."):
                            continue
                        if entry.is_symlink():
                            heapq.heappush(self.links, (inner, left))
                        elif entry.is_dir():
                            if left is None or left > 1:
                                waiting.append((inner, None if left is None else left - 1))
                        elif entry.is_file():
                            self._add(inner, entry.stat(), linked=linked)
            except OSError as error:
                raise told_of(error, self._path(name) if error.filename is None else str(error.filename)) from error

    def follow(self, name: str, left: int | None) -> None:
        """Add the file, or all files of the folder, that a link leads to."""
        path = self._path(name)
        try:
            status = os.stat(path)  # noqa: PTH116
        except PermissionError as error:
            raise told_of(error, path) from error
        except OSError:
            if self.wanted(name):
                self.found[name] = None
            return
        if stat.S_ISREG(status.st_mode):
            self._add(name, status, linked=True)
        elif stat.S_ISDIR(status.st_mode) and not self._holds_base(path) and (left is None or left > 1):
            self.enter(name, None if left is None else left - 1, linked=True)

    def _add(self, name: str, status: os.stat_result, *, linked: bool) -> None:
        identity = (status.st_dev, status.st_ino)
        if not self.wanted(name):
            return
        if not (linked and identity in self._files):
            self.found[name] = status
        self._files.add(identity)

    def _holds_base(self, path: str) -> bool:
        return f"{self.real}/".startswith(os.path.realpath(path).rstrip("/") + "/")

    def _path(self, name: str) -> str:
        return f"{self.base}/{name}" if name else self.base or "/"


def is_link_to_nothing(path: str) -> bool:
    """Tell whether a path of this machine is a link whose target is not there."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 - for tens of thousands of files


def told_of(error: OSError, path: str) -> UserError | Trouble:
    """Return what to raise where this machine gave an error at a path: a mistake, or trouble that may pass."""
    why = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return UserError(f"cannot read {path}: {why}; mend its permissions, or name files without it")
    if isinstance(error, FileNotFoundError):
        return Trouble(f"{path} is gone since it was listed; run again to read what is there now")
    return Trouble(f"cannot read {path}: {why}; mend that and run again")
