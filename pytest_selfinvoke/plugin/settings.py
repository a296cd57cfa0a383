"""Options and ini values become one overlay on the suite: read here, nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.cache import default_store
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.generation.settings import CacheMode
from pytest_selfinvoke.metrics.gates import Gate
from pytest_selfinvoke.plugin.options import destination
from pytest_selfinvoke.reports.destinations import Destinations
from pytest_selfinvoke.suite import (
    BenchmarkChoice,
    Limit,
    Shard,
    Suite,
    attacks_from_names,
    benchmarks_from_text,
    models_from_specs,
    rule_from_name,
)

#: Options that name a report's file.
REPORTS = ("html", "markdown", "csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line and the ini file say.

    ``overrides`` are fields of :class:`Suite` that win over a suite file; ``defaults``
    come from the ini file and lose to it.
    """

    overrides: Mapping[str, Any]
    defaults: Suite
    results: Path
    reports: Destinations = field(default_factory=Destinations)
    store: Path
    cache: CacheMode = CacheMode.READ_WRITE
    models_in_parallel: int = 1
    progress: str = "auto"
    list_registered: bool = False
    minimize_probes: int | None = None
    minimize_cases: int = 5
    suite_text: Mapping[str, Any] = field(default_factory=dict)
    skip_undecided: bool = False
    baseline: Path | None = None
    fail_on_regression: bool = False
    published: Path | None = None
    quarantine: Path | None = None
    exclude_unsound: Path | None = None
    routing: bool = False
    coverage: bool = False

    @property
    def has_models(self) -> bool:
        """Whether ``--model`` was given."""
        return "models" in self.overrides

    @property
    def has_gates(self) -> bool:
        """Whether ``--gate`` was given."""
        return "gates" in self.overrides

    @property
    def has_benchmarks(self) -> bool:
        """Whether ``--benchmark`` was given."""
        return "benchmarks" in self.overrides

    def suite(self) -> Suite:
        """What options alone ask for; the embedded benchmark if they name none."""
        suite = replace(self.defaults, **self.overrides)
        if not suite.benchmarks:
            suite = replace(suite, benchmarks=(BenchmarkChoice(name="mini"),))
        return suite

    def over(self, suite: Suite) -> Suite:
        """A suite file's content with the options laid over it."""
        return replace(suite, **self.overrides)


#: Options that are fields of a suite as they are.
_PLAIN = (
    "samples",
    "attack_seeds",
    "attack_budget",
    "seed",
    "prompt_style",
    "sandbox",
    "anatomy",
)


