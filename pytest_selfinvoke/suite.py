"""A suite: what to run, from a ``*.selfinvoke.toml`` file, options, or both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from pytest_selfinvoke.core.errors import DataError, UnknownNameError, UserError
from pytest_selfinvoke.core.ids import segment, unique
from pytest_selfinvoke.core.records import ModelSpec, Sampling
from pytest_selfinvoke.core.toml import TomlReader, load_toml
from pytest_selfinvoke.metrics.gates import Gate, Rule
from pytest_selfinvoke.models.info import check_declared
from pytest_selfinvoke.sandbox.base import Limits

SUFFIX = ".selfinvoke.toml"
#: What ``kind:PATH`` reads from a file or folder.
_FROM_FILES = frozenset({"hf", "gguf", "vllm", "replay", "template"})
T = TypeVar("T", Sampling, Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkChoice:
    """A benchmark by name, with the file or folder to read it from, if named."""

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The first ``count`` problems, or ``count`` drawn by the run's seed."""

    count: int
    at_random: bool = False

    @classmethod
    def parse(cls, text: str | int) -> Limit:
        """``20`` or ``random:20``.

        :raises UserError: if the count is not a positive number.
        """
        kind, _, number = str(text).rpartition(":")
        if kind not in ("", "random") or not number.isdigit() or int(number) < 1:
            raise UserError(f"limit {text!r}: give a number, or random:NUMBER, above 0")
        return cls(count=int(number), at_random=bool(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The ``number``-th of ``of`` parts of all problems, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``2/8``.

        :raises UserError: if it is not of that form, or there is no such part.
        """
        number, _, of = text.partition("/")
        if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
            return cls(number=int(number), of=int(of))
        raise UserError(f"shard {text!r}: write I/N with I from 1 to N, say 2/8")

    def has(self, position: int) -> bool:
        """Whether the problem at this place of the run's list is in the part."""
        return position % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Everything that decides which cases there are and how each is run."""

    models: tuple[ModelSpec, ...] = ()
    benchmarks: tuple[BenchmarkChoice, ...] = ()
    attacks: tuple[str, ...] = ("clean",)
    attack_seeds: int = 1
    repeats: int | None = None
    attack_budget: int | None = None
    samples: int = 1
    limit: Limit | None = None
    shard: Shard | None = None
    deterministic: bool = False
    seed: int = 0
    prompt_style: str | None = None
    sandbox: str = "auto"
    allow_processes: bool = False
    anatomy: str = "auto"
    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits = field(default_factory=Limits)
    gates: tuple[Gate, ...] = ()
    gate_rule: Rule = Rule.INTERVAL

    def __post_init__(self) -> None:
        if not self.attacks:
            raise UserError("attacks must name at least one; clean changes nothing")
        for name in ("samples", "attack_seeds", "repeats", "attack_budget"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.anatomy not in ANATOMY:
            raise UserError(f"anatomy must be auto or off, not {self.anatomy!r}")
        for name, value in asdict(self.limits).items():
            _check_range(name, value, 0 < value < math.inf, "above 0")
        for name, (holds, range_) in _RANGES.items():
            value = getattr(self.sampling, name)
            _check_range(name, value, holds(value), range_)


#: Of :class:`Sampling`; not-a-number is in none of them.
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "max_new_tokens": (lambda value: value >= 1, "at least 1"),
    "temperature": (lambda value: 0 <= value < math.inf, "0 or above"),
    "top_p": (lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "top_k": (lambda value: value >= 0, "0 or above"),
}


_GENERAL = (
    "attacks",
    "attack_seeds",
    "repeats",
    "attack_budget",
    "samples",
    "limit",
    "seed",
)
_OTHERS = (
    "prompt_style",
    "sandbox",
    "allow_processes",
    "anatomy",
    "gates",
    "gate_rule",
)
ANATOMY = ("auto", "off")
#: Keys of ``[[model]]`` that declare a fact, the fact's name, and its type.
_DECLARED: dict[str, tuple[str, type]] = {
    **{key: (key, str) for key in ("architecture", "alignment", "family", "base")},
    **{f"{key}_params": (f"{key}_parameters", int) for key in ("total", "active")},
}


def _check_range(name: str, value: float, holds: bool, range_: str) -> None:
    if not holds:
        raise UserError(f"{name} must be {range_}, not {value}")


def models_from_specs(specs: list[str]) -> tuple[ModelSpec, ...]:
    """Models as named by ``--model``, each with a label of its own.

    :raises UserError: if a spec is empty.
    """
    if not all(spec.strip() for spec in specs):
        raise UserError("--model needs a value, for instance --model=smollm2")
    labels = unique([default_label(spec) for spec in specs])
    return tuple(
        ModelSpec(spec=spec, label=label)
        for spec, label in zip(specs, labels, strict=True)
    )


def default_label(spec: str) -> str:
    """A short name for reports and ids; holds no folder of this machine."""
    kind, _, argument = spec.partition(":")
    if kind == "replay":
        argument = argument.partition("@")[0]
    if not argument:
        return segment(kind)
    if "#" in argument:
        return segment(argument.rpartition("#")[2])
    last = argument.rstrip("/").rpartition("/")[2]
    return segment(f"{kind}-{last}")


def benchmarks_from_text(text: str, *, base: Path) -> tuple[BenchmarkChoice, ...]:
    """``NAME[=PATH][,NAME...]``; a relative path is taken from ``base``.

    :raises UserError: if a name is missing.
    """
    choices = []
    for part in text.split(","):
        name, _, path = part.strip().partition("=")
        if not name:
            raise UserError("--benchmark needs NAME or NAME=PATH, separated by commas")
        found = base / Path(path).expanduser() if path else None
        choices.append(BenchmarkChoice(name=name, path=found))
    return tuple(choices)


def attacks_from_names(names: Iterable[str], *, base: Path) -> tuple[str, ...]:
    """The names; a relative file of ``recode:FILE`` and the like is below ``base``."""
    return tuple(_with_file(name, base) for name in names)


def _with_file(name: str, base: Path) -> str:
    kind, is_file, file = name.partition(":")
    return f"{kind}:{base / Path(file).expanduser()}" if is_file else name


def rule_from_name(name: str) -> Rule:
    """The rule of that name.

    :raises UnknownNameError: if there is none.
    """
    if name not in [rule.value for rule in Rule]:
        raise UnknownNameError("gate rule", name, [rule.value for rule in Rule])
    return Rule(name)


def load_suite(path: Path, defaults: Suite) -> Suite:
    """Read a suite file; what it does not say is taken from ``defaults``.

    :raises DataError: naming the file, the key and what was expected.
    """
    data = load_toml(path)
    try:
        return _Reader(path, defaults).suite(data)
    except DataError:
        raise
    except UserError as error:
        raise DataError(path.name, str(error)) from error


class _Reader(TomlReader):
    """Turns parsed TOML into a suite, naming the key of every mistake."""

    def __init__(self, path: Path, defaults: Suite) -> None:
        super().__init__(path)
        self.defaults = defaults

    def suite(self, data: dict[str, Any]) -> Suite:
        allowed = ("suite", "model", "benchmark", "sampling", "limits")
        self.known(data, allowed, "")
        general = self.table(data, "suite")
        self.known(general, (*_GENERAL, *_OTHERS), "suite.")
        values: dict[str, Any] = {}
        for key, kind in {
            "attack_seeds": int,
            "repeats": int,
            "attack_budget": int,
            "samples": int,
            "seed": int,
            "prompt_style": str,
            "sandbox": str,
            "allow_processes": bool,
            "anatomy": str,
        }.items():
            if key in general:
                values[key] = self.typed(general[key], kind, f"suite.{key}")
        if "prompt_style" in values:
            values["prompt_style"] = self.beside(values["prompt_style"])
        if "attacks" in general:
            attacks = self.strings(general["attacks"], "suite.attacks")
            values["attacks"] = attacks_from_names(attacks, base=self.path.parent)
        if "gates" in general:
            gates = self.strings(general["gates"], "suite.gates")
            values["gates"] = tuple(map(Gate.parse, gates))
        if "gate_rule" in general:
            rule = self.typed(general["gate_rule"], str, "suite.gate_rule")
            values["gate_rule"] = rule_from_name(rule)
        if "limit" in general:
            values["limit"] = Limit.parse(general["limit"])
        benchmarks = self.benchmarks(self.tables(data, "benchmark"))
        sampling, limits = self.defaults.sampling, self.defaults.limits
        return replace(
            self.defaults,
            models=self.models(self.tables(data, "model")),
            benchmarks=benchmarks or (BenchmarkChoice(name="mini"),),
            sampling=self.numbers(sampling, self.table(data, "sampling"), "sampling"),
            limits=self.numbers(limits, self.table(data, "limits"), "limits"),
            **values,
        )

    def models(self, tables: list[dict[str, Any]]) -> tuple[ModelSpec, ...]:
        specs, labels, named = [], [], set()
        for number, table in enumerate(tables, 1):
            where = f"model[{number}]."
            self.known(table, ("name", "spec", "options", *_DECLARED), where)
            spec = self.text(table, "spec", where)
            name = self.typed(table.get("name", ""), str, f"{where}name")
            if name in named:
                problem = f"{name!r} is the name of another model"
                raise DataError(self.path.name, problem, field=f"{where}name")
            named |= {name} - {""}
            labels.append(segment(name) if name else default_label(spec))
            facts = {
                fact: self.typed(table[key], kind, f"{where}{key}")
                for key, (fact, kind) in _DECLARED.items()
                if key in table
            }
            check_declared(facts)
            options = self.typed(table.get("options", {}), dict, f"{where}options")
            specs.append((self.beside(spec), facts, options))
        return tuple(
            ModelSpec(spec=spec, label=label, declared=facts, options=options)
            for label, (spec, facts, options) in zip(unique(labels), specs, strict=True)
        )

    def beside(self, text: str) -> str:
        """``kind:PATH`` with the path from the suite's folder, if that is there.

        Else the path is one from where pytest was started, or no path.
        """
        kind, _, name = text.partition(":")
        if kind not in _FROM_FILES or not name:
            return text
        path = Path(name).expanduser()
        found = self.path.parent / path
        if not found.exists() or (path.exists() and path.samefile(found)):
            return text
        return f"{kind}:{found}"

    def benchmarks(self, tables: list[dict[str, Any]]) -> tuple[BenchmarkChoice, ...]:
        choices = []
        for number, table in enumerate(tables, 1):
            where = f"benchmark[{number}]."
            self.known(table, ("name", "path"), where)
            name = self.text(table, "name", where)
            path = self.typed(table.get("path", ""), str, f"{where}path")
            found = self.path.parent / Path(path).expanduser() if path else None
            choices.append(BenchmarkChoice(name=name, path=found))
        return tuple(choices)

    def numbers(self, defaults: T, table: dict[str, Any], where: str) -> T:
        """A frozen dataclass of numbers, each key checked against its default."""
        names = tuple(f.name for f in fields(defaults))
        self.known(table, names, f"{where}.")
        values = {}
        for key, value in table.items():
            kind = type(getattr(defaults, key))
            number = float(value) if kind is float and type(value) is int else value
            values[key] = self.typed(number, kind, f"{where}.{key}")
        return replace(defaults, **values)
