"""Gates of a run: each judged by the numbers that the other reports print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.core.records import CLEAN, Case, Variant
from pytest_selfinvoke.metrics.assessment import Robustness
from pytest_selfinvoke.metrics.estimate import MINIMUM, Estimate
from pytest_selfinvoke.metrics.gates import (
    WORST,
    Gate,
    Rule,
    Ruling,
    more_problems,
    more_problems_at_rate,
    more_samples,
)
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.metrics.passk import pass_at_k
from pytest_selfinvoke.reports.robustness import RobustnessBuilder
from pytest_selfinvoke.reports.summary import Cell, SummaryBuilder

#: Metric -> the attribute of :class:`Robustness` behind it.
_ATTRIBUTES = {
    "robust_pass": "rp",
    "drop": "rd",
    "relative_drop": "rd",
    "net_drop": "net_drop",
    "asr": "success",
    "flips": "rr",
    "broken": "broken",
    "repaired": "repaired",
}
#: A problem that is broken adds nothing to them, whatever was not run.
_EXACT_IN_BUDGET = ("robust_pass", "drop", "relative_drop", "asr", "broken")
_LOOKED_AT = {
    Rule.POINT: "its value",
    Rule.LOWER: "its lower end",
    Rule.UPPER: "its upper end",
}
#: More problems, or samples, than anybody would run.
_TOO_MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A gate on one model and benchmark, with what came of it.

    ``counted`` are the attacks that the gate is about, with what they are compared
    with; ``lost`` counts cases of them that could not be judged.
    ``blocked`` says that there was no sound measurement (nothing ran, or the run was
    cut short): such a gate is undecided whatever its rule.
    """

    name: str
    gate: Gate
    rule: Rule
    model: str
    benchmark: str
    estimate: Estimate
    ruling: Ruling
    reason: str = ""
    counted: frozenset[str] = frozenset()
    lost: int = 0
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What gates are judged by: the builders of the run, and what it left out.

    ``cells`` are those of ``summary``, ``nominal`` is that of
    :meth:`RobustnessBuilder.assessed`, ``missing`` are selected cases that did not run.
    """

    summary: SummaryBuilder
    cells: Sequence[Cell]
    robustness: RobustnessBuilder
    nominal: Mapping[str, str]
    missing: Sequence[Case] = ()

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Models and benchmarks of the run, in order."""
        found = {(cell.model, cell.benchmark) for cell in self.cells}
        found |= {(case.model, case.benchmark) for case in self.missing}
        return tuple(sorted(found))

    def measure(
        self,
        gate: Gate,
        rule: Rule,
        model: str,
        benchmark: str,
        *,
        is_only: bool = False,
    ) -> Measured:
        """Judge a gate on one model and benchmark.

        :param is_only: whether its name can do without them.
        """
        counted = self._counted(gate, model, benchmark)
        estimate = self._estimate(gate, model, benchmark)
        reason = self._obstacle(gate, estimate, model, benchmark, counted)
        blocked = bool(reason)
        ruling = Ruling.UNDECIDED if blocked else gate.rule(estimate, rule)
        if ruling is Ruling.UNDECIDED and not blocked:
            reason = self._advice(gate, estimate, model, benchmark)
        return Measured(
            name=gate.text if is_only else gate.named(model, benchmark),
            gate=gate,
            rule=rule,
            model=model,
            benchmark=benchmark,
            estimate=estimate,
            ruling=ruling,
            reason=reason,
            counted=frozenset(counted),
            lost=self._lost(model, benchmark, counted),
            blocked=blocked,
        )

    def _lost(self, model: str, benchmark: str, attacks: set[str]) -> int:
        return sum(
            cell.errors
            for cell in self.cells
            if (cell.model, cell.benchmark) == (model, benchmark)
            and cell.attack in attacks
        )

    def _obstacle(
        self,
        gate: Gate,
        estimate: Estimate,
        model: str,
        benchmark: str,
        counted: set[str],
    ) -> str:
        """Why there is no sound measurement; or nothing."""
        missing = sum(
            (case.model, case.benchmark) == (model, benchmark)
            and case.variant.attack in counted
            for case in self.missing
        )
        if missing:
            return f"{missing} selected cases did not run"
        if estimate.n == 0:
            return f"nothing was measured under [{gate.scope}]"
        if gate.metric == "pass":
            return ""
        bounds = self.robustness.of(model, benchmark, self.nominal, gate.k).bounds
        if bounds is not None and not is_exact_in_budget(gate):
            return "under an attack budget this is no number of all problems"
        if bounds is not None and bounds.open:
            return f"the attack budget left {bounds.open} problems open"
        return ""

    def _estimate(self, gate: Gate, model: str, benchmark: str) -> Estimate:
        if gate.metric == "pass":
            return self.summary.pass_at(model, benchmark, gate.scope, gate.k)
        found = self._robustness(gate, model, benchmark)
        value: Estimate | None = getattr(found, _ATTRIBUTES[gate.metric], None)
        return Estimate(value=None) if value is None else value

    def _robustness(self, gate: Gate, model: str, benchmark: str) -> Robustness | None:
        one = self.robustness.of(model, benchmark, self.nominal, gate.k).assessment
        if gate.scope == WORST:
            return one.worst
        if gate.scope == CONTROL:
            return one.control
        named = (*one.attacks, *one.families)
        return next((found for found in named if found.name == gate.scope), None)

    def _counted(self, gate: Gate, model: str, benchmark: str) -> set[str]:
        """The attacks, with what they are compared with, that a gate is about."""
        if gate.metric == "pass":
            return {gate.scope}
        ran = {
            cell.attack
            for cell in self.cells
            if (cell.model, cell.benchmark) == (model, benchmark)
        } | {case.variant.attack for case in self.missing}
        counted = {name for name in ran if _is_within(name, gate.scope, self.nominal)}
        counted |= {self.nominal.get(name, CLEAN.attack) for name in counted}
        return counted | ({CONTROL} if gate.metric == "net_drop" else set())

    def _advice(
        self, gate: Gate, estimate: Estimate, model: str, benchmark: str
    ) -> str:
        """What would decide the gate, if the value stayed what it is."""
        if estimate.value is None:
            return "the metric is not defined: nothing was solved"
        if not estimate.is_enough:
            return f"too few to say: an interval needs {MINIMUM} problems"
        counts = self.summary.counts(model, benchmark, gate.scope)
        if gate.metric == "pass":
            rates = [pass_at_k(n, c, gate.k) for n, c in counts if n >= gate.k]
            problems = more_problems_at_rate(rates, gate.threshold)
        else:
            problems = more_problems(estimate, gate.threshold)
        if problems is None or problems > _TOO_MANY:
            return "the value is the threshold: more problems would not decide"
        problems = max(1, problems)
        what = "problem" if problems == 1 else "problems"
        text = f"at this value about {problems} more {what} would decide"
        if gate.metric == "pass" and gate.k == 1:
            samples = more_samples(counts, gate.threshold)
            if samples is not None and 0 < samples <= _TOO_MANY:
                text += f", or {samples} more samples of each"
        return text


