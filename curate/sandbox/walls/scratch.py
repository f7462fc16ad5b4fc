"""The empty folder that every sample gets as its working folder.

In: a folder that the fork server owns, in memory or on disk. Out: the path of an empty folder in it; whatever an earlier
sample left, there or beside it, is gone by then. Mounting a file system for each sample would be simpler, but taking one
down waits for the whole kernel (about a third of a trivial trial's time): it is done only where a sample wrote something.
"""

import os
from contextlib import suppress

from curate.sandbox.walls import kernel

_FILES = 4096
"""The most files and folders that a sample may make."""
_MODE = 0o711
"""Every user may pass through."""


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
        if self._in_memory and (size_mb != self._size_mb or os.listdir(self.folder) or self._is_marked()):
            self._mount(size_mb)
        else:
            self.clear()
        os.mkdir(self.own, 0o700)
        if self._owner is not None:
            os.chown(self.own, self._owner, self._owner)
        return self.own

    def clear(self) -> None:
        """Remove everything in the folder. `rm` knows no depth that is too deep, and follows no links."""
        os.chmod(self.folder, _MODE)
        for command in (["rm", "-rf", "--"], ["chmod", "-R", "u+rwX", "--"], ["rm", "-rf", "--"]):
            paths = [os.path.join(self.folder, name) for name in os.listdir(self.folder)]
            if not paths:
                return
            os.waitpid(os.posix_spawnp(command[0], [*command, *paths], os.environ), 0)

    def is_over(self, size_mb: int) -> bool:
        """Say whether there is more than `size_mb` on disk, or more files than the memory would hold."""
        if self._in_memory:  # there the kernel sees to it
            return False
        size, count, folders = 0, 0, [self.folder]
        while folders and size <= size_mb << 20 and count <= _FILES:
            with suppress(OSError), os.scandir(folders.pop()) as entries:  # removed meanwhile, or closed to us
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        return size > size_mb << 20 or count > _FILES

    def _is_marked(self) -> bool:
        """Say whether a sample of the folder's own user left a message or a trap in its mode or attributes."""
        return os.stat(self.folder).st_mode & 0o7777 != _MODE or bool(os.listxattr(self.folder))

    def _mount(self, size_mb: int) -> None:
        if self._size_mb is not None:
            kernel.unmount(self.folder)
        kernel.mount_tmpfs(self.folder, f"size={size_mb}m,nr_inodes={_FILES},mode={_MODE:o}")
        self._size_mb = size_mb
