"""Making and certifying variants, against one new interpreter per certification.

The slow way takes one ``python`` process for the reference and one for the stub of
each variant, as a script would; it is measured on a sample of the variants, in turns
with ours. Attacks that cannot be imported are left out. Run it by hand::

    python benchmarks/certification.py humaneval_pro.json [--seeds 5] [--sample 20]
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import Attack, apply, facts_of
from pytest_selfinvoke.attacks.presets import RECODE
from pytest_selfinvoke.benchmarks.pro import HUMANEVAL_PRO
from pytest_selfinvoke.certification.certifier import (
    Certificate,
    Certifier,
    stub_of,
    table,
)
from pytest_selfinvoke.certification.ledger import Ledger
from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.records import Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.runner import Sandbox

Item = tuple[Problem, Variant]


def available(attacks: Registry[Attack]) -> Iterator[str]:
    """The attacks of the preset that exist."""
    for name in RECODE:
        try:
            attacks.get(name)
        except UserError:
            print(f"left out: {name}")
        else:
            yield name


def items(
    problems: Sequence[Problem], names: Sequence[str], attacks: Registry[Attack], n: int
) -> list[Item]:
    """All variants of all problems, attack by attack."""
    return [
        (problem, Variant(attack=name, seed=seed))
        for name in names
        for seed in (range(n) if facts_of(attacks.get(name)).seeded else (None,))
        for problem in problems
    ]


def slow(problem: Problem) -> bool:
    """Certify by two new interpreters."""

    def passes(program: str) -> bool:
        command = [sys.executable, "-c", f"{program}\n{problem.target.tests}"]
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0

    return passes(problem.reference) and not passes(stub_of(problem))


def text_speed(todo: Sequence[Item], attacks: Registry[Attack]) -> None:
    """Print variants per second of making text alone, per attack and family."""
    took: dict[str, list[float]] = {}
    for problem, variant in todo:
        attack = attacks.get(variant.attack)
        started = time.perf_counter()
        with contextlib.suppress(NotJudgedError):
            apply(attack, problem, variant, seed=0)
        took.setdefault(variant.attack, []).append(time.perf_counter() - started)
    families: dict[str, list[float]] = {}
    for name, times in took.items():
        families.setdefault(name.partition(".")[0], []).extend(times)
    print(f"\n{'text alone':<42}{'mean/s':>10}{'median/s':>10}")
    for name, times in {**families, **took}.items():
        mean, median = statistics.fmean(times), statistics.median(times)
        print(f"{name:<42}{1 / mean:>10.0f}{1 / median:>10.0f}")


def certified(
    todo: Sequence[Item], attacks: Registry[Attack], sandbox: Sandbox, ledger: Ledger
) -> tuple[float, list[Certificate]]:
    """Seconds per variant, and the certificates."""
    certifier = Certifier(attacks=attacks, executor=sandbox, ledger=ledger)
    started = time.perf_counter()
    found = [certifier.certify(problem, v, seed=0) for problem, v in todo]
    return (time.perf_counter() - started) / len(todo), found


def slow_speed(todo: Sequence[Item], attacks: Registry[Attack], sample: int) -> float:
    """Seconds per variant with new interpreters."""
    times = []
    for problem, variant in random.Random(0).sample(list(todo), len(todo)):
        if len(times) == sample:
            break
        started = time.perf_counter()
        try:
            made = apply(attacks.get(variant.attack), problem, variant, seed=0)
        except NotJudgedError:
            continue
        slow(made)
        times.append(time.perf_counter() - started)
    return statistics.fmean(times)


def main() -> None:
    """Measure, and print the table of certificates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=20)
    chosen = parser.parse_args()
    attacks: Registry[Attack] = Registry("attack", BUILTIN)
    todo = items(
        HUMANEVAL_PRO.load(chosen.file), list(available(attacks)), attacks, chosen.seeds
    )
    text_speed(todo, attacks)
    before = slow_speed(todo, attacks, chosen.sample)
    ledger = Ledger()
    with Sandbox() as sandbox:
        sandbox.check()
        cold, found = certified(todo, attacks, sandbox, ledger)
        warm, _ = certified(todo, attacks, sandbox, ledger)
    slow_again = slow_speed(todo, attacks, chosen.sample)
    plain = (before + slow_again) / 2
    print(f"\n{len(todo)} variants; new interpreters: {plain * 1e3:.1f} ms a variant")
    for name, seconds in {"first": cold, "again": warm}.items():
        print(
            f"{name} time: {seconds * 1e3:.2f} ms a variant, "
            f"{seconds * len(todo):.1f} s in all, {plain / seconds:.0f} x faster"
        )
    print(f"\n{'attack':<42}{'valid':>7}{'inert':>7}{'broken':>7}{'unjudged':>9}")
    for row in table(found):
        counts = f"{row.valid:>7}{row.inert:>7}{row.broken:>7}{row.unjudged:>9}"
        print(f"{row.attack:<42}{counts}")


if __name__ == "__main__":
    main()
