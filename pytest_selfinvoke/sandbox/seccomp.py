"""A system call filter: no new processes, no programs, no sockets, no tracing.

Classic BPF as in seccomp(2). Unknown machines have no filter: the tier says so.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from collections.abc import Iterator

from pytest_selfinvoke.sandbox import syscalls as sc

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_GREATER, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_CLONE_THREAD = 0x00010000
_CLONE_NEW_ANYTHING = 0x7E020000
_SECCOMP_MODE_FILTER = 2
_X32_BIT = 0x40000000

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: Answered with EPERM. Python and its libraries cope, or say what was not allowed.
_DENIED = {
    "x86_64": {
        "socket": 41, "ptrace": 101, "shmget": 29, "semget": 64, "msgget": 68,
        "mq_open": 240, "memfd_create": 319, "modify_ldt": 154,
        "syslog": 103, "personality": 135, "pivot_root": 155, "adjtimex": 159,
        "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
        "swapon": 167, "reboot": 169, "sethostname": 170, "iopl": 172, "ioperm": 173,
        "init_module": 175, "delete_module": 176, "quotactl": 179, "mknod": 133,
        "add_key": 248, "request_key": 249, "keyctl": 250, "mknodat": 259,
        "unshare": 272, "perf_event_open": 298, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_load": 246,
        "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432,
        "pidfd_open": 434, "pidfd_getfd": 438, "mount_setattr": 442,
        "pidfd_send_signal": 424, "memfd_secret": 447,
    },
    "aarch64": {
        "socket": 198, "ptrace": 117, "shmget": 194, "semget": 190, "msgget": 186,
        "mq_open": 180, "memfd_create": 279, "syslog": 116, "personality": 92,
        "pivot_root": 41, "chroot": 51, "acct": 89, "mount": 40, "umount2": 39,
        "swapon": 224, "reboot": 142, "sethostname": 161, "init_module": 105,
        "delete_module": 106, "quotactl": 60, "mknodat": 33, "add_key": 217,
        "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "finit_module": 273, "kexec_load": 104, "bpf": 280,
        "userfaultfd": 282, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "fsmount": 432, "pidfd_open": 434, "pidfd_getfd": 438,
        "mount_setattr": 442, "pidfd_send_signal": 424, "memfd_secret": 447,
    },
}  # fmt: skip
#: Denied besides, unless a job may start processes.
_STARTING = {
    "x86_64": {"fork": 57, "vfork": 58, "execve": 59, "execveat": 322},
    "aarch64": {"execve": 221, "execveat": 281},
}
#: Memory and names of these kinds outlive a process within the server's namespaces,
#: or count against no limit: shm*, sem*, msg*, mq_*, memfd_*.
_PRCTL = {"x86_64": 157, "aarch64": 167}
#: Rights, owners, times and attributes of files, which Landlock does not guard. Without
#: a root of its own a program is told that all went well: its own files need no change.
_ATTRIBUTES = {
    "x86_64": (
        *(90, 91, 92, 93, 94, 132, 188, 189, 190, 197, 198, 199, 235, 260, 261),
        *(268, 280, 452),
    ),
    "aarch64": (5, 6, 7, 14, 15, 16, 52, 53, 54, 55, 88, 452),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
#: (kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, prlimit64)
_SIGNALS = {
    "x86_64": (62, 200, 234, 129, 297, 302),
    "aarch64": (129, 130, 131, 138, 240, 261),
}


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def available() -> bool:
    """Whether there is a filter for this machine."""
    return sc.machine() in _ARCH


@functools.cache
def filter_program(*, own_pid: int | None, allow_processes: bool = False) -> bytes:
    """The filter as bytes.

    :param own_pid: without a pid namespace, the only process that may be signalled.
    :param allow_processes: whether fork and exec are allowed.
    """
    machine = sc.machine()
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    program = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_EQUAL, _ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, 0),
    ]
    if machine == "x86_64":
        # The x32 calls would go round the table of numbers.
        program += [_instruction(_JUMP_GREATER, _X32_BIT, 0, 1), deny]
    # glibc falls back to clone where clone3 does not exist; clone3 hides its flags.
    program += [
        _instruction(_JUMP_EQUAL, _CLONE3, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        _instruction(_JUMP_EQUAL, _CLONE[machine], 0, 4),
        _instruction(_LOAD, 16),
        _instruction(_JUMP_SET, _CLONE_NEW_ANYTHING, 0, 1)
        if allow_processes
        else _instruction(_JUMP_SET, _CLONE_THREAD, 1, 0),
        deny,
        _instruction(_RETURN, _ALLOW),
        # A program that stayed when its server dies could go on for ever.
        _instruction(_JUMP_EQUAL, _PRCTL[machine], 0, 4),
        _instruction(_LOAD, 16),
        _instruction(_JUMP_EQUAL, sc.PR_SET_PDEATHSIG, 0, 1),
        deny,
        _instruction(_RETURN, _ALLOW),
    ]
    if own_pid is not None:
        program += list(_signals_to_self(machine, own_pid))
        for number in _ATTRIBUTES[machine]:
            program += [
                _instruction(_JUMP_EQUAL, number, 0, 1),
                _instruction(_RETURN, _ERRNO),
            ]
    starting = {} if allow_processes else _STARTING[machine]
    for number in (*starting.values(), *_DENIED[machine].values()):
        program += [_instruction(_JUMP_EQUAL, number, 0, 1), deny]
    program.append(_instruction(_RETURN, _ALLOW))
    return b"".join(program)


def _signals_to_self(machine: str, own_pid: int) -> Iterator[bytes]:
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    for number in _SIGNALS[machine]:
        yield _instruction(_JUMP_EQUAL, number, 0, 5)
        yield _instruction(_LOAD, 16)
        yield _instruction(_JUMP_EQUAL, own_pid, 2, 0)
        # prlimit takes 0 for the caller; kill takes it for the process group.
        is_prlimit = number == _SIGNALS[machine][-1]
        yield _instruction(_JUMP_EQUAL, 0 if is_prlimit else own_pid, 1, 0)
        yield deny
        yield _instruction(_RETURN, _ALLOW)


def apply(program: bytes) -> None:
    """Install the filter in this process for good; needs ``no_new_privileges``."""
    buffer = ctypes.create_string_buffer(program, len(program))
    described = _Filter(len(program) // 8, ctypes.addressof(buffer))
    sc.prctl(sc.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described))


def _instruction(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value)