def measure_all(
    figures: Figures, wanted: Iterable[tuple[Gate, Rule, str, str]]
) -> tuple[Measured, ...]:
    """Judge gates, each on a model and benchmark.

    One that stands there once is named as it was written.
    """
    distinct = {(gate.text, *names): (gate, rule) for gate, rule, *names in wanted}
    times = Counter(text for text, _, _ in distinct)
    return tuple(
        figures.measure(gate, rule, model, benchmark, is_only=times[text] == 1)
        for (text, model, benchmark), (gate, rule) in distinct.items()
    )


def is_exact_in_budget(gate: Gate) -> bool:
    """Whether a metric needs no more than a budget runs, if it settles all problems."""
    return gate.metric == "pass" or (
        gate.scope == WORST and gate.metric in _EXACT_IN_BUDGET
    )


def nowhere(gate: Gate, rule: Rule) -> Measured:
    """A gate that is about nothing in this run."""
    return Measured(
        name=gate.text,
        gate=gate,
        rule=rule,
        model=gate.model or "",
        benchmark=gate.benchmark or "",
        estimate=Estimate(value=None),
        ruling=Ruling.UNDECIDED,
        reason="nothing of the kind was run",
        blocked=True,
    )


def lines(measured: Iterable[Measured]) -> Iterator[str]:
    """One line per gate, and below it why it is not decided."""
    for one in measured:
        value = "" if one.estimate.value is None else f"  {one.estimate}"
        rule = "" if one.rule is Rule.INTERVAL else f"  (by {_LOOKED_AT[one.rule]})"
        yield f"{one.ruling.value:<9}  {one.name}{value}{rule}"
        if one.reason:
            yield f"    {one.reason}"
        if one.lost:
            yield f"    {one.lost} of its cases could not be judged"


def _is_within(attack: str, scope: str, nominal: Mapping[str, str]) -> bool:
    """Whether an attack belongs to a scope."""
    if scope in (WORST, Variant(attack=attack).family):
        is_control = Variant(attack=attack).family == CLEAN.attack
        return not is_control and attack not in nominal.values()
    return attack == scope
