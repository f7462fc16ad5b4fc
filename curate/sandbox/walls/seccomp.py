"""The system calls that a sample may not make, as a seccomp filter assembled here (classic BPF, x86-64 and AArch64).

In: whether the sample may start processes of its own. Out: the calling thread, and all it starts, gets EPERM from the
listed calls for good. The list names what reaches past the process: sockets, other processes, mounts, namespaces,
modules, keys, clocks, kernel objects outside the scratch folder. It is a second wall behind namespaces and Landlock
and not a complete policy on its own.

Source of the numbers: asm/unistd_64.h and asm-generic/unistd.h of Linux 6.18.
"""

import ctypes
import errno
import platform
import struct
from functools import cache

from curate.sandbox.walls.kernel import call, prctl

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name: (x86-64, AArch64); None where the architecture has no such call
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "setns": (308, 268),
    "unshare": (272, 97),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "syslog": (103, 116),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "vhangup": (153, 58),
    "personality": (135, 92),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
}
# Landlock leaves modes, owners, times and attributes of files to whoever owns them, and that may be the sample's user.
_METADATA: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_PROCESS_STARTERS: dict[str, tuple[int | None, int | None]] = {"fork": (57, None), "vfork": (58, None)}
_SIGNALS = {"kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)}
_CLONE, _CLONE3, _TKILL = (56, 220), (435, 435), (200, 130)
_PRCTL, _PRLIMIT, _SOCKETPAIR, _PIDFD_SIGNAL = (157, 167), (302, 261), (53, 199), (424, 424)
_FCNTL, _IOCTL = (72, 25), (16, 29)
_SCHEDULING = {
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}

_CLONE_NAMESPACES = 0x7E020080  # every CLONE_NEW* bit that clone takes
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1
_AF_UNIX = 1
_STREAMS = (0x1, 0x801, 0x80001, 0x80801)
"""SOCK_STREAM with any of its flags. A datagram socket could send to any socket with a name, such as the system log's."""
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP, _TIOCSTI = 0x8901, 0x8902, 0x5412

_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY = 0x00050000 | errno.EPERM
_ABSENT = 0x00050000 | errno.ENOSYS
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT = 0x40000000
_ANY = 0x7FFFFFFF
"""Stands for the sample's process id, which is known late; no process has it."""

Instruction = tuple[int, int, int, int]


def filter_program(pid: int, *, may_start_processes: bool) -> list[Instruction]:
    """Return the filter as (code, jump if true, jump if false, operand); `pid` is the process it is for.

    Where the sample may not start processes it shares the machine's files and processes with others of its user: there
    it may also send signals to nobody but itself, and change no file's mode, owner, times or attributes.
    """
    audit, column = _ARCHITECTURES[platform.machine()]
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _DENY),
    ]
    denied = _DENIED if may_start_processes else _DENIED | _PROCESS_STARTERS | _METADATA
    for numbers in denied.values():
        program += _when(numbers[column], [(_RETURN, 0, 0, _DENY)])
    # clone3 passes its flags by pointer, which no filter can read; libraries fall back to clone on ENOSYS
    program += _when(_CLONE3[column], [(_RETURN, 0, 0, _ABSENT)])
    program += _when(_CLONE[column], _deny_if(0, _JUMP_ANY_BIT, _CLONE_NAMESPACES))
    program += _when(_PRCTL[column], _deny_if(0, _JUMP_EQUAL, _PR_SET_PDEATHSIG))
    program += _when(_PRLIMIT[column], _deny_unless(0, _JUMP_EQUAL, 0, pid))
    # a descriptor's owner gets a signal of the caller's choice when there is something to read
    program += _when(_FCNTL[column], _deny_if(1, _JUMP_EQUAL, _F_SETOWN, _F_SETSIG, _F_SETOWN_EX))
    program += _when(_IOCTL[column], _deny_if(1, _JUMP_EQUAL, _FIOSETOWN, _SIOCSPGRP, _TIOCSTI))
    for pair in _SCHEDULING.values():
        program += _when(pair[column], _deny_unless(0, _JUMP_EQUAL, 0, pid))
    program += _when(_SOCKETPAIR[column], _deny_unless(0, _JUMP_EQUAL, _AF_UNIX))
    program += _when(_SOCKETPAIR[column], _deny_unless(1, _JUMP_EQUAL, *_STREAMS))
    if not may_start_processes:
        program = [*program, *_when(_CLONE[column], _deny_unless(0, _JUMP_ANY_BIT, _CLONE_THREAD))]
        program += _when(_TKILL[column], [(_RETURN, 0, 0, _DENY)])
        program += _when(_PIDFD_SIGNAL[column], [(_RETURN, 0, 0, _DENY)])
        for pair in _SIGNALS.values():
            program += _when(pair[column], _deny_unless(0, _JUMP_EQUAL, pid))
    return [*program, (_RETURN, 0, 0, _ALLOW)]


@cache
def packed(*, may_start_processes: bool) -> bytes:
    """Return `filter_program` for `_ANY` as the kernel reads it: assembling takes longer than installing."""
    program = filter_program(_ANY, may_start_processes=may_start_processes)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def install(pid: int, *, may_start_processes: bool) -> None:
    """Put the filter on the calling process, for good. Needs no_new_privs. Raises OSError where there is no seccomp."""
    code = packed(may_start_processes=may_start_processes).replace(struct.pack("=I", _ANY), struct.pack("=I", pid))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    mode_filter, allow_speculation = 1, 4  # without the second the kernel may slow the whole process down
    call("seccomp", mode_filter, allow_speculation, header)


def probe() -> None:
    """Raise OSError or KeyError where seccomp filters do not work here."""
    if platform.machine() not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, "no seccomp filter for this architecture", platform.machine())
    prctl(21)  # PR_GET_SECCOMP: EINVAL on a kernel without it


def _when(number: int | None, body: list[Instruction]) -> list[Instruction]:
    """Run `body` for one system call. A body that may fall through reloads the number at its end."""
    if number is None:
        return []
    return [(_JUMP_EQUAL, 0, len(body), number), *body]


def _deny_if(argument: int, test: int, *denied: int) -> list[Instruction]:
    tests = [(test, len(denied) - position, 0, operand) for position, operand in enumerate(denied)]
    over = (_JUMP, 0, 0, 1)
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, over, (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, _NUMBER)]


def _deny_unless(argument: int, test: int, *allowed: int) -> list[Instruction]:
    tests = [(test, len(allowed) - position, 0, operand) for position, operand in enumerate(allowed)]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, _NUMBER)]
