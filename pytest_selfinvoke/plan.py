"""A suite becomes one frozen, deterministic list of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_selfinvoke.attacks.base import Attack, facts_of
from pytest_selfinvoke.attacks.presets import expand
from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.parents import Parents, match
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import CLEAN, Case, ModelSpec, Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.core.seeding import derive_rng
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.suite import BenchmarkChoice, Limit, Shard, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBenchmark:
    """A benchmark's facts and the problems that this run uses.

    ``ids`` names all its problems, used or not, and ``hash`` is their content hash;
    ``warning`` says if they are not those that the benchmark is known by. ``parents``
    has tests of base functions, where the problems have none.
    """

    info: BenchmarkInfo
    problems: tuple[Problem, ...]
    ids: tuple[str, ...]
    hash: str
    file: str | None
    warning: str | None = None
    parents: Parents = field(default_factory=Parents)

    @property
    def total(self) -> int:
        """How many problems it has, used or not."""
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All cases of a suite, as ids; no text is made here.

    ``origin`` is the node id of the suite file, empty where options alone decide.
    """

    suite: Suite
    benchmarks: tuple[LoadedBenchmark, ...]
    variants: tuple[Variant, ...]
    origin: str = ""

    def problems(self) -> dict[tuple[str, str], Problem]:
        """(benchmark, problem id) -> problem."""
        return {
            (loaded.info.name, problem.id): problem
            for loaded in self.benchmarks
            for problem in loaded.problems
        }

    def base_tests(self) -> dict[tuple[str, str], str]:
        """(benchmark, problem id) -> tests of the base function, where a parent's."""
        return {
            (loaded.info.name, problem): tests
            for loaded in self.benchmarks
            for problem, tests in loaded.parents.tests.items()
        }

    def cases(
        self, benchmark: str, model: ModelSpec, problem: Problem
    ) -> Iterator[Case]:
        """The cases of one problem for one model, clean first."""
        suite = self.suite
        width = len(str(suite.samples - 1))
        for variant in self.variants:
            for sample in range(suite.samples):
                name = variant.id
                if suite.samples > 1:
                    name += f"-sample{sample:0{width}d}"
                yield Case(
                    benchmark=benchmark,
                    problem=problem.id,
                    model=model.label,
                    variant=variant,
                    style=suite.prompt_style or "",
                    sample=sample,
                    seed=suite.seed,
                    name=name,
                    suite=self.origin,
                )

    def all_cases(self) -> Iterator[Case]:
        """Every case in the order of collection."""
        for loaded in self.benchmarks:
            for model in self.suite.models:
                for problem in loaded.problems:
                    yield from self.cases(loaded.info.name, model, problem)


