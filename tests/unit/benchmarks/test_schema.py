"""Records are read as promised; every mistake names file, line and field."""

from __future__ import annotations

import copy
import json
import warnings
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.schema import parse_file, parse_problem
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Part, Problem

BASE = {
    "entry_point": "twice",
    "prompt": 'def twice(n: int) -> int:\n    """Return 2 * n."""\n',
    "solution": "    return 2 * n\n",
    "tests": "assert twice(2) == 4",
}
TARGET = {
    "entry_point": "four_times",
    "prompt": 'def four_times(n: int) -> int:\n    """Return 4 * n."""\n',
    "solution": "    return twice(twice(n))\n",
    "tests": ["assert four_times(1) == 4", "assert four_times(0) == 0"],
}
RECORD = {
    "id": "doubling_01",
    "tags": ["numbers"],
    "base": BASE,
    "target": TARGET,
    "wrong": ["def four_times(n): return n"],
    "requires": ["math"],
}
MISSING = object()


def changed(path: str, value: object) -> dict[str, Any]:
    """The record with one field replaced, or removed if the value is ``MISSING``."""
    record: dict[str, Any] = copy.deepcopy(RECORD)
    inner = record
    *parents, last = path.split(".")
    for key in parents:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    return record


def lines(*records: object) -> bytes:
    """The records as the content of a file."""
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def parse(value: object) -> Problem:
    """The problem in a value that stands in line 7 of ``p.jsonl``."""
    return parse_problem(value, "p.jsonl", line=7, benchmark="own")


def message(data: bytes) -> str:
    """What is said about a broken file."""
    with pytest.raises(DataError) as caught:
        parse_file(data, "p.jsonl", benchmark="own")
    return str(caught.value)


def test_whole_record() -> None:
    assert parse(RECORD) == Problem(
        id="doubling_01",
        benchmark="own",
        base=Part(**BASE),
        target=Part(**{**TARGET, "tests": "\n".join(TARGET["tests"])}),  # type: ignore[arg-type]
        wrong=("def four_times(n): return n",),
        requires=("math",),
        tags=("numbers",),
    )


def test_smallest_record() -> None:
    problem = parse({"id": "a.b+c-1", "target": BASE})
    assert problem.base is None
    assert (problem.wrong, problem.requires, problem.tags) == ((), (), ())


