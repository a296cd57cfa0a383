"""``python -m pytest_selfinvoke``: the arguments of its commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_selfinvoke.commands import (
    FORMATS,
    FailedError,
    compare,
    gate,
    model,
    report,
    run_export,
    runs_merge,
    silence,
    store_info,
    store_merge,
    store_show,
    study,
)
from pytest_selfinvoke.core.cache import default_store
from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.metrics.gates import EXAMPLE, Rule
from pytest_selfinvoke.reports.study_text import RELEVANT


def parser() -> argparse.ArgumentParser:
    """The commands for stores, for run directories, and for one or two runs."""
    top = argparse.ArgumentParser(prog="python -m pytest_selfinvoke")
    names = "store|runs|report|compare|gate|study|export|model|silence"
    groups = top.add_subparsers(required=True, metavar=names)
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
    added = _added(groups, compare)
    added.add_argument("run", type=Path, metavar="RUN_DIR")
    added.add_argument("baseline", type=Path, metavar="BASELINE_DIR")
    added.add_argument("-v", "--verbose", action="store_true", help="list all cases")
    added.add_argument(
        "--fail-on-regression",
        action="store_true",
        help="exit with 1 if a loss is significant, or if nothing could be compared",
    )
    _add_gate(_added(groups, gate))
    added = _added(groups, report)
    added.add_argument("run", type=Path, metavar="RUN_DIR")
    for name in FORMATS:
        added.add_argument(f"--{name}", type=Path, metavar="FILE")
    _add_export(_added(groups, run_export))
    added = _added(groups, study)
    added.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    added.add_argument("--markdown", type=Path, metavar="FILE")
    added.add_argument(
        "--points",
        type=_points,
        default=RELEVANT,
        metavar="N",
        help="the difference that is worth deciding, in points (default: %(default)s)",
    )
    _add_silence(_added(groups, silence))
    _added(groups, model).add_argument("spec", nargs="+", metavar="SPEC")
    return top


def _points(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError("above 0 and at most 100 points")
    return value


def _add_gate(added: argparse.ArgumentParser) -> None:
    added.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    added.add_argument(
        "--gate",
        action="append",
        required=True,
        metavar="EXPRESSION",
        help=f"say {EXAMPLE}",
    )
    added.add_argument(
        "--gate-rule",
        default=Rule.INTERVAL.value,
        metavar="RULE",
        help=f"what has to meet the threshold: {', '.join(Rule)} (default: interval)",
    )
    added.add_argument(
        "--gate-undecided",
        choices=("fail", "pass"),
        default="fail",
        help="what becomes of runs that are too small to tell (default: fail)",
    )


def _add_export(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "folder",
        type=Path,
        metavar="RUN_DIR",
        help="a run directory, or a folder of several: the newest one",
    )
    added.add_argument(
        "--evalplus",
        type=Path,
        metavar="FILE.jsonl[.gz]",
        help="samples for evalplus.evaluate, of the clean prompts unless --attack is "
        "given",
    )
    added.add_argument(
        "--inspect",
        type=Path,
        metavar="FILE.eval",
        help="a log for inspect view, of all variants unless --attack is given",
    )
    added.add_argument("--attack", metavar="NAME", help="this attack's variants only")
    added.add_argument("--model", metavar="LABEL", help="needed if there are several")
    added.add_argument(
        "--benchmark", metavar="NAME", help="needed if there are several"
    )


def _add_silence(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "folder", type=Path, metavar="RUN_DIR", help="a run with --routing"
    )
    for name in ("model", "benchmark"):
        added.add_argument(f"--{name}", metavar="NAME", help="needed if there are more")
    for name, default, text in (
        ("experts", 1, "experts of each layer to silence (default: 1)"),
        ("draws", 3, "models with random experts silenced (default: 3)"),
        ("seed", 0, "of the draws (default: 0)"),
    ):
        added.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=text
        )
    added.add_argument(
        "--by",
        choices=("answer", "prompt"),
        default="answer",
        help="which tokens tell what is used (default: answer)",
    )
    added.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE.selfinvoke.toml"
    )


def _added(
    group: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], Iterator[str]],
) -> argparse.ArgumentParser:
    name = command.__name__.rpartition("_")[2]
    added = group.add_parser(name, help=command.__doc__, description=command.__doc__)
    added.set_defaults(command=command)
    return added


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; mistakes are one line and exit code 4, as with pytest.

    Exit code 1 is that of gates that did not pass, and of a regression.
    """
    arguments = parser().parse_args(words)
    try:
        for line in arguments.command(arguments):
            sys.stdout.write(f"{line}\n")
    except FailedError:
        return 1
    except SelfInvokeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 4
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 2
    except BrokenPipeError:
        # `| head` has seen enough.
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
