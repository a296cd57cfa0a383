"""The controller's part: generation server, run directory, summary.

Registered in the process that the user started, never in an xdist worker.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError, SelfInvokeError, UserError
from pytest_selfinvoke.core.ids import SEPARATOR
from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.generation.settings import CacheMode
from pytest_selfinvoke.generation.wire import Policy
from pytest_selfinvoke.plugin._private import add_suite_properties
from pytest_selfinvoke.plugin.announcing import Planned, announce, shared_rows
from pytest_selfinvoke.plugin.interrupts import Interrupts
from pytest_selfinvoke.plugin.manifest import manifest
from pytest_selfinvoke.plugin.minimizing import minimize_broken
from pytest_selfinvoke.plugin.runtime import Connection, Runtime, connect
from pytest_selfinvoke.plugin.stash import REPORT_ATTRIBUTE
from pytest_selfinvoke.reports.anatomy import anatomy_tables
from pytest_selfinvoke.reports.contents import Tallies
from pytest_selfinvoke.reports.files import Written, write_after_run
from pytest_selfinvoke.reports.highlights import COUNT, highlights
from pytest_selfinvoke.reports.junit import metric_properties, model_properties
from pytest_selfinvoke.reports.robustness import Assessed, robustness_table
from pytest_selfinvoke.reports.sources import Sources
from pytest_selfinvoke.reports.study_text import study_section
from pytest_selfinvoke.reports.terminal import judges, table
from pytest_selfinvoke.results.store import RunDirectory
from pytest_selfinvoke.suite import SUFFIX


class Controller:
    """Starts what a run needs when its cases are known, and writes its results."""

    def __init__(self, config: pytest.Config, runtime: Runtime) -> None:
        self.config = config
        self.runtime = runtime
        self.server = GenerationServer()
        self.tallies = Tallies(routing=runtime.settings.routing)
        self.run: RunDirectory | None = None
        self.expected: dict[str, Case] = {}
        #: How many items were selected, ordinary tests among them, and who runs them.
        self.selected = 0
        self.workers = 1
        self.planned: list[Planned] = []
        self.name = uuid.uuid4().hex
        self.sources = Sources()
        self.interrupts = Interrupts()
        config.add_cleanup(self.interrupts.release)
        self.recorded: set[str] = set()
        self.checked: set[str] = set()
        self.broken: str | None = None
        self.session: pytest.Session | None = None
        #: Told of every record.
        self.listeners: list[Callable[[Record], None]] = []
        #: Give lines that stand in the terminal between the tables and the files.
        self.sections: list[Callable[[], Iterable[str]]] = []
        self.minimized: list[str] = []
        #: What became of gates, for the manifest.
        self.gates: list[dict[str, Any]] = []
        self.reports = Written()
        #: What others have to say in the manifest, by key.
        self.more: dict[str, Callable[[], Any]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Check the models before any worker starts."""
        self.session = session
        if session.config.option.collectonly:
            return
        try:
            self.runtime.settings.reports.check()
        except UserError as error:
            raise pytest.UsageError(str(error)) from error
        self._check_plans()
        budgets = [p.suite.attack_budget for p in self.runtime.plans.values()]
        if any(budgets) and getattr(session.config.option, "dist", "") == "load":
            # All of a problem on one worker, so that what is left out is exact.
            session.config.option.dist = "loadscope"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the generation server will be."""
        node.workerinput["selfinvoke"] = asdict(self.connection())
        node.workerinput["selfinvoke_shared"] = self.runtime.budget.shared()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(
        self, node: Any, ids: Sequence[str]
    ) -> None:
        """The first worker's list of ids is everybody's."""
        self.start(ids, workers=int(node.workerinput["workercount"]))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist the items are here."""
        if not session.config.option.collectonly:
            self.start([item.nodeid for item in session.items], workers=1)

    def connection(self) -> Connection:
        """Where the generation server listens, from before it runs."""
        if self.runtime.connection is None:
            self.server.open()
            host, port = self.server.address
            secret = self.server.secret
            self.runtime.connection = Connection(host=host, port=port, secret=secret)
        return self.runtime.connection

    def start(self, ids: Sequence[str], *, workers: int) -> None:
        """Open the run and start generating, once the selected cases are known."""
        if self.run is not None or not ids:
            return
        planned = list(self._planned(ids))
        if not planned and not self.runtime.settings.has_models:
            return
        self._check_plans()
        connection = self.connection()
        try:
            self.run = self._new_run()
            self._launch(self.run, workers)
        except UserError as error:
            raise pytest.UsageError(str(error)) from error
        self.expected = {case.id: case for _, case, _ in planned}
        self.planned = planned
        self.runtime.notices += shared_rows(planned)
        self.selected, self.workers = len(ids), workers
        if self.runtime.settings.cache is not CacheMode.READ_ONLY:
            announce(self.runtime, connection, planned)

    def _announce_again(self) -> None:
        """Tell a second server what the first one died over."""
        left = [entry for entry in self.planned if entry[1].id not in self.recorded]
        announce(self.runtime, self.connection(), left)

    def _check_plans(self) -> None:
        """Check models and sandbox of the plans that are new since the last call."""
        try:
            for origin, plan in self.runtime.plans.items():
                if origin not in self.checked:
                    self.runtime.preflight(plan)
                    self.runtime.check_sandbox(plan.suite)
                    self.checked.add(origin)
        except SelfInvokeError as error:
            raise pytest.UsageError(str(error)) from error

    def _launch(self, run: RunDirectory, workers: int) -> None:
        plans = self.runtime.plans.values()
        self.server.launch(
            [spec for plan in plans for spec in plan.suite.models],
            registered=self.runtime.registered_models(),
            threads=max(1, (os.cpu_count() or 1) - workers),
            sys_path=[str(self.config.rootpath), *sys.path],
            log_path=run.path / "generation.log",
            policy=self._policy(),
            on_restart=self._announce_again,
        )

    def _policy(self) -> Policy:
        settings = self.runtime.settings
        return Policy(
            store=self.runtime.store_settings(self.name),
            models_in_parallel=settings.models_in_parallel,
            careful=bool(self.config.getvalue("maxfail")),
        )

    def _new_run(self) -> RunDirectory:
        if self.runtime.isolation is None:
            self.runtime.check_sandbox(self.runtime.settings.suite())
        name = datetime.now().strftime("%Y%m%d-%H%M%S")
        run = RunDirectory.create(self.runtime.settings.results, name)
        run.write_manifest(manifest(self.config, self.runtime, stats=None))
        return run

    def _planned(self, ids: Sequence[str]) -> Iterator[Planned]:
        """The cases behind node ids; ids of ordinary tests are passed over."""
        wanted = set(ids)
        for origin in dict.fromkeys(node_id.split(SEPARATOR)[0] for node_id in ids):
            if origin.endswith(SUFFIX):
                self.runtime.suite_plan(self.config.rootpath / origin, origin)
        for plan in self.runtime.plans.values():
            problems = plan.problems()
            for case in plan.all_cases():
                if case.id in wanted:
                    yield plan, case, problems[case.benchmark, case.problem]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the record that came with a report, or the fact that none came."""
        line: str | None = getattr(report, REPORT_ATTRIBUTE, None)
        if line is not None:
            self._write(Record.from_json(json.loads(line)), line)
        elif (
            report.failed
            and report.nodeid in self.expected
            and report.nodeid not in self.recorded
        ):
            # xdist reports a crashed worker's item without any of our data.
            case = self.expected[report.nodeid].to_json()
            lost = Record(case=case, status=Status.ERROR, detail="the worker crashed")
            self._write(lost, lost.to_line())

    def _write(self, record: Record, line: str) -> None:
        self.recorded.add(record.id)
        if self.broken is None:
            try:
                if self.run is None:
                    # A team's own test with a model of its own.
                    self.run = self._new_run()
                self.run.append(line)
            except SelfInvokeError as error:
                self._stop(str(error))
        if record.case["model"] in self._kept_models:
            self.sources.add(record)
        self.tallies.add(record)
        for listener in self.listeners:
            listener(record)

    @cached_property
    def _kept_models(self) -> set[str]:
        """Asked for at the first record, when all plans are known."""
        plans = self.runtime.plans.values()
        specs = [spec for plan in plans for spec in plan.suite.models]
        return {spec.label for spec in specs if self.runtime.is_kept(spec)}

    def _stop(self, reason: str) -> None:
        """End the session after what runs now; pytest prints the reason."""
        self.broken = reason
        assert self.session is not None
        self.session.shouldstop = reason
        # xdist's controller has a flag of its own.
        dsession = self.config.pluginmanager.getplugin("dsession")
        if dsession is not None:
            dsession.shouldstop = reason

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Minimize, and complete the manifest, while there is a generation server."""
        if self.run is None:
            return
        is_complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if is_complete and self.broken is None:
            self.minimized = minimize_broken(
                self.config,
                self.runtime,
                self.planned,
                self.run.path,
                shown=partial(_shown, self.config),
                on_interrupt=self.interrupts.press,
            )
        self.interrupts.hold()
        self._complete(self.run)
        self.interrupts.release()
        if self.recorded:
            # What could not be written down is in no file, and so in no report.
            counted = self.tallies if self.broken is None else None
            wanted = self.runtime.settings.reports
            self.reports = write_after_run(self.run.path, wanted, counted)
        if exitstatus == pytest.ExitCode.INTERRUPTED or self.interrupts.was_pressed:
            # Other plugins have their turn now, and workers and sandboxes end.
            self.interrupts.hold()

    def _complete(self, run: RunDirectory) -> None:
        """Ask the server for the last time, end it, and complete the manifest."""
        stats: dict[str, Any] = {}
        if self.server.alive and self.recorded:
            try:
                stats = self._generation()
            except NotJudgedError:
                stats = {"lost": "the generation server did not answer"}
        add_suite_properties(self.config, self._facts(stats))
        self.server.stop()
        if not self.recorded:
            run.discard()
        elif self.broken is None:
            try:
                data = manifest(self.config, self.runtime, stats=stats)
                data["gates"] = self.gates
                data["not_run"] = len(self.expected.keys() - self.recorded)
                data |= {name: give() for name, give in self.more.items()}
                run.write_manifest(data)
            except UserError as error:
                self.broken = str(error)

    def _facts(self, stats: Mapping[str, Any]) -> dict[str, str]:
        """What is true of the whole run, for JUnit."""
        isolation, counts = self.runtime.isolation, self.tallies.summary.judges
        plans = self.runtime.plans.values()
        infos = {
            label: counted["info"]
            for label, counted in stats.items()
            if "info" in counted
        }
        return {
            "selfinvoke.seed": ", ".join({str(p.suite.seed): "" for p in plans}),
            **{
                f"selfinvoke.benchmark_hash[{loaded.info.name}]": loaded.hash
                for plan in plans
                for loaded in plan.benchmarks
            },
            **model_properties(infos),
            **metric_properties(self.tallies.summary.cells(), self._assessed()),
            "selfinvoke.isolation": "" if isolation is None else isolation.describe(),
            "selfinvoke.judged_apart": str(counts["apart"]),
            "selfinvoke.judged_inline": str(counts["inline"]),
        }

    def _assessed(self) -> tuple[Assessed, ...]:
        return self.tallies.robustness.assessed(self.runtime.nominals())

    def _generation(self) -> dict[str, Any]:
        """What each model did, and what is known of those that were used."""
        client = connect(self.connection())
        stats: dict[str, Any] = client.stats()
        for label, counted in stats.items():
            if counted["requests"] or counted["stored"]:
                counted["info"] = client.info(label).to_json()
        client.close()
        self.sources.errors = [e for s in stats.values() if (e := s["store_error"])]
        return stats

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the results table and where the files are."""
        if self.run is None or not self.recorded:
            return
        write = terminalreporter.write_line
        terminalreporter.ensure_newline()
        terminalreporter.section("selfinvoke", sep="=")
        verbosity = self.config.get_verbosity()
        width = self.config.get_terminal_writer().fullwidth
        cells, assessed = self.tallies.summary.cells(), self._assessed()
        lines = table(cells, None if verbosity > 0 else width)
        lines += judges(self.tallies.summary.judges)
        for one in assessed:
            lines += ["", *robustness_table(one)]
        if verbosity >= 0:
            count = {0: COUNT, 1: 4 * COUNT}.get(verbosity)
            lines += highlights(cells, assessed, count=count, width=width)
        for dissected in self.tallies.anatomy.dissected():
            lines += ["", *anatomy_tables(dissected, verbose=verbosity > 0)]
        lines += study_section(self.run.path)
        for line in lines:
            write(line)
        for section in self.sections:
            for line in section():
                write(line)
        missing = len(self.expected.keys() - self.recorded)
        if missing:
            write(f"{missing} of {len(self.expected)} selected cases did not run")
        if self.broken is not None:
            terminalreporter.write_line(f"error: {self.broken}", red=True)
        for line in (*self.runtime.notices, *self.minimized):
            write(line)
        write(f"records: {_shown(self.config, self.run.path / 'records.jsonl')}")
        xml = getattr(self.config.option, "xmlpath", None)
        if xml:
            write(f"junit:   {xml}")
        for name, path in self.reports.files:
            write(f"{name + ':':<8} {_shown(self.config, path)}")
        for line in self.reports.errors:
            write(f"error: {line}", red=True)
        settings = self.runtime.settings
        where = _shown(self.config, settings.store)
        for line in self.sources.lines(where, settings.cache.value):
            write(line)

    def pytest_unconfigure(self) -> None:
        """Stop the server whatever happened before."""
        self.server.stop()
        if self.run is not None:
            self.run.close()


def _shown(config: pytest.Config, path: Any) -> str:
    """The path as seen from where pytest was started, if it lies below."""
    try:
        return str(path.relative_to(config.invocation_params.dir))
    except ValueError:
        return str(path)
