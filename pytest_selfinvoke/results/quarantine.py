"""The quarantine list: problems that an audit found unsound, with the reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_selfinvoke.core.errors import DataError, UserError

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The unsound problems of a benchmark, and the content hash that was audited."""

    hash: str
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


#: Benchmark -> what is listed of it.
Quarantine = Mapping[str, Listed]


def write_quarantine(path: Path, found: Quarantine) -> None:
    """Write the list as JSON.

    :raises UserError: if the file cannot be written.
    """
    data = {
        "schema": SCHEMA,
        "benchmarks": {
            name: {
                "hash": listed.hash,
                "problems": {id_: list(why) for id_, why in listed.problems.items()},
            }
            for name, listed in found.items()
        },
    }
    try:
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error}") from error


def read_quarantine(path: Path) -> Quarantine:
    """Read a list.

    :raises UserError: if there is no such file.
    :raises DataError: if it is none, or was written by a newer version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            what = f"has schema {data['schema']!r}, this version reads {SCHEMA}"
            raise DataError(path, what)
        return {
            str(name): Listed(
                hash=str(listed["hash"]),
                problems={
                    str(id_): tuple(map(str, why))
                    for id_, why in listed["problems"].items()
                },
            )
            for name, listed in data["benchmarks"].items()
        }
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such quarantine list; pytest --selfinvoke-audit "
            f"--selfinvoke-quarantine={path} writes one"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(path, f"not a quarantine list: {error!r}") from error


def check_hashes(path: Path, listed: Quarantine, hashes: Mapping[str, str]) -> None:
    """Make sure that a list is about the benchmarks of a run.

    :param hashes: benchmark -> content hash, of the run.
    :raises UserError: if it is about none of them, or about other problems.
    """
    common = [name for name in listed if name in hashes]
    if hashes and not common:
        raise UserError(
            f"{path}: lists problems of {', '.join(listed) or 'nothing'}, "
            f"not of {', '.join(hashes)}"
        )
    for name in common:
        if listed[name].hash != hashes[name]:
            raise UserError(
                f"{path}: was made from other problems of {name}; audit them again"
            )
