"""Gates: which of them a session has, whether they can be measured, and their items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_selfinvoke.metrics.gates import Gate, Rule, Ruling
from pytest_selfinvoke.plugin.decided import Decided, Outcome
from pytest_selfinvoke.reports.finished import Lost
from pytest_selfinvoke.reports.gate_scope import Scope
from pytest_selfinvoke.reports.gates import (
    Figures,
    Measured,
    lines,
    measure_all,
    nowhere,
)
from pytest_selfinvoke.suite import Suite

if TYPE_CHECKING:
    from pytest_selfinvoke.plan import Plan
    from pytest_selfinvoke.plugin.controller import Controller
    from pytest_selfinvoke.plugin.runtime import Runtime


#: A gate that is not decided fails, unless an option says otherwise.
_OUTCOMES: dict[Ruling, Outcome] = {
    Ruling.PASSED: "passed",
    Ruling.FAILED: "failed",
    Ruling.UNDECIDED: "failed",
}


def scope_of(plans: Iterable[Plan]) -> Scope:
    """What there is to be measured in plans."""
    plans = tuple(plans)
    suites = [plan.suite for plan in plans]
    return Scope(
        models=frozenset(spec.label for suite in suites for spec in suite.models),
        benchmarks=frozenset(b.info.name for plan in plans for b in plan.benchmarks),
        attacks=frozenset(v.attack for plan in plans for v in plan.variants),
        samples=max(suite.samples for suite in suites),
        budgeted=any(suite.attack_budget is not None for suite in suites),
    )


class Gating:
    """The gates of a session, on the controller."""

    def __init__(
        self, config: pytest.Config, runtime: Runtime, controller: Controller
    ) -> None:
        self.config = config
        self.runtime = runtime
        self.controller = controller
        self.measured: tuple[Measured, ...] = ()

    @property
    def in_use(self) -> bool:
        """Whether there is any gate."""
        return any(suite.gates for suite in self._suites())

    def check(self, *, is_planned: bool) -> None:
        """Make sure that what ``--gate`` says can be measured, before anything runs.

        Suite files check gates of their own.

        :param is_planned: whether all cases are those of plans; else only names of
            benchmarks are checked.
        :raises UserError: naming the gate.
        """
        settings, plans = self.runtime.settings, self.runtime.plans.values()
        gates = settings.suite().gates
        if not settings.has_gates:
            return
        if is_planned:
            scope_of(plans).check(gates)
            return
        known = {loaded.info.name for plan in plans for loaded in plan.benchmarks}
        known |= set(self.runtime.registries.benchmarks)
        for gate in gates:
            if gate.benchmark is not None and gate.benchmark not in known:
                self.runtime.registries.benchmarks.check(gate.benchmark)

    def decide(self) -> Iterator[Decided]:
        """Measure, once everything ran; one item per gate, model and benchmark."""
        controller, settings = self.controller, self.runtime.settings
        missing = controller.expected.keys() - controller.recorded
        figures = Figures(
            summary=controller.tallies.summary,
            cells=controller.tallies.summary.cells(),
            robustness=controller.tallies.robustness,
            nominal=self.runtime.nominals(),
            missing=[controller.expected[case_id] for case_id in sorted(missing)],
        )
        wanted = list(self._wanted(figures.pairs()))
        measured = measure_all(figures, wanted)
        if settings.has_gates:
            used = {gate for gate, *_ in wanted}
            suite = settings.suite()
            left = [gate for gate in dict.fromkeys(suite.gates) if gate not in used]
            measured += tuple(nowhere(gate, suite.gate_rule) for gate in left)
        self.measured = measured
        return (self._item(one) for one in measured)

    def lost(self) -> Lost:
        """The cases that could not be judged."""
        return Lost.of(self.controller.tallies.summary.cells(), self.measured)

    def to_json(self) -> list[dict[str, Any]]:
        """What the manifest says of them, for reports that are made later."""
        return [{**_facts(one), "reason": one.reason} for one in self.measured]

    def lines(self) -> Iterator[str]:
        """What the terminal says of them."""
        if self.measured:
            yield ""
            yield "gates"
            yield from lines(self.measured)

    def _suites(self) -> Iterator[Suite]:
        yield self.runtime.settings.suite()
        for plan in self.runtime.plans.values():
            yield plan.suite

    def _wanted(
        self, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[Gate, Rule, str, str]]:
        for model, benchmark in pairs:
            for suite in self._suites_of(model, benchmark):
                for gate in suite.gates:
                    if gate.applies_to(model, benchmark):
                        yield gate, suite.gate_rule, model, benchmark

    def _suites_of(self, model: str, benchmark: str) -> list[Suite]:
        """The suites that ask for a model on a benchmark; else what options say."""
        found = [
            plan.suite
            for plan in self.runtime.plans.values()
            if model in {spec.label for spec in plan.suite.models}
            and benchmark in {loaded.info.name for loaded in plan.benchmarks}
        ]
        return found or [self.runtime.settings.suite()]

    def _item(self, one: Measured) -> Decided:
        outcome: Outcome = _OUTCOMES[one.ruling]
        may_skip = self.runtime.settings.skip_undecided and not one.blocked
        if one.ruling is Ruling.UNDECIDED and may_skip:
            outcome = "skipped"
        estimate, facts = one.estimate, _facts(one)
        text = one.ruling.value
        if estimate.value is not None:
            text += f" at {estimate}"
        return Decided(
            group="gates",
            name=one.name,
            outcome=outcome,
            text=f"{text}: {one.reason}" if one.reason else text,
            facts={
                name: f"{value:.6g}" if isinstance(value, float) else str(value)
                for name, value in facts.items()
                if value is not None
            },
        )


def _facts(one: Measured) -> dict[str, Any]:
    return {
        "gate": one.gate.text,
        "model": one.model,
        "benchmark": one.benchmark,
        "rule": one.rule.value,
        "ruling": one.ruling.value,
        "value": one.estimate.value,
        "low": one.estimate.low,
        "high": one.estimate.high,
        "n": one.estimate.n,
        "threshold": one.gate.threshold,
    }
