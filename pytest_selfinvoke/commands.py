"""What ``python -m pytest_selfinvoke`` does: a function for each command."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import dumps, write_atomically
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.merging import merge_stores
from pytest_selfinvoke.generation.store import CompletionStore
from pytest_selfinvoke.metrics.gates import Gate
from pytest_selfinvoke.models.lookup import kind_for
from pytest_selfinvoke.reports.comparison import comparison_lines, differences, is_loss
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.destinations import Destinations
from pytest_selfinvoke.reports.files import write_reports
from pytest_selfinvoke.reports.finished import judge_runs
from pytest_selfinvoke.reports.gates import lines as gate_lines
from pytest_selfinvoke.reports.markdown import study_markdown
from pytest_selfinvoke.reports.model import model_lines
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.routing import RoutingSummary
from pytest_selfinvoke.reports.silencing import silencing_suite
from pytest_selfinvoke.reports.study import required_study
from pytest_selfinvoke.reports.study_text import blocks, study_lines
from pytest_selfinvoke.reports.summary import summarise
from pytest_selfinvoke.reports.terminal import table
from pytest_selfinvoke.results.compare import compare_runs
from pytest_selfinvoke.results.evalplus import write_samples
from pytest_selfinvoke.results.inspect_log import write_log
from pytest_selfinvoke.results.merging import merge_runs
from pytest_selfinvoke.results.runs import read_run
from pytest_selfinvoke.results.selection import select
from pytest_selfinvoke.results.store import MANIFEST, run_folder
from pytest_selfinvoke.suite import rule_from_name

#: Reports that a finished run can be written as.
FORMATS = ("html", "markdown", "csv", "parquet")


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
    records = merge_runs(arguments.folders, arguments.output, warn=_warn)
    yield from table(summarise(records))
    yield f"{arguments.output}: {len(records)} records"


def silence(arguments: argparse.Namespace) -> Iterator[str]:
    """A suite of models with silenced experts: most and least used, and random."""
    run = Run(_opened(arguments.folder))
    found = contents(run)
    [one] = _chosen(found.routing, arguments, run)
    specs = [ModelSpec(**m) for p in run.manifest["plans"] for m in p["models"]]
    spec = next(spec for spec in specs if spec.label == one.model)
    text = silencing_suite(
        spec,
        one,
        by=arguments.by,
        count=arguments.experts,
        draws=arguments.draws,
        seed=arguments.seed,
    )
    write_atomically(arguments.output, text.encode())
    yield f"{arguments.output}: {text.count('[[model]]')} models"


def _chosen(
    found: Sequence[RoutingSummary], arguments: argparse.Namespace, run: Run
) -> Sequence[RoutingSummary]:
    """The one routing of a run that the options leave.

    :raises UserError: if they leave none, or several.
    """
    model, benchmark = arguments.model, arguments.benchmark
    left = [
        one
        for one in found
        if model in (None, one.model) and benchmark in (None, one.benchmark)
    ]
    if not found:
        raise UserError(f"{run.path}: no routing in it: run pytest with --routing")
    if len(left) != 1:
        there = ", ".join(f"{one.model} on {one.benchmark}" for one in found)
        raise UserError(f"name one with --model and --benchmark: {there}")
    return left


def _opened(folder: Path) -> Path:
    """The run that is meant; a line says so where it is the newest of several."""
    found = run_folder(folder)
    if found.parent == folder:
        sys.stderr.write(f"{folder}: the newest run in it is {found.name}\n")
    return found


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


class FailedError(Exception):
    """All is printed, and the answer is no: exit code 1."""


def model(arguments: argparse.Namespace) -> Iterator[str]:
    """What is known of a model, read without its weights; unknown stays unknown."""
    for text in arguments.spec:
        kind = kind_for(ModelSpec(spec=text, label=text), {})
        inspect = getattr(kind, "inspect", None)
        if inspect is None:
            raise UserError(f"{text}: says nothing of itself before it is loaded")
        yield from model_lines(inspect(ModelSpec(spec=text, label=text)))


def compare(arguments: argparse.Namespace) -> Iterator[str]:
    """What got worse or better since another run, on the same cases."""
    run, baseline = map(_opened, (arguments.run, arguments.baseline))
    compared = compare_runs(read_run(run), read_run(baseline))
    found = differences(compared)
    yield from comparison_lines(compared, found, verbose=arguments.verbose)
    if arguments.fail_on_regression and is_loss(found):
        raise FailedError


def gate(arguments: argparse.Namespace) -> Iterator[str]:
    """Whether finished runs, taken together, are good enough."""
    runs = [Run(_opened(folder)) for folder in arguments.runs]
    gates = [Gate.parse(text) for text in arguments.gate]
    judged = judge_runs(runs, gates, rule_from_name(arguments.gate_rule))
    yield from gate_lines(judged.measured)
    yield from filter(None, [judged.lost.describe()])
    for run in runs:
        for line in run.warnings:
            _warn(f"{run.path}: {line}")
    if not judged.passes(skip_undecided=arguments.gate_undecided == "pass"):
        raise FailedError


def study(arguments: argparse.Namespace) -> Iterator[str]:
    """How alignment, architecture and attacks interact, over one or more runs."""
    has_library = find_spec("statsmodels") is not None
    runs = [Run(_opened(path)) for path in arguments.runs]
    found = required_study(runs, with_logistic=has_library)
    parts = blocks(found, relevant=arguments.points)
    if arguments.markdown is not None:
        text = "\n".join(study_markdown(parts)).rstrip() + "\n"
        write_atomically(arguments.markdown, text.encode())
        yield f"markdown: {arguments.markdown}"
    else:
        yield from study_lines(parts)
    if not has_library:
        _warn("no logistic models: pip install 'pytest-selfinvoke[study]'")
    for line in (line for run in runs for line in run.warnings):
        _warn(line)


def report(arguments: argparse.Namespace) -> Iterator[str]:
    """The reports of a run; without a file, its results table."""
    run = Run(_opened(arguments.run))
    wanted = Destinations(**{name: getattr(arguments, name) for name in FORMATS})
    if wanted:
        wanted.check()
        written = write_reports(run, wanted)
        yield from (f"{name}: {path}" for name, path in written.files)
        if written.errors:
            raise UserError("; ".join(written.errors))
    else:
        yield from table(contents(run).cells)
    for line in run.warnings:
        _warn(line)


def run_export(arguments: argparse.Namespace) -> Iterator[str]:
    """Files that other harnesses read, of one model on one benchmark."""
    folder = run_folder(arguments.folder)
    if arguments.evalplus is None and arguments.inspect is None:
        raise UserError("name what to write: --evalplus FILE or --inspect FILE")
    chosen = {"model": arguments.model, "benchmark": arguments.benchmark}
    if (file := arguments.evalplus) is not None:
        records = select(folder, attack=arguments.attack or "clean", **chosen)
        count = write_samples(records, file)
        left = len(records) - count
        more = f", {left} records have no completion" if left else ""
        yield f"{file}: {count} samples from {folder}{more}"
    if (file := arguments.inspect) is not None:
        records = select(folder, attack=arguments.attack, **chosen)
        count = write_log(records, folder / MANIFEST, file)
        yield f"{file}: {count} samples from {folder}"
