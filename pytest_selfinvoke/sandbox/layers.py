"""What a fork server obtained of each mechanism, and how it confines a child."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_selfinvoke.sandbox import landlock, namespaces, rlimits, seccomp
from pytest_selfinvoke.sandbox import syscalls as sc

#: What the check at the start may use.
_CHECK = {
    "cpu_s": 10.0,
    "memory_bytes": 2**28,
    "file_bytes": 2**20,
    "disk_bytes": 2**20,
    "open_files": 64,
    "processes": 64,
}


class Layers:
    """The isolation of this server, and what each child still has to do for it."""

    def __init__(
        self, prefixes: Sequence[str], hidden: Sequence[str], tiers: Sequence[str]
    ) -> None:
        self.prefixes, self.hidden = prefixes, hidden
        self.spaces: namespaces.PidSpaces | None = None
        self.nobody: int | None = None
        self.is_root = os.geteuid() == 0
        self.seccomp = seccomp.available() and "seccomp" in tiers
        self.landlock = landlock.version() > 0 and "landlock" in tiers
        self.rules: int | None = None
        self.base_bytes = rlimits.own_address_space()

    def prepare(self, boxes: str) -> None:
        """Make what is the same for all children once. ``boxes`` holds their folders.

        Layers that turn out not to work here are given up, and so not reported.

        :raises OSError: if no child can be confined.
        """
        if (
            self.spaces is None
            and self.is_root
            and namespaces.nobody_can_read(self.prefixes)
        ):
            self.nobody = namespaces.OUTER_USER
            os.chown(boxes, self.nobody, self.nobody)
        if self.spaces is None and self.landlock:
            self.rules = landlock.rules(self.prefixes, self.hidden, boxes)
        if self.seccomp and self.spaces is not None:
            # Made once here, not in every child, which inherits the cache.
            for allowed in (False, True):
                seccomp.filter_program(own_pid=None, allow_processes=allowed)
        for given_up in ("", "landlock", "seccomp"):
            if given_up:
                setattr(self, given_up, False)
            reason = _check(self, boxes)
            if not reason:
                return
        raise OSError(f"no child can be confined: {reason}")

    def report(self) -> dict[str, Any]:
        """What was obtained, for the manifest."""
        apart = self.spaces is not None
        tier = "namespaces" if apart else "none"
        if not apart and self.seccomp:
            tier = "landlock" if self.landlock else "seccomp"
        return {
            "tier": tier,
            "layers": {
                "namespaces": apart,
                "own root": apart,
                "non-root user": self.nobody is not None or not self.is_root,
                "seccomp": self.seccomp,
                "landlock": self.landlock and not apart,
                "limits": True,
            },
        }

    def confine(
        self, limits: Mapping[str, Any], box: str, *, allow_processes: bool = False
    ) -> None:
        """In the child: take every right away that a program does not need."""
        apart = self.spaces is not None
        if allow_processes and not apart:
            raise OSError("a program may start processes in namespaces only")
        if apart:
            namespaces.private_box(int(limits["disk_bytes"]))
        else:
            os.environ["HOME"] = os.environ["TMPDIR"] = box
            os.chdir(box)
            if self.nobody is not None:
                os.chown(box, self.nobody, self.nobody)
        rlimits.apply(limits, base_bytes=self.base_bytes, count_processes=apart)
        namespaces.become_nobody(self.nobody)
        sc.die_with_parent()
        sc.no_new_privileges()
        if not apart and self.landlock and self.rules is not None:
            landlock.restrict(self.rules)
        if self.seccomp:
            own_pid = None if apart else os.getpid()
            seccomp.apply(
                seccomp.filter_program(own_pid=own_pid, allow_processes=allow_processes)
            )


def _check(layers: Layers, boxes: str) -> str:
    """Confine one child to see that it works; why not, or nothing."""
    ours, theirs = os.pipe()
    if layers.spaces is not None:
        layers.spaces.next_child_in_new()
    pid = os.fork()
    if pid == 0:
        try:
            layers.confine(_CHECK, boxes)
            # A layer that is there without effect is worse than one that is missing.
            open(os.__file__, "rb").close()
            if layers.seccomp:
                _must_fail(os.fork)
                _must_fail(lambda: socket.socket(socket.AF_INET))
            if layers.landlock or layers.spaces is not None:
                _must_fail(lambda: os.listdir("/proc"))
        except BaseException as error:
            os.write(theirs, f"{type(error).__name__}: {error}".encode()[:400] or b"?")
        finally:
            os._exit(0)
    if layers.spaces is not None:
        layers.spaces.back()
    os.close(theirs)
    with open(ours, "rb") as stream:
        reason = stream.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    return reason or (f"ended with status {status}" if status else "")


def _must_fail(attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except OSError:
        return
    raise RuntimeError("a layer has no effect")
