"""HumanEval Pro, MBPP Pro and BigCodeBench-Lite Pro (arXiv 2412.21199).

A record has a *raw* problem, which becomes the base function, and a *new* one, whose
function is to call it. Most records are taken as they are. No model can answer some of
the others as they are judged: the border between problem and solution stands in the
wrong place (behind the signature of a function that is not tested, inside a body or a
comment), the description of the new problem is part of the raw solution, or an import
is glued to the end of a comment. Those are the same text, parted at the signature of
the tested function. A few tests define the function that they test; this definition
is left out. All of these are tagged ``repaired``.

Tests get the imports and helpers that they take from the reference.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.download import HubSource
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.benchmarks.reading import Row
from pytest_selfinvoke.benchmarks.source import (
    FunctionNode,
    Source,
    part,
    self_contained,
    third_party,
    unix,
    without_functions,
)
from pytest_selfinvoke.core.ids import padded
from pytest_selfinvoke.core.records import Part, Problem

FORM = (
    "id",
    "raw_problem",
    "raw_solution",
    "new_problem",
    "new_solution",
    "test_code",
)
REPAIRED = "repaired"

#: "... of each word.import re", in a comment, where a line end was lost.
_GLUED = re.compile(
    r"^(#.*[.\]'\")])((?:import [\w.]+|from [\w.]+ import \w).*)$", re.MULTILINE
)
#: Comments and imports at the end of a solution: the head of the next problem.
_NEXT_HEAD = re.compile(r"\n(?=#)(?:(?:#.*|from .*|import .*)?(?:\n|\Z))+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProForm:
    """How the records of one of the three benchmarks are numbered."""

    benchmark: str
    prefix: str
    width: int
    numbered: str = ""
    parent: str = ""
    has_numbers_of_parent: bool = False

    def parse(self, row: Row) -> Problem:
        """The problem of one record.

        :raises DataError: naming record and field.
        """
        number = row.integer("id", self.numbered)
        raw, raw_solution, new, new_solution, tests = map(row.text, FORM[1:])
        head, body = ("", raw_solution) if "#" in new else _without_head(raw_solution)
        mended = _GLUED.sub(r"\1\n\2", head + new)
        base = _read(row, "raw", raw, body, tests=None)
        target = _read(row, "new", mended, new_solution, tests=tests)
        entry_points = (base.part.entry_point, target.part.entry_point)
        try:
            kept = without_functions(tests, entry_points)
            complete = self_contained(
                kept, base.source, target.source, entry_points=entry_points
            )
        except SyntaxError as error:
            raise row.error(f"cannot be parsed: {error}", "test_code") from error
        is_untouched = base.is_untouched and target.is_untouched
        is_untouched = is_untouched and mended == new and kept == tests
        return Problem(
            id=padded(self.prefix, number, self.width),
            benchmark=self.benchmark,
            base=base.part,
            target=replace(target.part, tests=complete),
            requires=third_party(base.source.text, target.source.text, complete),
            tags=() if is_untouched else (REPAIRED,),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One function of a record, with the whole source that it was taken from."""

    part: Part
    source: Source
    is_untouched: bool


def _without_head(solution: str) -> tuple[str, str]:
    """The head of the next problem at the end of a solution, and the rest."""
    solution = unix(solution)
    found = _NEXT_HEAD.search(solution)
    if found is None:
        return "", solution
    return found[0].strip("\n") + "\n\n\n", solution[: found.start() + 1]


def _read(
    row: Row, field: str, problem: str, solution: str, *, tests: str | None
) -> _Read:
    """One function, taken as it is or parted anew.

    :param tests: they tell which function is meant; ``None`` if the problem's end does.
    """
    head = unix(problem).rstrip()
    try:
        source = Source.of(f"{head}\n{unix(solution).strip(chr(10))}\n")
    except SyntaxError as error:
        where = f"{field}_problem with {field}_solution"
        raise row.error(f"{where} cannot be parsed: {error}") from error
    last_line = head.count("\n") + 1
    function = _meant(source, last_line, tests)
    if function is None:
        raise row.error("must hold a function that is tested", f"{field}_solution")
    is_untouched = _is_border(source.tree, function, last_line)
    if not is_untouched:
        parted = part(source, function)
        problem = f"{parted.before}{parted.signature}"
        solution = "\n\n".join(t for t in (parted.body, parted.others) if t)
    return _Read(
        part=Part(entry_point=function.name, prompt=problem, solution=solution),
        source=source,
        is_untouched=is_untouched,
    )


