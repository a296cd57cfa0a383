"""What the sandbox is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pytest_selfinvoke.core.outcomes import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use.

    ``cpu_s`` counts processor time, so that a busy machine changes no verdict; where
    the problem's reference itself is slow on this host, ``cpu_factor`` times its time
    is allowed. ``wall_s`` is a wide backstop for programs that sleep. ``memory_bytes``
    is address
    space on top of the interpreter's own. ``output_bytes`` is what is kept of each of
    stdout and stderr; the rest is read and dropped. ``disk_bytes`` is the size of the
    program's private folder. ``processes`` counts threads too; it holds where the tier
    is ``namespaces``, for elsewhere the count is shared with all of the user's own.
    """

    cpu_s: float = 10.0
    cpu_factor: float = 10.0
    wall_s: float = 30.0
    memory_bytes: int = 2 * 2**30
    output_bytes: int = 64 * 2**10
    file_bytes: int = 32 * 2**20
    disk_bytes: int = 64 * 2**20
    open_files: int = 128
    processes: int = 64

    def calibrated(self, reference_cpu_s: float) -> Limits:
        """The limits for a problem whose reference took so much processor time here."""
        cpu_s = max(self.cpu_s, self.cpu_factor * reference_cpu_s)
        wall_s = max(self.wall_s, self.wall_s / self.cpu_s * cpu_s)
        return replace(self, cpu_s=cpu_s, wall_s=wall_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A program, and the tests that it has to pass.

    ``tests`` is Python source that calls some of ``entry_points``, all of which the
    program must define. ``allow_processes`` lets it start other programs, which needs
    the ``namespaces`` tier. With ``beside`` the tests run in the program's process
    wherever they could have been run apart: the verdict can be forged then.
    """

    program: str
    tests: str
    entry_points: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    allow_processes: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of a job.

    ``judge`` is ``apart`` where the tests ran in another process than the program and
    ``inline`` where they had to run beside it. ``expected`` and ``actual`` are short
    representations. Times are in seconds; ``cpu_limit_s`` is what was allowed.
    """

    verdict: Verdict
    detail: str = ""
    exception: str | None = None
    failing_test: str | None = None
    expected: str | None = None
    actual: str | None = None
    stdout: str = ""
    stderr: str = ""
    cpu_s: float = 0.0
    cpu_limit_s: float | None = None
    wall_s: float = 0.0
    judge: str = "apart"
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for the record."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What a fork server really obtained, layer by layer."""

    tier: str
    layers: Mapping[str, bool]

    @property
    def missing(self) -> tuple[str, ...]:
        """The layers that this host does not give."""
        return tuple(name for name, there in self.layers.items() if not there)

    def describe(self) -> str:
        """One line for people."""
        there = ", ".join(name for name, is_there in self.layers.items() if is_there)
        missing = f"; without {', '.join(self.missing)}" if self.missing else ""
        open_ = ": programs can read this host's files" if self.reads_files else ""
        return f"{self.tier} ({there}{missing}){open_}"

    @property
    def reads_files(self) -> bool:
        """Whether programs can read whatever this process's user can."""
        return self.tier not in ("namespaces", "landlock")

    def to_json(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return {"tier": self.tier, "layers": dict(self.layers)}
