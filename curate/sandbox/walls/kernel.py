"""The Linux calls that the sandbox needs and Python 3.11 does not wrap, through ctypes; no policy.

In: plain numbers, paths and descriptors. Out: the call's result, or OSError with the kernel's errno. x86-64 and AArch64.
"""

import ctypes
import os
import platform
import struct
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)
_holding_the_interpreter = ctypes.PyDLL(None, use_errno=True)
_COLUMN = 1 if platform.machine() == "aarch64" else 0
_NUMBERS = {
    "pivot_root": (155, 41),
    "capset": (126, 91),
    "seccomp": (317, 277),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_FROM_FD = 1, 4
_READ_ONLY, _NO_SUID = 0x1, 0x2  # MOUNT_ATTR_*


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def call(name: str, *arguments: int | bytes | None) -> int:
    """Make a system call by name; bytes are passed by address."""
    words = [ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    return _checked(_libc.syscall(ctypes.c_long(_NUMBERS[name][_COLUMN]), *words), name)


def fork() -> int:
    """Fork without the interpreter's after-fork work (locks of other threads, new random seeds).

    Right only in a process with one thread. Halves the cost of a child that lives for milliseconds: `os.fork` makes it
    touch, and so copy, some 130 pages more.
    """
    return _checked(_holding_the_interpreter.fork(), "fork")


def prctl(option: int, *arguments: int) -> int:
    """See prctl(2)."""
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(option, *words), f"prctl({option})")


def unshare(flags: int) -> None:
    """See unshare(2)."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """See setns(2)."""
    _checked(_libc.setns(descriptor, kind), "setns")


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent ends. Does not survive a change of user."""
    prctl(1, 9)


def hide_from_peers() -> None:
    """Make /proc/PID/mem and ptrace refuse processes of the same user."""
    prctl(4, 0)


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants."""
    prctl(36, 1)


def forbid_new_privileges() -> None:
    """Let no later exec gain rights (setuid programs, file capabilities)."""
    prctl(38, 1)


def drop_capabilities(*, but_read_files: bool = False) -> None:
    """Give up every capability, or all but that of reading files whoever owns them (CAP_DAC_READ_SEARCH)."""
    kept = 1 << 2 if but_read_files else 0
    call("capset", struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0))


def become(user: int, *, reading_files: bool) -> None:
    """Change to another user and group for good; without capabilities, or with that of reading all files."""
    keep_capabilities = 8
    prctl(keep_capabilities, int(reading_files))
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    drop_capabilities(but_read_files=reading_files)


def mount_tmpfs(target: str, options: str) -> None:
    """Mount an empty memory file system; `options` as in mount -o (size=1m,mode=700)."""
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV)
    _checked(_libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", flags, options.encode()), f"mount {target}")


def unmount(target: str) -> None:
    """Take the file system at `target` out of sight at once, and down as soon as nothing uses it."""
    _checked(_libc.umount2(os.fsencode(target), 2), f"umount {target}")


def detach_propagation() -> None:
    """Keep later mounts of this mount namespace to itself."""
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None), "mount private")


def clone_tree(path: str) -> int:
    """Return a descriptor of a read-only copy of the mount tree at `path`, not yet mounted anywhere."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    tree = call("open_tree", _AT_FDCWD, os.fsencode(path), flags)
    make_read_only(tree)
    return tree


def make_read_only(tree: int) -> None:
    """Make a mount tree (a descriptor of its root) read-only and without setuid programs."""
    attributes = struct.pack("=QQQQ", _READ_ONLY | _NO_SUID, 0, 0, 0)
    call("mount_setattr", tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes, len(attributes))


def attach_tree(tree: int, target: str) -> None:
    """Mount what `clone_tree` returned at `target`, and close it."""
    call("move_mount", tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_FROM_FD)
    os.close(tree)


def change_root(new_root: str) -> None:
    """Make `new_root` (a mount point) the root directory and forget the old one."""
    os.chdir(new_root)
    call("pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")


def landlock_version() -> int:
    """Return the Landlock ABI of this kernel. Raises OSError where there is none."""
    return call("landlock_create_ruleset", None, 0, 1)


def landlock_ruleset(readable: list[str], writable: list[str], listable: list[str]) -> int:
    """Return a descriptor of rules: read beneath `readable`, do all beneath `writable`, list names beneath `listable`.

    Handles what the kernel's version knows: files, TCP ports (4), abstract sockets and signals across the border (6).
    A rule for a folder also holds in what is mounted below it later.
    """
    version = landlock_version()
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    fields = [files, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    ruleset = call("landlock_create_ruleset", struct.pack(f"={len(fields)}Q", *fields), 8 * len(fields), 0)
    list_folder, execute_and_read = 0b1000, 0b1101
    file_only = files & ((1 << 15) | (1 << 14) | 0b111)
    for paths, rights in ((readable, execute_and_read), (writable, files), (listable, list_folder)):
        for path in paths:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = rights if Path(path).is_dir() else rights & file_only
            call("landlock_add_rule", ruleset, 1, struct.pack("=Qi", allowed, beneath), 0)
            os.close(beneath)
    return ruleset


def landlock_confine(ruleset: int) -> None:
    """Hold the calling thread, and all it starts, to a ruleset for good. Needs no_new_privs."""
    call("landlock_restrict_self", ruleset, 0)