def read_settings(config: pytest.Config) -> Settings:
    """Read and check every option and ini value.

    :raises UserError: for values that cannot be used.
    """

    def option(name: str) -> Any:
        return getattr(config.option, destination(name), None)

    base = config.invocation_params.dir
    overrides: dict[str, Any] = {}
    if option("model"):
        overrides["models"] = models_from_specs(option("model"))
    if option("benchmark"):
        text = ",".join(option("benchmark"))
        overrides["benchmarks"] = benchmarks_from_text(text, base=base)
    if option("attack"):
        names = [name.strip() for name in ",".join(option("attack")).split(",")]
        if not all(names):
            raise UserError("--attack needs names separated by commas")
        overrides["attacks"] = attacks_from_names(names, base=base)
    if option("limit") is not None:
        overrides["limit"] = Limit.parse(option("limit"))
    for name in _PLAIN:
        if option(name) is not None:
            overrides[name] = option(name)
    if option("shard") is not None:
        overrides["shard"] = Shard.parse(option("shard"))
    if option("gate"):
        overrides["gates"] = tuple(map(Gate.parse, option("gate")))
    if option("gate_rule"):
        overrides["gate_rule"] = rule_from_name(option("gate_rule"))
    if option("deterministic"):
        overrides["deterministic"] = True
    for name in ("samples", "attack_seeds", "attack_budget"):
        if overrides.get(name, 1) < 1:
            long = name.replace("_", "-")
            raise UserError(f"--{long} must be at least 1, not {overrides[name]}")
    results, store = option("results"), option("store")
    in_parallel = option("models_in_parallel")
    if in_parallel is not None and in_parallel < 1:
        raise UserError(f"--models-in-parallel must be at least 1, not {in_parallel}")
    probes = option("minimize")
    if probes is not None and probes < 1:
        raise UserError(f"--selfinvoke-minimize must be at least 1, not {probes}")
    if option("routing") and option("cache") == CacheMode.READ_ONLY:
        raise UserError(
            "--routing needs the models, which --selfinvoke-cache=read-only does not"
            " load: use another mode"
        )
    return Settings(
        overrides=overrides,
        defaults=_defaults(config),
        results=base / results if results else config.rootpath / ".selfinvoke",
        reports=_reports(base, {name: option(name) for name in REPORTS}),
        store=base / Path(store).expanduser() if store else default_store(os.environ),
        cache=CacheMode(option("cache") or "read-write"),
        models_in_parallel=in_parallel or 1,
        progress=option("progress") or "auto",
        list_registered=bool(option("list")),
        skip_undecided=_skips_undecided(config, option("gate_undecided")),
        baseline=_baseline(base, option("baseline"), option("fail_on_regression")),
        fail_on_regression=bool(option("fail_on_regression")),
        published=_path(base, option("published")),
        quarantine=_path(base, option("quarantine")),
        exclude_unsound=_path(base, option("exclude_unsound")),
        routing=bool(option("routing")),
        coverage=bool(option("coverage")),
        minimize_probes=probes,
        minimize_cases=_number(config, "minimize_cases", int),
    )


def _reports(base: Path, named: Mapping[str, str | None]) -> Destinations:
    """The files that the options name, and the page of the CI job if there is one."""
    files = {name: base / file for name, file in named.items() if file}
    table = files.get("csv")
    if table is not None and table.suffix == ".parquet":
        files["parquet"] = files.pop("csv")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return Destinations(
        **files, step_summary=Path(step_summary) if step_summary else None
    )


def _defaults(config: pytest.Config) -> Suite:
    plain = Suite()
    sampling = {
        name: _number(config, name, kind)
        for name, kind in {
            "max_new_tokens": int,
            "temperature": float,
            "top_p": float,
            "top_k": int,
        }.items()
    }
    limits = {
        name: _number(config, name, float) for name in ("cpu_s", "cpu_factor", "wall_s")
    }
    return replace(
        plain,
        sandbox=str(config.getini("selfinvoke_sandbox")),
        allow_processes=_flag(config, "allow_processes"),
        attack_seeds=_number(config, "attack_seeds", int),
        gates=tuple(map(Gate.parse, config.getini("selfinvoke_gates"))),
        gate_rule=rule_from_name(str(config.getini("selfinvoke_gate_rule"))),
        sampling=replace(plain.sampling, **sampling),
        limits=replace(plain.limits, **limits),
    )


def _skips_undecided(config: pytest.Config, given: str | None) -> bool:
    value = given or str(config.getini("selfinvoke_gate_undecided"))
    if value not in ("fail", "pass"):
        raise UserError(
            f"ini value selfinvoke_gate_undecided: expected fail or pass, got {value!r}"
        )
    return value == "pass"


def _baseline(base: Path, given: str | None, is_needed: bool | None) -> Path | None:
    if given is None and is_needed:
        raise UserError("--fail-on-regression needs --baseline=RUN_DIR")
    return _path(base, given)


def _path(base: Path, given: str | None) -> Path | None:
    return None if given is None else base / Path(given).expanduser()


def _number(config: pytest.Config, name: str, kind: type) -> Any:
    value = config.getini(f"selfinvoke_{name}")
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise UserError(
            f"ini value selfinvoke_{name}: expected a number, got {value!r}"
        ) from None


def _flag(config: pytest.Config, name: str) -> bool:
    value = str(config.getini(f"selfinvoke_{name}")).lower()
    if value not in ("true", "false"):
        raise UserError(
            f"ini value selfinvoke_{name}: expected true or false, got {value!r}"
        )
    return value == "true"
