"""Write the reports of a run that is over.

``python -m pytest_selfinvoke.reports RUN_DIR [--html FILE] [--markdown FILE]
[--csv FILE] [--parquet FILE]``; without a file, the results table is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.destinations import Destinations
from pytest_selfinvoke.reports.files import write_reports
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.terminal import table

#: As pytest's: the request cannot be carried out.
USAGE_ERROR = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 if a file could not be written, or 4."""
    options = _parser().parse_args(arguments)
    wanted = Destinations(
        html=options.html,
        markdown=options.markdown,
        csv=options.csv,
        parquet=options.parquet,
    )
    try:
        run = Run(options.run)
        if not wanted:
            lines = table(contents(run).cells)
            sys.stdout.writelines(f"{line}\n" for line in lines)
            warnings, errors = run.warnings, []
        else:
            wanted.check()
            written = write_reports(run, wanted)
            sys.stdout.writelines(f"{name}: {path}\n" for name, path in written.files)
            warnings, errors = list(written.warnings), written.errors
    except SelfInvokeError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE_ERROR
    sys.stderr.writelines(f"warning: {line}\n" for line in warnings)
    sys.stderr.writelines(f"error: {line}\n" for line in errors)
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_selfinvoke.reports",
        description="Write the reports of a run that is over; without a file, print "
        "its results table.",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN_DIR", help="folder with records.jsonl"
    )
    for name in ("html", "markdown", "csv", "parquet"):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
