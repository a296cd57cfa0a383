"""Resource limits of one process."""

from __future__ import annotations

import math
import resource
from collections.abc import Mapping


def own_address_space() -> int:
    """Bytes of address space this process uses now; 0 where it cannot be told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def apply(
    limits: Mapping[str, float], *, base_bytes: int, count_processes: bool
) -> None:
    """Limit this process for good.

    :param limits: the fields of :class:`~pytest_selfinvoke.sandbox.base.Limits`.
    :param base_bytes: address space in use before the program runs; comes on top.
    :param count_processes: whether the user's processes are this program's alone.
    """
    # The fork server watches the limit exactly; the kernel's counts whole seconds and
    # stands behind it.
    cpu_s = math.ceil(limits["cpu_s"]) + 1
    memory = int(limits["memory_bytes"]) + base_bytes
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu_s, cpu_s),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, int(limits["file_bytes"]), int(limits["file_bytes"])),
        (resource.RLIMIT_NOFILE, int(limits["open_files"]), int(limits["open_files"])),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, int(limits["processes"]), int(limits["processes"])),
    ):
        if kind == resource.RLIMIT_NPROC and not count_processes:
            continue
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))
