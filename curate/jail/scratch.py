"""The empty folder that every sample gets as its working folder.

In: a folder that the fork server owns, in memory or on disk. Out: the path of an empty folder in it; whatever an earlier
sample left, there or beside it, is gone by then. Mounting a file system for each sample would be simpler, but taking one
down waits for the whole kernel (about a third of a trivial trial's time): it is done only where a sample wrote something.
"""

import os
from contextlib import suppress

from curate.jail import kernel


class Scratch:
    """One folder after the other, for one sample after the other."""

    def __init__(self, folder: str, *, in_memory: bool, owner: int | None) -> None:
        self.folder = folder
        self.own = os.path.join(folder, "own")
        self._in_memory = in_memory
        self._owner = owner
        self._size_mb: int | None = None

    def renew(self, size_mb: int) -> str:
        """Return the path of an empty folder; in memory it and all beside it holds at most `size_mb`."""
        with suppress(OSError):  # absent at first, and not empty where a sample wrote something
            os.rmdir(self.own)
        if self._in_memory and (size_mb != self._size_mb or os.listdir(self.folder)):
            self._mount(size_mb)
        else:
            self.clear()
        os.mkdir(self.own, 0o700)
        if self._owner is not None:
            os.chown(self.own, self._owner, self._owner)
        return self.own

    def clear(self) -> None:
        """Remove everything in the folder. `rm` knows no depth that is too deep, and follows no links."""
        paths = [os.path.join(self.folder, name) for name in os.listdir(self.folder)]
        if paths:
            os.waitpid(os.posix_spawnp("rm", ["rm", "-rf", "--", *paths], os.environ), 0)

    def _mount(self, size_mb: int) -> None:
        if self._size_mb is not None:
            kernel.unmount(self.folder)
        kernel.mount_tmpfs(self.folder, f"size={size_mb}m,nr_inodes=4096,mode=755")
        self._size_mb = size_mb