def build_plan(
    suite: Suite,
    *,
    benchmarks: Registry[Benchmark],
    attacks: Registry[Attack],
    download: bool,
    origin: str = "",
    order: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> Plan:
    """Look up every name and read the benchmarks.

    :param order: puts attacks into their order under a budget, the strongest first.
    :param download: whether a missing benchmark may be fetched (controller only).
    :raises UserError: for unknown names, missing files and broken data.
    """
    names = expand(suite.attacks, attacks)
    if order is not None:
        names = _by_strength(names, attacks, order)
    choices = tuple(dict.fromkeys(suite.benchmarks))
    _check_names(choices)
    loaded = tuple(_load(choice, suite, benchmarks, download) for choice in choices)
    return Plan(
        suite=suite,
        benchmarks=loaded if suite.shard is None else _sharded(loaded, suite.shard),
        variants=tuple(_variants(names, suite, attacks)),
        origin=origin,
    )


def _by_strength(
    names: Sequence[str],
    attacks: Registry[Attack],
    order: Callable[[Sequence[str]], Sequence[str]],
) -> tuple[str, ...]:
    """What attacks are compared with first, then the strongest."""
    controls = [n for n in names if facts_of(attacks.get(n)).threat == "control"]
    return (*controls, *order([name for name in names if name not in controls]))


def _check_names(choices: Sequence[BenchmarkChoice]) -> None:
    """Make sure that ids stay unique: they begin with the benchmark's name."""
    seen = set()
    for choice in choices:
        if choice.name in seen:
            raise UserError(
                f"benchmark {choice.name!r} is named with two files: put them into "
                "one, or register one of them under a name of its own"
            )
        seen.add(choice.name)


def _sharded(
    benchmarks: tuple[LoadedBenchmark, ...], shard: Shard
) -> tuple[LoadedBenchmark, ...]:
    """Every ``of``-th problem, counted through all benchmarks.

    So parts differ by one problem at most, and all variants of a problem are in one.
    """
    parts, position = [], 0
    for loaded in benchmarks:
        numbered = enumerate(loaded.problems, position)
        problems = tuple(problem for n, problem in numbered if shard.has(n))
        parts.append(replace(loaded, problems=problems))
        position += len(loaded.problems)
    return tuple(parts)


def _variants(
    names: Sequence[str], suite: Suite, attacks: Registry[Attack]
) -> Iterator[Variant]:
    """One variant per seed; one without a seed where the text is the same for all."""
    seeds = suite.attack_seeds
    for name in names:
        if name == CLEAN.attack or not facts_of(attacks.get(name)).seeded:
            yield Variant(attack=name)
        else:
            # The worst of many variants has to be compared with as many repetitions.
            for seed in range((suite.repeats if name == CONTROL else None) or seeds):
                yield Variant(attack=name, seed=seed)


def _load(
    choice: BenchmarkChoice,
    suite: Suite,
    benchmarks: Registry[Benchmark],
    download: bool,
) -> LoadedBenchmark:
    benchmark = benchmarks.get(choice.name)
    path = benchmark.locate(choice.path, download=download)
    problems = benchmark.load(path)
    if not problems:
        raise UserError(f"benchmark {choice.name!r} holds no problems")
    # Published benchmarks know the content that published figures are about.
    mismatch = getattr(benchmark, "mismatch", None)
    used = _limited(problems, suite.limit, suite.seed)
    parents = Parents()
    if suite.anatomy == "auto":
        parents = _parents(choice, benchmark, used, benchmarks, download)
    return LoadedBenchmark(
        info=benchmark.info,
        problems=used,
        ids=tuple(problem.id for problem in problems),
        hash=content_hash([problem.hash for problem in problems]),
        file=None if path is None else Path(path).name,
        warning=None if mismatch is None else mismatch(problems),
        parents=parents,
    )


def _parents(
    choice: BenchmarkChoice,
    benchmark: Benchmark,
    problems: tuple[Problem, ...],
    benchmarks: Registry[Benchmark],
    download: bool,
) -> Parents:
    """Tests of base functions that have none; without data a warning, not an error."""
    untested = [p for p in problems if p.base is not None and not p.base.tests]
    if not untested:
        return Parents()
    name = str(getattr(benchmark, "parent", ""))
    unscored = f"base functions of {choice.name} are not scored"
    if not name:
        return Parents(warning=f"{unscored}: they have no tests")
    parent = benchmarks.get(name)
    try:
        path = _beside(choice, parent) or parent.locate(
            # Who names a file has no use for a download of another.
            None,
            download=download and choice.path is None,
        )
        numbered = bool(getattr(benchmark, "has_numbers_of_parent", False))
        tests = match(untested, parent.load(path), numbered=numbered)
    except UserError as error:
        return Parents(benchmark=name, warning=f"{unscored}: {error}")
    return Parents(benchmark=name, tests=tests)


def _beside(choice: BenchmarkChoice, parent: Benchmark) -> Path | None:
    """The parent's file in the folder of the file that the user named."""
    if choice.path is None:
        return None
    folder = choice.path if choice.path.is_dir() else choice.path.parent
    try:
        return parent.locate(folder, download=False)
    except UserError:
        return None


def _limited(
    problems: tuple[Problem, ...], limit: Limit | None, seed: int
) -> tuple[Problem, ...]:
    if limit is None or limit.count >= len(problems):
        return problems
    if not limit.at_random:
        return problems[: limit.count]
    rng = derive_rng(seed, "limit")
    chosen = sorted(rng.sample(range(len(problems)), limit.count))
    return tuple(problems[index] for index in chosen)
