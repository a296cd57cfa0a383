"""The filter, run by an interpreter of classic BPF of our own."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

import pytest

from pytest_selfinvoke.sandbox import seccomp
from pytest_selfinvoke.sandbox import syscalls as sc

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
DENIED = ERRNO | errno.EPERM
NUMBERS = {
    # what everybody needs, and what nobody may
    "x86_64": {"read": 0, "mmap": 9, "exit_group": 231, "socketpair": 53},
    "aarch64": {"read": 63, "mmap": 222, "exit_group": 94, "socketpair": 199},
}
FORBIDDEN = {
    "x86_64": {"socket": 41, "ptrace": 101, "execve": 59, "fork": 57, "bpf": 321},
    "aarch64": {"socket": 198, "ptrace": 117, "execve": 221, "bpf": 280},
}
CLONE = {"x86_64": 56, "aarch64": 220}
KILL_CALL = {"x86_64": 62, "aarch64": 129}
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    monkeypatch.setattr(sc, "machine", lambda: request.param)
    seccomp.filter_program.cache_clear()
    yield request.param
    seccomp.filter_program.cache_clear()


def decide(program: bytes, number: int, arch: int, *arguments: int) -> int:
    """What the filter says of one call."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, arch, 0, *padded)
    steps = list(struct.iter_unpack("<HBBI", program))
    at, accumulator = 0, 0
    while True:
        code, true, false, value = steps[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            [accumulator] = struct.unpack_from("<I", data, value)
            continue
        holds = {
            0x15: accumulator == value,
            0x35: accumulator >= value,
            0x45: bool(accumulator & value),
        }[code]
        at += true if holds else false


def test_ordinary_calls_are_allowed(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None)
    for number in NUMBERS[machine].values():
        assert decide(program, number, ARCH[machine]) == ALLOW


def test_dangerous_calls_are_denied(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None)
    for number in FORBIDDEN[machine].values():
        assert decide(program, number, ARCH[machine]) == DENIED


def test_threads_but_no_processes(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None)
    clone, arch = CLONE[machine], ARCH[machine]
    assert decide(program, clone, arch, 0x00010000) == ALLOW
    assert decide(program, clone, arch, 17) == DENIED
    # clone3 hides its flags in memory: the C library falls back to clone
    assert decide(program, 435, arch) == ERRNO | errno.ENOSYS


def test_processes_where_they_are_allowed_but_no_namespaces(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None, allow_processes=True)
    clone, arch = CLONE[machine], ARCH[machine]
    assert decide(program, clone, arch, 17) == ALLOW
    assert decide(program, FORBIDDEN[machine]["execve"], arch) == ALLOW
    for new in (0x10000000, 0x20000000, 0x40000000, 0x00020000):
        assert decide(program, clone, arch, new | 17) == DENIED


def test_signals_to_itself_only_without_namespaces(machine: str) -> None:
    alone = seccomp.filter_program(own_pid=77)
    kill, arch = KILL_CALL[machine], ARCH[machine]
    assert decide(alone, kill, arch, 77, 9) == ALLOW
    for other in (1, 78, 0, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFF9C):
        assert decide(alone, kill, arch, other, 9) == DENIED
    assert decide(seccomp.filter_program(own_pid=None), kill, arch, 1, 9) == ALLOW


def test_calls_of_another_processor_kill(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None)
    for arch in (0x40000003, 0):
        assert decide(program, 0, arch) == KILL
    if machine == "x86_64":
        assert decide(program, 0x40000000 | 1, ARCH[machine]) == DENIED


def test_the_signal_of_a_dying_parent_stays_set(machine: str) -> None:
    program = seccomp.filter_program(own_pid=None)
    prctl = {"x86_64": 157, "aarch64": 167}[machine]
    assert decide(program, prctl, ARCH[machine], sc.PR_SET_PDEATHSIG) == DENIED
    assert decide(program, prctl, ARCH[machine], 15) == ALLOW


def test_an_unknown_machine_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sc, "machine", lambda: "riscv64")
    assert not seccomp.available()
