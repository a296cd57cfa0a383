"""MBPP (arXiv 2108.07732): 974 short functions, each with three assertions.

Two forms are read, which show the model different texts:

* the one that ReCode (arXiv 2212.10264) made, with HumanEval's fields and a docstring;
* the original one, of a sentence, a program and assertions. It has no prompt, so one
  is made as MBPP Pro has it: the sentence and the assertions as comments above the
  imports and the signature.

Some published references fail their own tests. They are given as they are.
"""

from __future__ import annotations

import re

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.download import HubSource
from pytest_selfinvoke.benchmarks.humaneval import FORM, function_problem
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.benchmarks.reading import Row
from pytest_selfinvoke.benchmarks.source import (
    Source,
    part,
    self_contained,
    third_party,
    unix,
)
from pytest_selfinvoke.core.ids import padded
from pytest_selfinvoke.core.records import Part, Problem

NAME = "mbpp"
ORIGINAL_FORM = ("task_id", "text", "code", "test_list")
SANITIZED_FORM = ("task_id", "prompt", "code", "test_list")


def parse(row: Row) -> Problem:
    """The problem of one record, in either form.

    :raises DataError: naming record and field.
    """
    if "code" in row.data:
        return parse_original(row)
    number = row.integer("task_id", "MBPP/")
    return function_problem(row, NAME, padded("Mbpp", number, 4))


def parse_original(row: Row) -> Problem:
    """The problem of one record in the original form.

    The entry point is the last function of the program that the assertions call.

    :raises DataError: naming record and field.
    """
    number = row.integer("task_id")
    sentence = row.text("text" if "text" in row.data else "prompt")
    assertions = [unix(text).strip() for text in row.texts("test_list")]
    try:
        code = Source.of(row.text("code"))
    except SyntaxError as error:
        raise row.error(f"cannot be parsed: {error}", "code") from error
    called = set(re.findall(r"\w+", "\n".join(assertions)))
    function = next((f for f in code.functions[::-1] if f.name in called), None)
    if function is None:
        raise row.error("must define a function that test_list calls", "code")
    parted = part(code, function)
    shown = "\n".join([sentence.strip(), *assertions])
    comment = "".join(f"# {line}\n" for line in unix(shown).split("\n"))
    solution = "\n\n".join(text for text in (parted.body, parted.others) if text)
    tests = "\n".join([*_setup(row), *assertions, ""])
    try:
        tests = self_contained(tests, code, entry_points=(function.name,))
    except SyntaxError as error:
        raise row.error(f"cannot be parsed: {error}", "test_list") from error
    return Problem(
        id=padded("Mbpp", number, 4),
        benchmark=NAME,
        target=Part(
            entry_point=function.name,
            prompt=f"{comment}{parted.before}{parted.signature}",
            solution=solution,
            tests=tests,
        ),
        requires=third_party(code.text, tests),
    )


def _setup(row: Row) -> list[str]:
    """What comes before the assertions."""
    setup = row.data.get("test_setup_code") or ""
    imports = row.data.get("test_imports") or []
    if not isinstance(setup, str):
        raise row.error("must be a string", "test_setup_code")
    lines = list(row.texts("test_imports")) if imports else []
    return [*lines, unix(setup)] if setup else lines


MBPP: Benchmark = PublishedBenchmark(
    info=BenchmarkInfo(
        name=NAME,
        version="2021-08",
        licence="CC-BY-4.0",
        citation="arXiv:2108.07732",
        description="974 short functions to be written from a sentence and assertions",
    ),
    parse=parse,
    forms=(FORM, ORIGINAL_FORM, SANITIZED_FORM),
    files=(
        "mbpp_wtest.jsonl",
        "mbpp/mbpp_wtest.jsonl",
        "mbpp.jsonl",
        "mbpp/mbpp.jsonl",
    ),
    source=HubSource(
        repo="google-research-datasets/mbpp",
        revision="4bb6404fdc6cacfda99d4ac4205087b89d32030c",
        # In the order of the problems' numbers.
        files=tuple(
            f"full/{split}-00000-of-00001.parquet"
            for split in ("prompt", "test", "validation", "train")
        ),
    ),
    known_hash="afbcae093b7d58e4371102465b057f4af5916efc94ed5f3e4157bed98840ef14",
)