@pytest.mark.parametrize(
    "part",
    [
        {"prompt": "class twice:\n", "solution": "  def __init__(self): ...\n"},
        {"prompt": "import math\n\ndef twice(n):\n\t'Doc.'\n", "solution": "\tpass"},
        {"prompt": "def twice(n):\n", "solution": "\n\n  return n"},
        {"prompt": "def twice(n):\n", "solution": "    return '\\d'"},
        {"prompt": "def twice(n):\n    '''\\d'''\n", "tests": "assert '\\d', twice"},
    ],
    ids=["class", "imports-tabs", "two-spaces", "escape", "escape-in-prompt"],
)
def test_other_forms_of_code(part: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = parse({"id": "x", "target": {**BASE, **part}})
    expected = {**BASE, **part}
    assert problem.target == Part(**expected)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", MISSING, "p.jsonl:7: field 'id': is missing"),
        ("id", 5, "field 'id': must be a string, not a number"),
        ("id", "a b", "field 'id': 'a b' may hold letters, digits and _ . + - only"),
        ("id", "x\n", "may hold letters"),
        ("id", "", "field 'id': must not be empty"),
        ("tagz", [], "p.jsonl:7: unknown key 'tagz': did you mean 'tags'?"),
        ("tags", "easy", "field 'tags': must be a list of strings, not a string"),
        ("tags", ["a", None], "field 'tags[1]': must be a string, not null"),
        ("tags", ["\ud800"], "field 'tags[0]': holds half of a surrogate pair"),
        ("requires", {}, "field 'requires': must be a list of strings, not an object"),
        ("wrong", ["x", " "], "field 'wrong[1]': must not be empty"),
        ("base", None, "field 'base': must be a JSON object, not null"),
        ("base", [BASE], "field 'base': must be a JSON object, not a list"),
        ("base.test", "", "field 'base': unknown key 'test': did you mean 'tests'?"),
        ("base.tests", MISSING, "field 'base.tests': is missing"),
        ("target", MISSING, "field 'target': is missing"),
        ("target.tests", MISSING, "field 'target.tests': is missing"),
        ("target.tests", [], "field 'target.tests': must not be empty"),
        ("target.tests", ["assert four_times", 1], "field 'target.tests[1]': must be"),
        ("target.tests", "assert four_times(", "must compile: '(' was never closed"),
        ("target.tests", "assert twice(2) == 4", "hold the word 'four_times'"),
        ("target.tests", "four_times(2)", "hold the word 'assert'"),
        ("target.entry_point", "4times", "'4times' is no Python name"),
        ("target.entry_point", "class", "'class' is no Python name"),
        ("target.entry_point", True, "must be a string, not a boolean"),
        ("target.prompt", "def four_times(n):\n x = 1\n", "indented `pass` behind it"),
        (
            "target.prompt",
            "def four_times(n",
            "field 'target.prompt': with an indented",
        ),
        ("target.prompt", "def other(n):", "end with the signature (and docstring) of"),
        ("target.prompt", "\0", "field 'target.prompt':"),
        ("target.prompt", "def four_times(n):\n    return 1\nx = 1\n", "unexpected"),
        ("target.solution", "return n", "field 'target.solution': must be indented"),
        ("target.solution", "    return (", "behind the prompt, must compile: '('"),
        ("target.solution", "    pass\nreturn 1", "'return' outside function (line 4)"),
    ],
)
def test_mistakes_are_named(field: str, value: object, said: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(changed(field, value))
    assert str(caught.value).startswith("p.jsonl:7: ")
    assert said in str(caught.value)


def test_source_that_is_nested_too_deeply() -> None:
    tests = "assert four_times(" + "-" * 100_000 + "1) == 4"
    with pytest.raises(DataError, match=r"field 'target\.tests': must compile: \w"):
        parse(changed("target.tests", tests))


def test_base_and_target_of_one_name() -> None:
    with pytest.raises(DataError, match="'twice' is also the base's entry point"):
        parse({**RECORD, "target": BASE})


def test_file_keeps_its_order_and_may_have_blank_lines() -> None:
    data = b"\xef\xbb\xbf\n" + lines({**RECORD, "id": "b"}, RECORD).replace(
        b"\n", b"\r\n\r\n"
    )
    problems = parse_file(data, "p.jsonl", benchmark="own")
    assert [problem.id for problem in problems] == ["b", "doubling_01"]
    assert {problem.benchmark for problem in problems} == {"own"}


def test_separators_inside_strings_do_not_end_a_line() -> None:
    record = {**RECORD, "tags": ["a\u2028b\x85c"]}
    data = json.dumps(record, ensure_ascii=False).encode()
    assert parse_file(data, "p.jsonl", benchmark="own")[0].tags == ("a\u2028b\x85c",)


def test_broken_json_names_line_and_column() -> None:
    said = message(lines(RECORD) + b'\n{"id": }\n')
    assert said.startswith("p.jsonl:3: column 8: Expecting value")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"id": ' + "1" * 5000 + "}"])
def test_json_that_cannot_be_read(text: str) -> None:
    assert message(text.encode()).startswith("p.jsonl:1: ")


def test_record_that_is_no_object() -> None:
    assert message(lines([RECORD])) == "p.jsonl:1: must be a JSON object, not a list"


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"\xef\xbb\xbf"])
def test_empty_file(data: bytes) -> None:
    assert message(data) == "p.jsonl: is empty: one JSON object per line is needed"


def test_repeated_id() -> None:
    said = message(lines(RECORD, {**RECORD, "id": "x"}, RECORD))
    assert said == "p.jsonl:3: field 'id': 'doubling_01' is already the id of line 1"


def test_bytes_that_are_no_utf8() -> None:
    said = message(b"\xef\xbb\xbf" + lines(RECORD) + b'{"id": "\xe4"}\n')
    assert said.startswith("p.jsonl:2: is not UTF-8: ")
