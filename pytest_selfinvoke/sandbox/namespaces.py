"""Namespaces and a root of our own: what the fork server and its children live in."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from pytest_selfinvoke.sandbox import syscalls as sc

SERVER_NAMESPACES = (
    sc.CLONE_NEWUSER
    | sc.CLONE_NEWNS
    | sc.CLONE_NEWPID
    | sc.CLONE_NEWNET
    | sc.CLONE_NEWIPC
    | sc.CLONE_NEWUTS
)
#: The user that programs run as inside, where the host lets us map a second one.
INNER_USER = 1000
#: The host's "nobody", which owns nothing.
OUTER_USER = 65534
#: Inside the new root: the program's own directory.
BOX = "/box"

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000


def write_maps(pid: int) -> bool:
    """Map users into a child's new user namespace; called by its parent, outside.

    Maps this process's user to 0 and, with root's rights, "nobody" to
    :data:`INNER_USER`. Returns whether the second map was possible.
    """
    uid, gid = os.geteuid(), os.getegid()
    root = uid == 0
    if not root:
        _write(f"/proc/{pid}/setgroups", "deny")
    for name, own in (("uid_map", uid), ("gid_map", gid)):
        lines = [f"0 {own} 1"]
        if root:
            lines.append(f"{INNER_USER} {OUTER_USER} 1")
        _write(f"/proc/{pid}/{name}", "\n".join(lines) + "\n")
    return root


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def enter_root(prefixes: Sequence[str], hidden: Sequence[str]) -> None:
    """Replace the root by one with the system and the interpreter, read-only.

    Nothing is written on the host: the new root is built in a tmpfs of this mount
    namespace.

    :param prefixes: folders of the interpreter and its packages.
    :param hidden: folders below them that stay empty: benchmarks hold answers.
    """
    sc.mount("none", "/", None, sc.MS_REC | sc.MS_PRIVATE)
    sc.mount("tmpfs", "/tmp", "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=1m,mode=755")
    for name in ("/tmp/old", "/tmp/new"):
        os.mkdir(name, 0o755)
    sc.named_syscall("pivot_root", b"/tmp", b"/tmp/old")
    os.chdir("/")
    sc.mount("tmpfs", "/new", "tmpfs", sc.MS_NOSUID, "size=1m,mode=755")
    _bind_all(prefixes)
    for path in hidden:
        if os.path.isdir("/new" + path):
            sc.mount("tmpfs", "/new" + path, "tmpfs", sc.MS_RDONLY, "size=4k,mode=755")
    os.mkdir("/new" + BOX, 0o755)
    os.chdir("/new")
    sc.named_syscall("pivot_root", b".", b".")
    sc.umount(".")
    os.chdir("/")
    read_only = sc.MS_REMOUNT | sc.MS_BIND | sc.MS_RDONLY | sc.MS_NOSUID
    sc.mount("none", "/", None, read_only)


def _bind_all(prefixes: Sequence[str]) -> None:
    for path in _SYSTEM:
        if os.path.islink("/old" + path):
            os.symlink(os.readlink("/old" + path), "/new" + path)
        elif os.path.isdir("/old" + path):
            _bind(path)
    for path in prefixes:
        inside_usr = path == "/usr" or path.startswith("/usr/")
        if not inside_usr and not os.path.isdir("/new" + path):
            _bind(path)
    for path in (*_FILES, *_DEVICES):
        if os.path.exists("/old" + path):
            os.makedirs(os.path.dirname("/new" + path), exist_ok=True)
            os.close(os.open("/new" + path, os.O_CREAT, 0o644))
            sc.mount("/old" + path, "/new" + path, None, sc.MS_BIND)


def _bind(path: str) -> None:
    target = "/new" + path
    os.makedirs(target, exist_ok=True)
    sc.mount("/old" + path, target, None, sc.MS_BIND | sc.MS_REC)
    make_read_only(target)


def make_read_only(path: str) -> None:
    """Make a mount and all below it read-only."""
    flags = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    attributes = (ctypes.c_uint64 * 4)(flags, 0, 0, 0)
    try:
        sc.named_syscall(
            "mount_setattr",
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.c_uint(_AT_RECURSIVE),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        )
    except OSError:
        # Before Linux 5.12. The flags of the original mount must be kept.
        kept = os.statvfs(path).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
        read_only = sc.MS_REMOUNT | sc.MS_BIND | sc.MS_RDONLY
        sc.mount("none", path, None, read_only | kept)


class PidSpaces:
    """Gives the next forked child a pid namespace of its own.

    ``unshare`` moves *later children* of the caller, and ``setns`` back undoes it: one
    fork per program is enough (measured: 62 microseconds).
    """

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def next_child_in_new(self) -> None:
        """The next child is process 1 of a new pid namespace."""
        sc.unshare(sc.CLONE_NEWPID)

    def back(self) -> None:
        """Later children are in this process's namespace again."""
        sc.setns(self._own, sc.CLONE_NEWPID)


def private_box(size_bytes: int) -> None:
    """In the child: a tmpfs of its own to work in, and nothing else writable."""
    sc.unshare(sc.CLONE_NEWNS)
    sc.mount(
        "tmpfs",
        BOX,
        "tmpfs",
        sc.MS_NOSUID | sc.MS_NODEV,
        f"size={size_bytes},nr_inodes=4096,mode=777",
    )
    os.chdir(BOX)


def become_nobody(user: int | None) -> None:
    """In the child: give up root's rights.

    :param user: whom to become; without one, only the capabilities are dropped.
    """
    if user is not None:
        # A change from user 0 to another drops all capabilities.
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        return
    for capability in range(64):
        with contextlib.suppress(OSError):
            sc.prctl(sc.PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    sc.named_syscall("capset", ctypes.byref(header), ctypes.byref(data))


def nobody_can_read(prefixes: Sequence[str]) -> bool:
    """Whether a user who owns nothing can get at the interpreter on the host."""
    folders = {str(p) for path in prefixes for p in (path, *Path(path).parents)}
    return all(os.stat(path).st_mode & stat.S_IXOTH for path in folders) and (
        world_readable(prefixes)
    )


def world_readable(prefixes: Sequence[str]) -> bool:
    """Whether a user who owns nothing can read the interpreter."""
    needed = stat.S_IROTH | stat.S_IXOTH
    return all(os.stat(path).st_mode & needed == needed for path in prefixes)
