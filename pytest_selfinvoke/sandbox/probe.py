"""What this host offers a sandbox, and how it could offer more."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: Settings of the kernel that forbid user namespaces: file -> (value, what to do).
_SETTINGS = {
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "15000"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
}
_CONTAINERS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What was found out by reading, without starting anything.

    ``container`` names the one that this process is in, as far as it can be seen.
    ``forbidding`` are the kernel's settings that stand in the way of user namespaces,
    with the value that would not. ``cgroups`` is ``v2``, ``v1`` or empty; the sandbox
    needs none.
    """

    system: str
    is_root: bool
    container: str
    forbidding: Mapping[str, str]
    cgroups: str

    def to_json(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return asdict(self)

    def remedy(self) -> str:
        """How to get user namespaces here, in one clause."""
        if self.forbidding and not self.is_root:
            values = " ".join(f"{name}={value}" for name, value in self.settings())
            return f"allow user namespaces: sysctl -w {values}"
        where = f"this {self.container} container" if self.container else "a container"
        return (
            f"allow user namespaces; {where} needs a seccomp profile that allows "
            "unshare, mount and pivot_root (--security-opt seccomp=PROFILE)"
        )

    def settings(self) -> list[tuple[str, str]]:
        """The forbidding settings as sysctl names them."""
        return [(n.replace("/", "."), value) for n, value in self.forbidding.items()]


def probe(root: Path = Path("/")) -> Host:
    """Look at this host.

    :param root: where ``/proc`` and the like are.
    """
    settings = root / "proc" / "sys"
    return Host(
        system=sys.platform,
        is_root=os.geteuid() == 0,
        container=_container(root),
        forbidding={
            name: good
            for name, (bad, good) in _SETTINGS.items()
            if _text(settings / name) == bad
        },
        cgroups=_cgroups(root),
    )


def _container(root: Path) -> str:
    for path, name in _CONTAINERS.items():
        if (root / path[1:]).exists():
            return name
    groups = _text(root / "proc/1/cgroup")
    return "kubernetes" if "kubepods" in groups else ""


def _cgroups(root: Path) -> str:
    if (root / "sys/fs/cgroup/cgroup.controllers").exists():
        return "v2"
    return "v1" if (root / "sys/fs/cgroup/memory").exists() else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
