from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pytest_selfinvoke.attacks.base import Attack
from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.plan import Plan, build_plan
from pytest_selfinvoke.suite import (
    BenchmarkChoice,
    Limit,
    Shard,
    Suite,
    models_from_specs,
)


def problem(number: int) -> Problem:
    part = Part(entry_point="f", prompt=f"def f(): # {number}\n", solution="  pass")
    return Problem(id=f"p{number:02d}", benchmark="own", target=part)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A benchmark that keeps what it was asked for."""

    name: str = "own"
    size: int = 20
    asked: list[tuple[Path | None, bool]] = field(default_factory=list)

    @property
    def info(self) -> BenchmarkInfo:
        return BenchmarkInfo(
            name=self.name, version="1", licence="MIT", citation="", description=""
        )

    def locate(self, location: Path | None, *, download: bool) -> Path | None:
        self.asked.append((location, download))
        return location

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        return tuple(problem(number) for number in range(self.size))


def unused(problem: Problem, rng: object) -> Problem:
    raise AssertionError(f"a plan makes no texts: {rng}")


def plan_of(
    suite: Suite,
    *benchmarks: Own,
    attacks: tuple[str, ...] = ("clean", "a.one", "a.two"),
    download: bool = False,
    origin: str = "",
) -> Plan:
    known: Registry[Benchmark] = Registry("benchmark", {})
    for benchmark in benchmarks or (Own(),):
        known.add(benchmark.name, benchmark)
    registered: Registry[Attack] = Registry("attack", {})
    for name in attacks:
        registered.add(name, unused)
    return build_plan(
        suite, benchmarks=known, attacks=registered, download=download, origin=origin
    )


def suite_of(*, own: tuple[str, ...] = ("own",), **values: object) -> Suite:
    choices = tuple(BenchmarkChoice(name=name) for name in own)
    models = models_from_specs(["oracle", "stub"])
    return Suite(**{"models": models, "benchmarks": choices, **values})  # type: ignore[arg-type]


def names(plan: Plan) -> list[str]:
    return [case.id for case in plan.all_cases()]


def test_a_case_for_each_model_problem_variant_and_sample() -> None:
    suite = suite_of(
        attacks=("clean", "a.one"), attack_seeds=2, samples=2, limit=Limit(count=2)
    )
    assert names(plan_of(suite))[:8] == [
        "own::oracle::p00::clean-sample0",
        "own::oracle::p00::clean-sample1",
        "own::oracle::p00::a.one-seed0-sample0",
        "own::oracle::p00::a.one-seed0-sample1",
        "own::oracle::p00::a.one-seed1-sample0",
        "own::oracle::p00::a.one-seed1-sample1",
        "own::oracle::p01::clean-sample0",
        "own::oracle::p01::clean-sample1",
    ]
    assert len(names(plan_of(suite))) == 2 * 2 * 3 * 2


def test_one_sample_needs_no_number() -> None:
    plan = plan_of(suite_of(limit=Limit(count=1)))
    assert names(plan) == ["own::oracle::p00::clean", "own::stub::p00::clean"]


def test_sample_numbers_are_padded_for_deselect_matches_prefixes() -> None:
    ids = names(plan_of(suite_of(limit=Limit(count=1), samples=11)))
    assert ids[1].endswith("clean-sample01")
    assert ids[10].endswith("clean-sample10")
    assert not any(a != b and b.startswith(a) for a in ids for b in ids)


def test_ids_are_unique_and_the_same_each_time() -> None:
    suite = suite_of(
        own=("own", "other"),
        attacks=("clean", "a.one", "a.two"),
        attack_seeds=12,
        samples=3,
    )
    ids = names(plan_of(suite, Own(), Own(name="other")))
    assert len(set(ids)) == len(ids) == 2 * 2 * 20 * 25 * 3
    assert ids == names(plan_of(suite, Own(), Own(name="other")))


def test_a_suite_file_is_the_first_part_of_an_id() -> None:
    plan = plan_of(suite_of(limit=Limit(count=1)), origin="dir/a.selfinvoke.toml")
    assert names(plan)[0] == "dir/a.selfinvoke.toml::own::oracle::p00::clean"


def test_a_case_carries_what_makes_it_repeatable() -> None:
    suite = suite_of(seed=9, prompt_style="chat", attacks=("a.one",), attack_seeds=2)
    cases = list(plan_of(suite).all_cases())
    assert [case.variant.seed for case in cases[:2]] == [0, 1]
    assert {case.seed for case in cases} == {9}
    assert {case.style for case in cases} == {"chat"}
    assert cases[0].variant.family == "a"


def test_clean_is_one_variant_whatever_the_seeds_and_repeats_count_once() -> None:
    suite = suite_of(attacks=("a.one", "clean", "a.one"), attack_seeds=2)
    variants = [variant.id for variant in plan_of(suite).variants]
    assert variants == ["a.one-seed0", "a.one-seed1", "clean"]


def fixed(problem: Problem, rng: object) -> Problem:
    return problem


def test_an_attack_that_draws_nothing_is_one_variant_whatever_the_seeds() -> None:
    registered: Registry[Attack] = Registry("attack", {})
    registered.add("clean", fixed)
    registered.add("a.fixed", fixed)
    registered.add("a.drawn", unused)
    known: Registry[Benchmark] = Registry("benchmark", {})
    known.add("own", Own())
    suite = suite_of(attacks=("clean", "a", "a.fixed+a.drawn"), attack_seeds=2)
    plan = build_plan(suite, benchmarks=known, attacks=registered, download=False)
    assert [variant.id for variant in plan.variants] == [
        "clean",
        "a.drawn-seed0",
        "a.drawn-seed1",
        "a.fixed",
        "a.fixed+a.drawn-seed0",
        "a.fixed+a.drawn-seed1",
    ]


def test_a_limit_takes_the_first_problems() -> None:
    [loaded] = plan_of(suite_of(limit=Limit(count=3))).benchmarks
    assert [p.id for p in loaded.problems] == ["p00", "p01", "p02"]
    assert loaded.total == 20


def test_a_limit_above_the_size_changes_nothing() -> None:
    for at_random in (True, False):
        limit = Limit(count=21, at_random=at_random)
        [loaded] = plan_of(suite_of(limit=limit)).benchmarks
        assert len(loaded.problems) == 20


def test_the_clean_prompt_can_be_repeated_more_often() -> None:
    registered: Registry[Attack] = Registry("attack", {})
    for name in ("clean", "clean.repeat", "a.drawn"):
        registered.add(name, unused)
    known: Registry[Benchmark] = Registry("benchmark", {})
    known.add("own", Own())
    suite = suite_of(attacks=("clean", "clean.repeat", "a.drawn"), repeats=3)
    plan = build_plan(suite, benchmarks=known, attacks=registered, download=False)
    assert [variant.id for variant in plan.variants] == [
        "clean",
        *(f"clean.repeat-seed{seed}" for seed in range(3)),
        "a.drawn-seed0",
    ]


def test_a_random_limit_is_drawn_by_the_seed_and_keeps_the_order() -> None:
    def drawn(seed: int) -> list[str]:
        limit = Limit(count=5, at_random=True)
        [loaded] = plan_of(suite_of(limit=limit, seed=seed)).benchmarks
        return [p.id for p in loaded.problems]

    assert drawn(1) == drawn(1)
    assert drawn(1) == sorted(drawn(1))
    assert len({tuple(drawn(seed)) for seed in range(10)}) > 5


def test_the_hash_is_of_all_problems() -> None:
    expected = content_hash([problem(number).hash for number in range(20)])
    for limit in (None, Limit(count=2)):
        [loaded] = plan_of(suite_of(limit=limit)).benchmarks
        assert loaded.hash == expected
    [smaller] = plan_of(suite_of(), Own(size=19)).benchmarks
    assert smaller.hash != expected


def test_problems_are_found_by_benchmark_and_id() -> None:
    plan = plan_of(suite_of(own=("own", "other")), Own(), Own(name="other", size=1))
    assert len(plan.problems()) == 21
    assert plan.problems()["other", "p00"] == problem(0)


@pytest.mark.parametrize("download", [True, False])
def test_only_who_may_asks_the_network(download: bool) -> None:
    own = Own()
    choice = BenchmarkChoice(name="own", path=Path("/data/p.jsonl"))
    plan = plan_of(suite_of(benchmarks=(choice,)), own, download=download)
    assert own.asked == [(Path("/data/p.jsonl"), download)]
    # The manifest must not hold a folder of this machine.
    assert plan.benchmarks[0].file == "p.jsonl"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown attack 'a\.on': did you mean"):
        plan_of(suite_of(attacks=("clean", "a.on")))
    with pytest.raises(UnknownNameError, match="unknown benchmark 'owm'"):
        plan_of(suite_of(own=("owm",)))


def test_a_benchmark_without_problems_is_refused() -> None:
    with pytest.raises(UserError, match="'own' holds no problems"):
        plan_of(suite_of(), Own(size=0))


def test_a_benchmark_named_twice_is_taken_once() -> None:
    assert names(plan_of(suite_of(own=("own", "own")))) == names(plan_of(suite_of()))


def test_two_files_for_one_benchmark_are_refused_for_ids_would_be_equal() -> None:
    choices = tuple(
        BenchmarkChoice(name="own", path=Path(name)) for name in ("a.jsonl", "b.jsonl")
    )
    with pytest.raises(UserError, match="'own' is named with two files"):
        plan_of(suite_of(benchmarks=choices))


@pytest.mark.parametrize("of", [1, 3, 7])
def test_shards_are_disjoint_complete_and_even(of: int) -> None:
    def ids(shard: Shard | None) -> list[str]:
        suite = Suite(
            models=models_from_specs(["oracle"]),
            benchmarks=(BenchmarkChoice(name="own"), BenchmarkChoice(name="more")),
            attacks=("clean", "a.one"),
            shard=shard,
        )
        plan = plan_of(suite, Own(size=20), Own(name="more", size=5))
        return [case.id for case in plan.all_cases()]

    parts = [ids(Shard(number=n + 1, of=of)) for n in range(of)]
    assert sorted(case for part in parts for case in part) == sorted(ids(None))
    problems = [{tuple(case.split("::")[:3]) for case in part} for part in parts]
    sizes = [len(part) for part in problems]
    assert max(sizes) - min(sizes) <= 1
    # All variants of a problem are in one part.
    assert sum(sizes) == len(set().union(*problems)) == 25


def test_a_shard_knows_the_whole_benchmark() -> None:
    suite = Suite(
        models=models_from_specs(["oracle"]),
        benchmarks=(BenchmarkChoice(name="own"),),
        limit=Limit(count=10),
        shard=Shard(number=2, of=4),
    )
    [whole] = plan_of(replace(suite, shard=None), Own()).benchmarks
    [part] = plan_of(suite, Own()).benchmarks
    assert [problem.id for problem in part.problems] == ["p01", "p05", "p09"]
    assert (part.hash, part.total) == (whole.hash, whole.total)


PRO = Problem(
    id="pro_001",
    benchmark="pro",
    base=Part(entry_point="f", prompt="def f(): # words\n", solution="  pass"),
    target=Part(entry_point="g", prompt="def g():\n", solution="  pass"),
)
PARENT = Problem(
    id="parent_001",
    benchmark="parent",
    target=Part(
        entry_point="f", prompt="def f():\n", solution="  pass", tests="assert f()"
    ),
)


@dataclass(frozen=True, kw_only=True)
class Family(Own):
    """One problem that has a parent, or is one."""

    problem: Problem = PRO
    parent: str = "parent"
    is_there: bool = True

    def locate(self, location: Path | None, *, download: bool) -> Path | None:
        self.asked.append((location, download))
        if not self.is_there:
            raise UserError("it is not here")
        return location

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        return (self.problem,)


def family(
    suite: Suite, *, parent: Family | None = None, download: bool = False
) -> tuple[Plan, Family]:
    parent = parent or Family(name="parent", problem=PARENT, parent="")
    return plan_of(suite, Family(name="pro"), parent, download=download), parent


def test_tests_of_base_functions_come_from_the_parent() -> None:
    plan, parent = family(suite_of(own=("pro",)), download=True)
    assert plan.base_tests() == {("pro", "pro_001"): "assert f()"}
    assert parent.asked == [(None, True)]
    assert plan.benchmarks[0].parents.benchmark == "parent"


def test_without_the_parent_there_is_a_warning() -> None:
    parent = Family(name="parent", is_there=False)
    plan, _ = family(suite_of(own=("pro",)), parent=parent)
    assert plan.base_tests() == {}
    assert plan.benchmarks[0].parents.warning == (
        "base functions of pro are not scored: it is not here"
    )
    orphan = plan_of(suite_of(own=("pro",)), Family(name="pro", parent=""))
    assert orphan.benchmarks[0].parents.warning == (
        "base functions of pro are not scored: they have no tests"
    )


def test_a_parent_beside_the_users_file_is_taken_and_none_is_downloaded() -> None:
    file = Path("folder") / "pro.json"
    choices = (BenchmarkChoice(name="pro", path=file),)
    suite = replace(suite_of(), benchmarks=choices)
    _, parent = family(suite, download=True)
    assert parent.asked == [(Path("folder"), False)]
    parent = Family(name="parent", is_there=False)
    family(suite, parent=parent, download=True)
    assert parent.asked == [(Path("folder"), False), (None, False)]


def test_nothing_is_asked_of_a_parent_that_is_not_needed() -> None:
    _, parent = family(suite_of(own=("pro",), anatomy="off"))
    assert parent.asked == []
    assert PRO.base is not None
    tested = replace(PRO, base=replace(PRO.base, tests="assert f()"))
    plan = plan_of(suite_of(own=("pro",)), Family(name="pro", problem=tested))
    assert (plan.base_tests(), plan.benchmarks[0].parents.warning) == ({}, None)
    assert plan_of(suite_of()).benchmarks[0].parents.warning is None
