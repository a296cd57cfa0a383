"""``python -m pytest_selfinvoke``: look at, and merge, what runs leave behind."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_selfinvoke.core.cache import default_store
from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.generation.merging import merge_stores
from pytest_selfinvoke.generation.store import CompletionStore
from pytest_selfinvoke.reports.summary import summarise
from pytest_selfinvoke.reports.terminal import table
from pytest_selfinvoke.results.merging import merge_runs


def store_info(arguments: argparse.Namespace) -> Iterator[str]:
    """Models of a store, how many completions each has, and whether it is whole."""
    with CompletionStore(arguments.file, read_only=True) as store:
        store.verify()
        counts = Counter(entry.identity for entry in store.entries())
        yield f"{arguments.file}: {store.count()} completions, whole"
        for model in store.models():
            info = model.info
            facts = (info.engine_version, info.precision, info.revision, info.device)
            known = " ".join(fact for fact in (info.engine, *facts) if fact)
            yield f"  {counts[model.identity]:6} {model.spec} ({known})"


def store_show(arguments: argparse.Namespace) -> Iterator[str]:
    """Completions as JSON lines, of all cases or of those with a text in their id."""
    with CompletionStore(arguments.file, read_only=True) as store:
        models = {model.identity: model.spec for model in store.models()}
        for entry in store.entries():
            if arguments.case in str(entry.question.get("case")):
                yield dumps(
                    {
                        "key": entry.key.hex(),
                        "model": models.get(entry.identity),
                        "question": entry.question,
                        "completion": entry.completion.to_json(),
                    }
                )


def store_merge(arguments: argparse.Namespace) -> Iterator[str]:
    """One store of several; refused where they contradict each other."""
    count = merge_stores(arguments.files, arguments.output)
    yield f"{arguments.output}: {count} completions"


def runs_merge(arguments: argparse.Namespace) -> Iterator[str]:
    """One run directory of several; refused where they contradict each other."""
    records = merge_runs(arguments.folders, arguments.output)
    yield from table(summarise(records))
    yield f"{arguments.output}: {len(records)} records"


def parser() -> argparse.ArgumentParser:
    """The commands: ``store info|show|merge`` and ``runs merge``."""
    top = argparse.ArgumentParser(prog="python -m pytest_selfinvoke")
    groups = top.add_subparsers(required=True, metavar="store|runs")
    store = groups.add_parser("store", help="completion stores").add_subparsers(
        required=True, metavar="info|show|merge"
    )
    runs = groups.add_parser("runs", help="run directories").add_subparsers(
        required=True, metavar="merge"
    )
    for command, takes in ((store_info, "file"), (store_show, "file")):
        added = _added(store, command)
        added.add_argument(
            takes, type=Path, nargs="?", default=default_store(os.environ)
        )
        if command is store_show:
            added.add_argument("--case", default="", help="text in the case's id")
    for group, command, takes in (
        (store, store_merge, "files"),
        (runs, runs_merge, "folders"),
    ):
        added = _added(group, command)
        added.add_argument(takes, type=Path, nargs="+")
        added.add_argument("-o", "--output", type=Path, required=True)
    return top


def _added(
    group: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], Iterator[str]],
) -> argparse.ArgumentParser:
    name = command.__name__.partition("_")[2]
    added = group.add_parser(name, help=command.__doc__, description=command.__doc__)
    added.set_defaults(command=command)
    return added


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; mistakes are one line and exit code 4, as with pytest."""
    arguments = parser().parse_args(words)
    try:
        for line in arguments.command(arguments):
            sys.stdout.write(f"{line}\n")
    except SelfInvokeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 4
    except BrokenPipeError:
        # `| head` has seen enough.
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
