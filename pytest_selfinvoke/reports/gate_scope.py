"""Whether a gate is about something that a run has: asked before the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.gates import WORST, Gate
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.reports.gates import is_exact_in_budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run has: names, samples of each variant, and whether a budget is set."""

    models: frozenset[str]
    benchmarks: frozenset[str]
    attacks: frozenset[str]
    samples: int = 1
    budgeted: bool = False

    def check(self, gates: Iterable[Gate]) -> None:
        """Make sure that each gate can be measured.

        :raises UserError: naming the gate, and the nearest of what there is.
        """
        for gate in gates:
            try:
                self._check(gate)
            except UserError as error:
                raise UserError(f"gate {gate.text!r}: {error}") from error

    def _check(self, gate: Gate) -> None:
        if gate.model is not None and gate.model not in self.models:
            raise UnknownNameError("model", gate.model, self.models)
        if gate.benchmark is not None and gate.benchmark not in self.benchmarks:
            raise UnknownNameError("benchmark", gate.benchmark, self.benchmarks)
        if gate.k > self.samples:
            raise UserError(f"needs --samples={gate.k} or more, not {self.samples}")
        families = {Variant(attack=name).family for name in self.attacks}
        if gate.metric == "pass":
            # Of a family there is a worst case, which robust_pass is.
            if gate.scope in {WORST, *families} - self.attacks:
                raise UserError(
                    f"pass@{gate.k} is about one attack; of {gate.scope!r} take "
                    f"robust_pass@{gate.k}[{gate.scope}]"
                )
            known = set(self.attacks)
        else:
            attacked = {name for name in self.attacks if _is_attack(name)}
            known = attacked | (families - {CLEAN.attack}) | {WORST}
            if not attacked and gate.scope != CONTROL:
                raise UserError("needs an attack: name one with --attack")
            known |= self.attacks & {CONTROL}
        if gate.scope not in known:
            raise UnknownNameError("attack or family", gate.scope, known)
        if gate.metric == "net_drop" and CONTROL not in self.attacks:
            raise UserError(f"needs the control: add --attack={CONTROL}")
        if self.budgeted and not is_exact_in_budget(gate):
            raise UserError(
                "under --attack-budget only pass@k, and robust_pass@k, drop, asr and "
                f"broken of [{WORST}], are numbers of all problems"
            )


def _is_attack(name: str) -> bool:
    return Variant(attack=name).family != CLEAN.attack
