"""System calls that Python 3.11 has no function for, through ctypes.

No binding on the package index covers these and ships wheels for all supported
Pythons, so each mechanism's file makes its few calls here.
"""

from __future__ import annotations

import ctypes
import os
import platform

_LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

#: Numbers of the calls that have no wrapper in the C library, by machine.
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "mount_setattr": 442},
    "aarch64": {"pivot_root": 41, "capset": 91, "mount_setattr": 442},
}
#: The same on every machine since they were added (Linux 5.13).
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446


def machine() -> str:
    """The processor family, as the tables of call numbers name it."""
    return platform.machine()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make a system call.

    :raises OSError: with the call's error number.
    """
    return _checked(_LIBC.syscall(ctypes.c_long(number), *arguments))


def named_syscall(name: str, *arguments: object) -> int:
    """Make a system call of :data:`_NUMBERS`.

    :raises OSError: with the call's error number, or if the machine is unknown.
    """
    numbers = _NUMBERS.get(machine())
    if numbers is None:
        raise OSError(f"no system call numbers for {machine()}")
    return syscall(numbers[name], *arguments)


def prctl(option: int, value: int = 0, third: object = 0) -> int:
    """Operate on this process.

    :raises OSError: with the call's error number.
    """
    last = ctypes.c_ulong(third) if isinstance(third, int) else third
    return _checked(
        _LIBC.prctl(
            ctypes.c_int(option), ctypes.c_ulong(value), last, ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        )
    )  # fmt: skip


def unshare(flags: int) -> None:
    """Leave the namespaces named by the flags for new ones."""
    _checked(_LIBC.unshare(ctypes.c_int(flags)))


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace behind a descriptor."""
    _checked(_LIBC.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)))


def mount(
    source: str, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    """Mount a file system."""
    _checked(
        _LIBC.mount(
            os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            None if data is None else data.encode(),
        )
    )


def umount(target: str) -> None:
    """Detach a file system."""
    _checked(_LIBC.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)))


def no_new_privileges() -> None:
    """No later exec may give more rights; needed by seccomp and Landlock."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """Be killed when the parent process ends, however it ends."""
    prctl(PR_SET_PDEATHSIG, 9)
