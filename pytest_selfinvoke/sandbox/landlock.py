"""Landlock: which files a process may touch, without namespaces (Linux 5.13)."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import struct
from collections.abc import Sequence

from pytest_selfinvoke.sandbox import syscalls as sc

_READ = 0b1101  # execute, read file, list folder
_READ_FOLDER = 0b1000
_WRITE_FILE = 0b10
#: All rights over files that each version of the interface knows.
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_HANDLED_5 = (1 << 16) - 1
_RULE_PATH_BENEATH = 1
_VERSION_FLAG = 1
_O_PATH = 0o10000000
_NET_TCP = 0b11
_HIGH = 20
_SCOPES = 0b11  # abstract sockets, signals

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def version() -> int:
    """The kernel's version of the interface; 0 where there is none."""
    try:
        return sc.syscall(
            sc.LANDLOCK_CREATE_RULESET,
            None,
            ctypes.c_size_t(0),
            ctypes.c_uint(_VERSION_FLAG),
        )
    except OSError:
        return 0


def rules(prefixes: Sequence[str], hidden: Sequence[str], boxes: str) -> int:
    """Rules that leave system and interpreter to read, and the boxes to write.

    Returns a descriptor for :func:`restrict`, to be used by many processes.

    :param hidden: folders below the prefixes whose files stay unreadable.
    """
    found = version()
    handled = _HANDLED.get(found, _HANDLED[3] if found == 4 else _HANDLED_5)
    attributes = struct.pack(
        "QQQ", handled, _NET_TCP if found >= 4 else 0, _SCOPES if found >= 6 else 0
    )
    size = 8 if found < 4 else 16 if found < 6 else 24
    ruleset = sc.syscall(
        sc.LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint(0)
    )
    for path in (*_SYSTEM, *prefixes):
        _allow_around(ruleset, path, hidden)
    for path in _DEVICES:
        _allow(ruleset, path, _READ | _WRITE_FILE)
    _allow(ruleset, boxes, handled)
    # Out of the way of the descriptors that a program's process gets.
    high = fcntl.fcntl(ruleset, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(ruleset)
    return high


def restrict(ruleset: int) -> None:
    """Apply rules to this process for good; needs ``no_new_privileges``."""
    sc.syscall(sc.LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))


def _allow_around(ruleset: int, path: str, hidden: Sequence[str]) -> None:
    """Allow to read a folder except for some folders below.

    Rules only add rights, so the way down to a hidden folder is opened entry by entry;
    listing alone is allowed everywhere, for imports list folders.
    """
    if path in hidden:
        return
    if not any(folder.startswith(path.rstrip("/") + "/") for folder in hidden):
        _allow(ruleset, path, _READ)
        return
    _allow(ruleset, path, _READ_FOLDER)
    for entry in os.listdir(path):
        _allow_around(ruleset, os.path.join(path, entry), hidden)


def _allow(ruleset: int, path: str, rights: int) -> None:
    # What the host does not have needs no rule.
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, _O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= 0b111  # rights over folders are refused for files
            rule = struct.pack("=Qi", rights, handle)
            sc.syscall(
                sc.LANDLOCK_ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_RULE_PATH_BENEATH),
                rule,
                ctypes.c_uint(0),
            )
        finally:
            os.close(handle)
