"""What one process (controller or worker) needs to collect and evaluate cases."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from pytest_selfinvoke.anatomy.anatomist import Anatomist
from pytest_selfinvoke.attacks import BUILTIN as ATTACKS
from pytest_selfinvoke.attacks.base import Attack, facts_of
from pytest_selfinvoke.benchmarks import BUILTIN as BENCHMARKS
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.certification.certifier import Certifier, Executor
from pytest_selfinvoke.certification.ledger import Ledger, user_path
from pytest_selfinvoke.core.errors import DataError, NotJudgedError, UserError
from pytest_selfinvoke.core.records import ModelSpec, Problem
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.evaluation import Asking, Generator, Services
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.store import check_store
from pytest_selfinvoke.models import BUILTIN as MODELS
from pytest_selfinvoke.models.base import Engine, ModelKind
from pytest_selfinvoke.models.lookup import kind_for
from pytest_selfinvoke.plan import Plan, build_plan
from pytest_selfinvoke.plugin.budget import AttackBudget
from pytest_selfinvoke.plugin.gating import scope_of
from pytest_selfinvoke.plugin.settings import Settings
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.sandbox.base import Execution, Isolation, Limits
from pytest_selfinvoke.sandbox.probe import probe
from pytest_selfinvoke.sandbox.runner import Sandbox
from pytest_selfinvoke.suite import BenchmarkChoice, Suite, load_suite

#: Fields of a suite that name what is looked up.
_NAMING = {"models", "benchmarks", "attacks", "gates"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """Everything that has a name."""

    benchmarks: Registry[Benchmark]
    attacks: Registry[Attack]
    models: Registry[str]

    @classmethod
    def builtin(cls) -> Registries:
        """The entries that come with the package."""
        return cls(
            benchmarks=Registry("benchmark", BENCHMARKS),
            attacks=Registry("attack", ATTACKS),
            models=Registry("model", MODELS),
        )


#: The model's name in ids and records where a fixture of the user's stands in.
FIXTURE_MODEL = ModelSpec(spec="fixture", label="fixture")


class FixtureKind:
    """Stands for a user's ``selfinvoke_model`` fixture, which lives in the worker."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = False

    def preflight(self, spec: ModelSpec) -> None:
        """Nothing can be checked before the fixture is there."""

    def load(self, spec: ModelSpec) -> Engine:
        """The generation server has no fixtures."""
        raise UserError("give --model, or override the selfinvoke_model fixture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the generation server is reached; travels to workers as plain data."""

    host: str
    port: int
    secret: str


class Runtime:
    """Builds plans and services on first use, and closes what it opened."""

    def __init__(
        self, settings: Settings, registries: Registries, *, is_controller: bool
    ) -> None:
        self.settings = settings
        self.registries = registries
        self.is_controller = is_controller
        self.connection: Connection | None = None
        self.plans: dict[str, Plan] = {}
        self._marker_plans: dict[str, Plan] = {}
        self._named: dict[str, tuple[Problem, ...]] | None = None
        self._client: GenerationClient | None = None
        self._sandboxes: dict[str, Sandbox] = {}
        self.isolation: Isolation | None = None
        #: What the user should know of the models, in lines.
        self.notices: list[str] = []
        self._references: dict[str, Execution] = {}
        self._ledger = new_ledger()
        self.budget = AttackBudget(settings.results, registries.attacks)
        self._certifiers: dict[tuple[str, Limits], Certifier] = {}

    def option_plan(self) -> Plan:
        """The plan that options alone ask for.

        :raises UserError: if it cannot be made.
        """
        if "" not in self.plans:
            self.plans[""] = self._plan(self.settings.suite(), "")
        return self.plans[""]

    def suite_plan(self, path: Path, origin: str) -> Plan:
        """The plan of a suite file under the options.

        :param origin: the file's node id.
        :raises UserError: if it cannot be made.
        """
        if origin not in self.plans:
            suite = self.settings.over(load_suite(path, self.settings.defaults))
            if not suite.models:
                raise UserError(f"{path.name}: no [[model]] and no --model")
            try:
                plan = self._plan(suite, origin)
                if not self.settings.has_gates:
                    scope_of([plan]).check(suite.gates)
            except DataError:
                raise  # names a file, of a benchmark for instance
            except UserError as error:
                if self.settings.overrides.keys() & _NAMING:
                    raise  # who knows whether the file or an option has the name
                raise UserError(f"{path.name}: {error}") from error
            self.plans[origin] = plan
        return self.plans[origin]

    def marker_plan(self, suite: Suite) -> Plan:
        """The plan of a marked test; the same mark gives the same plan.

        :raises UserError: if it cannot be made.
        """
        key = repr(suite)
        if key not in self._marker_plans:
            self._marker_plans[key] = self._plan(suite, "")
        return self._marker_plans[key]

    def variants_plan(self, suite: Suite) -> Plan:
        """The benchmarks and variants of a suite, whatever its models.

        :raises UserError: if it cannot be made.
        """
        return self._plan(replace(suite, models=(), anatomy="off"), "")

    def named_problems(self) -> dict[str, tuple[Problem, ...]]:
        """Benchmark -> problems, of the benchmarks that options name.

        :raises UserError: if one cannot be read.
        """
        if not self.settings.has_benchmarks:
            return {}
        if self._named is None:
            plan = self.variants_plan(self.settings.suite())
            self._named = {b.info.name: b.problems for b in plan.benchmarks}
        return self._named

    def check_sandbox(self, suite: Suite) -> None:
        """Make sure that this host can give the sandbox that a suite asks for.

        :raises UserError: saying what is missing.
        :raises NotJudgedError: if the sandbox does not start.
        """
        self.isolation = self.sandbox(suite.sandbox).isolation
        if suite.allow_processes and self.isolation.tier != "namespaces":
            raise UserError(
                "selfinvoke_allow_processes needs a sandbox with namespaces, for only "
                f"there all of a program's processes end with it; {probe().remedy()}"
            )

    def _plan(self, suite: Suite, origin: str) -> Plan:
        if suite.deterministic:
            models = tuple(_deterministic(spec) for spec in suite.models)
            suite = replace(suite, models=models)
        for spec in suite.models:
            self.kind(spec)
        if suite.prompt_style is not None:
            get_style(suite.prompt_style)
        return build_plan(
            suite,
            benchmarks=self.registries.benchmarks,
            attacks=self.registries.attacks,
            download=self.is_controller,
            origin=origin,
            order=None
            if suite.attack_budget is None
            else self.budget.learnt(suite).order,
        )

    def kind(self, spec: ModelSpec) -> ModelKind:
        """The kind of a model.

        :raises UserError: if there is no such model.
        """
        if spec == FIXTURE_MODEL:
            return FixtureKind()
        return kind_for(spec, self.registered_models())

    def registered_models(self) -> dict[str, str]:
        """Name -> ``"module:attr"`` of every model that is registered.

        :raises UserError: if an object is.
        """
        registry = self.registries.models
        found = {}
        for name in registry:
            if (reference := registry.reference(name)) is None:
                raise UserError(
                    f'model {name!r}: register it as "module:attr", for another '
                    "process loads it"
                )
            found[name] = reference
        return found

    def preflight(self, plan: Plan) -> None:
        """Check cheaply that every model of a plan can be loaded, or need not be.

        :raises UserError: saying what to change.
        """
        mode = self.settings.cache
        kinds = [(spec, self.kind(spec)) for spec in plan.suite.models]
        if mode is not CacheMode.OFF and any(self.is_kept(spec) for spec, _ in kinds):
            read_only = mode is CacheMode.READ_ONLY
            check_store(self.settings.store, read_only=read_only)
        for spec, kind in kinds:
            # Judging what another machine generated needs none of its engines.
            if mode is not CacheMode.READ_ONLY or not self.is_kept(spec):
                kind.preflight(spec)
            # A file of completions may hold others than the plan's.
            if check := getattr(kind, "check_cases", None):
                cases = (c.to_json() for c in plan.all_cases() if c.model == spec.label)
                problems = {loaded.info.name: loaded.ids for loaded in plan.benchmarks}
                self.notices += check(spec, cases, problems)

    def is_kept(self, spec: ModelSpec) -> bool:
        """Whether completions of a model go to the store, if there is one.

        Those that are scripted or read from a file cost nothing to make again.
        """
        return self.kind(spec).plans_ahead

    def store_settings(self, run: str) -> StoreSettings | None:
        """Where a generation server keeps completions, if it does.

        :param run: a name of its own for what asks for them.
        """
        mode = self.settings.cache
        if mode is CacheMode.OFF:
            return None
        return StoreSettings(path=str(self.settings.store), mode=mode, run=run)

    def nominals(self) -> dict[str, str]:
        """Attack -> the attack name of its nominal variant; in the plans' order."""
        attacks = self.registries.attacks
        plans = (*self.plans.values(), *self._marker_plans.values())
        names = [variant.attack for plan in plans for variant in plan.variants]
        return {name: facts_of(attacks.get(name)).nominal for name in names}

    def certifier(self, suite: Suite, executor: Executor | None = None) -> Certifier:
        """What certifies variants, with this process's sandbox and the user's ledger.

        :param executor: another sandbox, for another thread; its ledger is its own too.
        """
        ledger = self._ledger if executor is None else new_ledger()
        return Certifier(
            attacks=self.registries.attacks,
            executor=executor or self.sandbox(suite.sandbox),
            limits=suite.limits,
            ledger=ledger,
        )

    def asking(
        self, plan: Plan, generator: Generator, certifier: Certifier | None = None
    ) -> Asking:
        """What making the texts of this plan's cases needs."""
        return Asking(
            generator=generator,
            attacks=self.registries.attacks,
            models={spec.label: spec for spec in plan.suite.models},
            kind=self.kind,
            sampling=plan.suite.sampling,
            certifier=certifier or self._own_certifier(plan.suite),
        )

    def _own_certifier(self, suite: Suite) -> Certifier:
        key = (suite.sandbox, suite.limits)
        if key not in self._certifiers:
            self._certifiers[key] = self.certifier(suite)
        return self._certifiers[key]

    def services(self, plan: Plan, generator: Generator | None = None) -> Services:
        """What evaluating a case of this plan needs.

        :param generator: stands in for the generation server, if given.
        """
        return Services(
            asking=self.asking(plan, self.client() if generator is None else generator),
            executor=self.sandbox(plan.suite.sandbox),
            limits=plan.suite.limits,
            allow_processes=plan.suite.allow_processes,
            references=self._references,
            anatomist=self._anatomist(plan),
            coverer=self.sandbox(plan.suite.sandbox)
            if self.settings.coverage
            else None,
        )

    def _anatomist(self, plan: Plan) -> Anatomist | None:
        """What takes this plan's self-invoking cases apart, unless that is off."""
        if plan.suite.anatomy == "off":
            return None
        return Anatomist(
            observer=self.sandbox(plan.suite.sandbox),
            limits=plan.suite.limits,
            allow_processes=plan.suite.allow_processes,
            tests=plan.base_tests(),
        )

    def client(self) -> GenerationClient:
        """This process's connection to the generation server.

        :raises NotJudgedError: if there is no server in this session.
        """
        if self._client is None:
            if self.connection is None:
                raise NotJudgedError("no generation server in this session")
            self._client = connect(self.connection)
        return self._client

    def drop_client(self) -> None:
        """Forget a connection that failed; the next case opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def sandbox(self, policy: str) -> Sandbox:
        """This process's sandbox under a policy, checked before its first use.

        :raises UserError: if the host cannot give what the policy asks for.
        :raises NotJudgedError: if the sandbox does not start.
        """
        if policy not in self._sandboxes:
            sandbox = Sandbox(policy)
            sandbox.check()
            self._sandboxes[policy] = sandbox
        return self._sandboxes[policy]

    def close(self) -> None:
        """Close the connection and the sandboxes; keep what was certified."""
        self._ledger.flush()
        if self.is_controller:
            self.budget.remove()
        self.drop_client()
        while self._sandboxes:
            self._sandboxes.popitem()[1].close()


def _deterministic(spec: ModelSpec) -> ModelSpec:
    """The spec with its engine told to make completions independent of batches."""
    if spec == FIXTURE_MODEL:
        return spec
    return replace(spec, options={**spec.options, "deterministic": True})


def connect(connection: Connection) -> GenerationClient:
    """A new connection to the generation server."""
    address = (connection.host, connection.port)
    return GenerationClient(address, connection.secret)


def with_benchmarks(settings: Settings, names: list[str]) -> Settings:
    """The settings with benchmarks that pasted ids name, unless options name some."""
    if settings.has_benchmarks or not names:
        return settings
    choices = tuple(BenchmarkChoice(name=name) for name in dict.fromkeys(names))
    return replace(settings, overrides={**settings.overrides, "benchmarks": choices})


def new_ledger() -> Ledger:
    """The user's ledger of certificates, as this process or thread sees it."""
    return Ledger(user_path(os.environ))
