"""Node ids of cases among the command line's paths: ``mini::oracle::lists_01``."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.ids import SEPARATOR
from pytest_selfinvoke.core.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ids pasted on the command line, split at ``::``; empty selects everything."""

    ids: tuple[tuple[str, ...], ...] = ()

    def admits(self, names: tuple[str, ...]) -> bool:
        """Whether a node with this path of names may hold, or be, a selected one."""
        return not self.ids or any(
            all(a == b for a, b in zip(chosen, names, strict=False))
            for chosen in self.ids
        )


def take_ids(config: pytest.Config, benchmarks: Registry[Benchmark]) -> list[str]:
    """Remove case ids from the session's paths and return them.

    A path that exists always wins over a benchmark of the same name.
    """
    ids = []
    for argument in list(config.args):
        name, *names = argument.split(SEPARATOR)
        exists = (config.invocation_params.dir / name).exists()
        name = _from_root(config, name)
        if name in benchmarks and not exists:
            ids.append(SEPARATOR.join((name, *names)))
            config.args.remove(argument)
    return ids


def _from_root(config: pytest.Config, name: str) -> str:
    """The first part of an id without the ``../`` of a session below the root folder.

    There pytest prints all ids as if they began with a file's name.
    """
    if not name.startswith(os.pardir):
        return name
    return os.path.relpath(config.invocation_params.dir / name, config.rootpath)


def parse_selection(ids: list[str]) -> Selection:
    """The selection that pasted ids ask for."""
    return Selection(ids=tuple(tuple(text.split(SEPARATOR)) for text in ids))


def check_selection(selection: Selection, case_ids: list[str]) -> None:
    """Make sure that every selected id leads to a case.

    :raises UserError: for the first one that does not.
    """
    known = {tuple(case_id.split(SEPARATOR)) for case_id in case_ids}
    prefixes = {names[:n] for names in known for n in range(1, len(names) + 1)}
    for chosen in selection.ids:
        if chosen not in prefixes:
            found = next(
                n for n in range(len(chosen)) if chosen[: n + 1] not in prefixes
            )
            options = _OPTIONS[min(found, len(_OPTIONS) - 1)]
            raise UserError(
                f"not found: {SEPARATOR.join(chosen)} (ids are benchmark::model::"
                f"problem::variant; --co -q lists those that there are, {options})"
            )


#: What brings cases with the n-th part of an id into a run.
_OPTIONS = (
    "--benchmark chooses benchmarks",
    "--model chooses models",
    "--limit and --shard choose problems",
    "--attack, --attack-seeds and --samples choose variants",
)