def _meant(source: Source, last_line: int, tests: str | None) -> FunctionNode | None:
    """The last function that the tests name, or that begins in the problem."""
    if tests is None:
        found = [f for f in source.functions if f.lineno <= last_line]
    else:
        words = set(re.findall(r"\w+", tests))
        found = [f for f in source.functions if f.name in words]
    return found[-1] if found else None


def _is_border(tree: ast.Module, function: FunctionNode, last_line: int) -> bool:
    """Whether the line ends a signature, or the docstring and imports behind it."""
    inside = [s for s in tree.body if s.lineno <= last_line]
    if not inside or inside[-1] is not function:
        return False
    given = [s for s in function.body if s.lineno <= last_line]
    return all(_is_stub(s) and (s.end_lineno or 0) <= last_line for s in given)


def _is_stub(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _benchmark(
    form: ProForm, file: str, revision: str, known_hash: str, info: BenchmarkInfo
) -> Benchmark:
    return PublishedBenchmark(
        info=info,
        parse=form.parse,
        forms=(FORM,),
        files=(file, f"codeeval-pro/{file}", f"dataset/{file}"),
        source=HubSource(
            repo=f"CodeEval-Pro/{form.benchmark}",
            revision=revision,
            files=("data/train-00000-of-00001.parquet",),
        ),
        known_hash=known_hash,
        parent=form.parent,
        has_numbers_of_parent=form.has_numbers_of_parent,
    )


HUMANEVAL_PRO: Benchmark = _benchmark(
    ProForm(
        benchmark="humaneval-pro",
        prefix="HumanEvalPro",
        width=3,
        parent="humaneval",
        has_numbers_of_parent=True,
    ),
    "humaneval_pro.json",
    "cd078f93d57d1902b5c3e4ae330166b2ca0e0e80",
    "35d4fe44708ac137f11249ab9631d6463f1dab5b8bc97d8c3917ff1716a004ed",
    BenchmarkInfo(
        name="humaneval-pro",
        version="36f292e",
        licence="MIT",
        citation="arXiv:2412.21199",
        description="164 self-invoking problems made from HumanEval",
    ),
)

MBPP_PRO: Benchmark = _benchmark(
    ProForm(benchmark="mbpp-pro", prefix="MbppPro", width=3, parent="mbpp"),
    "mbpp_pro.json",
    "50f18448e09a8383226e1a5cd3654d2a454fe333",
    "f17b91ad57691e3381a3a4837fca5c083117330eeecc4be63f2db1a69d2d1160",
    BenchmarkInfo(
        name="mbpp-pro",
        version="36f292e",
        licence="MIT (MBPP: CC-BY-4.0)",
        citation="arXiv:2412.21199",
        description="378 self-invoking problems made from MBPP",
    ),
)

BIGCODEBENCH_LITE_PRO: Benchmark = _benchmark(
    ProForm(
        benchmark="bigcodebench-lite-pro",
        prefix="BigCodeBenchLitePro",
        width=4,
        numbered="BigCodeBench/",
        parent="bigcodebench",
        has_numbers_of_parent=True,
    ),
    "bigcodebench_lite_pro.json",
    "f70ee47b5701ae8b240c64bd4d4077e46b4c9278",
    "879012c52a13c7ee9acc33d85167222607d03406512410023bda65758025b114",
    BenchmarkInfo(
        name="bigcodebench-lite-pro",
        version="36f292e",
        licence="MIT (BigCodeBench: Apache-2.0)",
        citation="arXiv:2412.21199; arXiv:2406.15877",
        description="57 self-invoking problems made from BigCodeBench",
        requires=(
            "dateutil",
            "holidays",
            "matplotlib",
            "numpy",
            "pandas",
            "pytz",
            "regex",
            "scipy",
            "seaborn",
            "sklearn",
            "statsmodels",
        ),
    ),
)
