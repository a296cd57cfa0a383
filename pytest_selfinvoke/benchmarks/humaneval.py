"""HumanEval (arXiv 2107.03374): 164 functions to be written from their docstrings."""

from __future__ import annotations

import re

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.download import HubSource
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.benchmarks.reading import Row
from pytest_selfinvoke.benchmarks.source import Source, self_contained, third_party
from pytest_selfinvoke.core.ids import padded
from pytest_selfinvoke.core.records import Part, Problem

#: ``prompt`` ends with the docstring, ``test`` defines ``check(candidate)``.
FORM = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_DEFINED = re.compile(r"^def (\w+)", re.MULTILINE)


def parse(row: Row) -> Problem:
    """The problem of one record.

    :raises DataError: naming record and field.
    """
    number = row.integer("task_id", "HumanEval/")
    return function_problem(row, "humaneval", padded("HumanEval", number, 3))


def function_problem(row: Row, benchmark: str, problem_id: str) -> Problem:
    """The problem of a record in HumanEval's form, which other benchmarks share.

    :raises DataError: naming record and field.
    """
    name = row.text("entry_point")
    prompt = row.text("prompt")
    solution = row.text("canonical_solution")
    helpers = set(_DEFINED.findall(prompt))
    if name not in helpers:
        raise row.error(f"must define {name!r}, its entry point,", "prompt")
    tests = f"{row.text('test')}\ncheck({name})\n"
    if len(helpers) > 1:
        # Tests may call the prompt's helper (encode_cyclic in number 38).
        try:
            context = Source.of(f"{prompt.rstrip()}\n    pass\n")
            tests = self_contained(tests, context, entry_points=(name,))
        except SyntaxError as error:
            raise row.error(f"cannot be parsed: {error}") from error
    target = Part(entry_point=name, prompt=prompt, solution=solution, tests=tests)
    return Problem(
        id=problem_id,
        benchmark=benchmark,
        target=target,
        requires=third_party(target.reference, tests),
    )


HUMANEVAL: Benchmark = PublishedBenchmark(
    info=BenchmarkInfo(
        name="humaneval",
        version="2021-07",
        licence="MIT",
        citation="arXiv:2107.03374",
        description="164 functions to be written from signature and docstring",
    ),
    parse=parse,
    forms=(FORM,),
    files=(
        "HumanEval.jsonl",
        "HumanEval.jsonl.gz",
        "recode/HumanEval.jsonl",
        "data/HumanEval.jsonl.gz",
    ),
    source=HubSource(
        repo="openai/openai_humaneval",
        revision="7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
        files=("openai_humaneval/test-00000-of-00001.parquet",),
    ),
    known_hash="4f5db5be87727c0534f6087a2283e262a67076e39d187d3d04dc41bbba2f2261",
)
