"""``--routing``: read where prompts went in mixtures of experts, after the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError, UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.plugin.announcing import Planned
from pytest_selfinvoke.plugin.minimizing import show
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.reports.routing_table import routing_table
from pytest_selfinvoke.results.routing import RouteWriter
from pytest_selfinvoke.results.store import read_records

if TYPE_CHECKING:
    from pytest_selfinvoke.plugin.controller import Controller


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    """A prompt, and the answer that a model gave to it."""

    hash: str
    answer: str

    @classmethod
    def of_cases(cls, run: Path) -> dict[str, Self]:
        """The id of the first judged case of each model and prompt -> its prompt."""
        found: dict[tuple[str, str], tuple[str, Self]] = {}
        for record in read_records(run):
            if record.judged and record.prompt_hash:
                answer = str((record.completion or {}).get("text", ""))
                found.setdefault(
                    (str(record.case["model"]), record.prompt_hash),
                    (record.id, cls(hash=record.prompt_hash, answer=answer)),
                )
        return dict(found.values())


class RoutingReader:
    """Reads each prompt of a judged case once, and the first answer to it.

    After the run, while there is a generation server, so that neither batches nor
    stored completions are any different.
    """

    def __init__(
        self, config: pytest.Config, runtime: Runtime, controller: Controller
    ) -> None:
        self._config = config
        self._runtime = runtime
        self._controller = controller
        assert controller.tallies.routing is not None
        self._builder = controller.tallies.routing
        self._problems: list[str] = []
        controller.sections.append(self._lines)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Check the models of options and of named suites before workers start."""
        self._check()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self) -> None:
        """Check those of suites that were found, without xdist."""
        self._check()

    def _check(self) -> None:
        """Refuse a session in which no model has a router that could be read."""
        plans = self._runtime.plans.values()
        specs = [spec for plan in plans for spec in plan.suite.models]
        if specs and not any(map(self._gives_routes, specs)):
            raise pytest.UsageError(
                "--routing reads the routers of hf: models, and no model of this"
                f" session is one: {', '.join(spec.spec for spec in specs)}"
            )

    def _gives_routes(self, spec: ModelSpec) -> bool:
        return bool(getattr(self._runtime.kind(spec), "gives_routes", False))

    # Registered after the controller, which stops the server: so this comes first.
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Read and write the routing of every model."""
        run = self._controller.run
        is_complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if run is None or not is_complete or self._controller.broken is not None:
            return
        try:
            found = _Prompt.of_cases(run.path)
            # With xdist the line of dots is still open, whatever the reporter thinks.
            show(self._config, "")
            for label, prompts in self._by_model(found).items():
                self._read(run.path, label, prompts)
        except KeyboardInterrupt:
            self._problems.append("reading the routing was interrupted")
        except (SelfInvokeError, OSError) as error:
            self._problems.append(f"routing was not read: {error}")

    def _by_model(
        self, found: Mapping[str, _Prompt]
    ) -> dict[str, list[tuple[_Prompt, Planned]]]:
        """The prompts of each model, each with the case that it was first asked for."""
        models: dict[str, list[tuple[_Prompt, Planned]]] = {}
        for entry in self._controller.planned:
            plan, case, _ = entry
            specs = {spec.label: spec for spec in plan.suite.models}
            if case.id in found and self._gives_routes(specs[case.model]):
                models.setdefault(case.model, []).append((found[case.id], entry))
        return models

    def _read(
        self, run: Path, label: str, prompts: Sequence[tuple[_Prompt, Planned]]
    ) -> None:
        """Write one model's file; what goes wrong becomes a line."""
        show(self._config, f"reading the routing of {len(prompts)} prompts: {label}")
        client, failed = self._runtime.client(), []
        try:
            with RouteWriter(run, label) as writer:
                for prompt, (plan, case, problem) in prompts:
                    try:
                        asked = self._runtime.asking(plan, client).ask(case, problem)
                        routes = client.routes(label, asked.request, prompt.answer)
                        writer.add(prompt.hash, routes)
                    except GenerationError as error:
                        failed.append(str(error))
        except UserError as error:
            self._problems.append(f"routing was not read: {error}")
        if failed:
            self._problems.append(
                f"routing of {len(failed)} prompts of {label} was not read,"
                f" the first: {failed[0]}"
            )

    def _lines(self) -> Iterator[str]:
        run = self._controller.run
        if run is None:
            return
        try:
            found = self._builder.summaries(run.path, self._runtime.nominals())
        except SelfInvokeError as error:
            yield f"routing: {error}"
            return
        for one in found:
            yield ""
            yield from routing_table(one)
        yield from self._problems
