"""Collectors: benchmark > model > problem > case, alone or below a suite file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelSpec, Problem
from pytest_selfinvoke.plan import LoadedBenchmark, Plan
from pytest_selfinvoke.plugin.arguments import Selection
from pytest_selfinvoke.plugin.claims import ClaimsCollector, is_claims_file
from pytest_selfinvoke.plugin.items import CaseItem
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.suite import SUFFIX


class SuiteFile(pytest.File):
    """A ``*.selfinvoke.toml`` file."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector per benchmark of the suite."""
        runtime = self.config.stash[RUNTIME]
        try:
            plan = runtime.suite_plan(self.path, self.nodeid)
        except UserError as error:
            raise self.CollectError(str(error)) from error
        for loaded in plan.benchmarks:
            yield BenchmarkNode.from_parent(
                self, name=loaded.info.name, plan=plan, loaded=loaded
            )


class _Node(pytest.Collector):
    """A level of the tree; ``nodeid`` of the top level is its bare name."""

    plan: Plan
    selection: Selection

    def admitted(self, name: str) -> bool:
        """Whether a child of this name is wanted."""
        return self.selection.admits((*self.nodeid.split("::"), name))


class BenchmarkNode(_Node):
    """All cases of a benchmark."""

    def __init__(
        self,
        *,
        plan: Plan,
        loaded: LoadedBenchmark,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.plan, self.loaded, self.selection = plan, loaded, selection

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector per model."""
        for model in self.plan.suite.models:
            if self.admitted(model.label):
                yield ModelNode.from_parent(self, name=model.label, model=model)


class ModelNode(_Node):
    """All cases of a benchmark for one model."""

    def __init__(self, *, model: ModelSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        assert isinstance(self.parent, BenchmarkNode)
        self.plan, self.selection = self.parent.plan, self.parent.selection
        self.loaded = self.parent.loaded

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector per problem."""
        for problem in self.loaded.problems:
            if self.admitted(problem.id):
                yield ProblemNode.from_parent(self, name=problem.id, problem=problem)


class ProblemNode(_Node):
    """All cases of a problem for one model: the scope of ``--dist loadscope``."""

    def __init__(self, *, problem: Problem, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem
        assert isinstance(self.parent, ModelNode)
        self.plan, self.selection = self.parent.plan, self.parent.selection
        self.model = self.parent.model
        self.benchmark = self.parent.loaded.info.name

    def collect(self) -> Iterator[pytest.Item]:
        """One item per case."""
        for case in self.plan.cases(self.benchmark, self.model, self.problem):
            if self.admitted(case.name):
                yield CaseItem.from_parent(
                    self, name=case.name, case=case, problem=self.problem
                )


class OptionCollection:
    """Adds the benchmarks that options ask for to what the session collects."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Append one collector per benchmark to the session's own."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            plan = collector.config.stash[RUNTIME].option_plan()
            assert report.result is not None
            for loaded in plan.benchmarks:
                name = loaded.info.name
                if self.selection.admits((name,)):
                    node = BenchmarkNode.from_parent(
                        collector,
                        name=name,
                        nodeid=name,
                        plan=plan,
                        loaded=loaded,
                        selection=self.selection,
                    )
                    report.result.append(node)
        return report


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Collect suite files and files of claims."""
    node: pytest.Collector | None = None
    if file_path.name.endswith(SUFFIX):
        node = SuiteFile.from_parent(parent, path=file_path)
    elif is_claims_file(file_path, is_named=parent.session.isinitpath(file_path)):
        node = ClaimsCollector.from_parent(parent, path=file_path)
    return node
