from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_selfinvoke.sandbox.probe import Host, probe

PLAIN = Host(system="linux", is_root=False, container="", forbidding={}, cgroups="")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_host_that_forbids_nothing(tmp_path: Path) -> None:
    files = {
        "proc/sys/kernel/unprivileged_userns_clone": "1\n",
        "proc/sys/user/max_user_namespaces": "63000\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    }
    host = probe(write(tmp_path, files))
    assert (host.forbidding, host.container, host.cgroups) == ({}, "", "v2")


def test_settings_that_forbid_are_named_with_the_value_that_would_not(
    tmp_path: Path,
) -> None:
    files = {
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
        "proc/sys/user/max_user_namespaces": "0\n",
    }
    host = replace(probe(write(tmp_path, files)), is_root=False)
    assert host.remedy() == (
        "allow user namespaces: sysctl -w user.max_user_namespaces=15000 "
        "kernel.apparmor_restrict_unprivileged_userns=0"
    )
    # root may, whatever the settings for others say
    assert "sysctl" not in replace(host, is_root=True).remedy()


def test_containers_are_told_apart(tmp_path: Path) -> None:
    for name, files in {
        "docker": {".dockerenv": ""},
        "podman": {"run/.containerenv": ""},
        "kubernetes": {"proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"},
    }.items():
        host = probe(write(tmp_path / name, files))
        assert host.container == name
        assert f"this {name} container needs" in replace(host, forbidding={}).remedy()


def test_without_any_clue_the_remedy_is_general() -> None:
    assert PLAIN.remedy().startswith("allow user namespaces; a container needs")
    assert PLAIN.to_json()["system"] == "linux"


def test_this_host_can_be_looked_at() -> None:
    assert probe().system == "linux"
