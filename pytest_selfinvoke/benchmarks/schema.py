r"""Problems as JSON lines: the form of one record, and the reading of a whole file.

One JSON object per line (UTF-8; blank lines are skipped)::

    {"id": "strings_01_reverse_words",
     "tags": ["strings", "easy"],
     "base": {"entry_point": "reverse_text",
              "prompt": "def reverse_text(text: str) -> str:\n    ...",
              "solution": "    return text[::-1]\n",
              "tests": ["assert reverse_text('ab') == 'ba'", "..."]},
     "target": {"entry_point": "reverse_words", "...": "..."},
     "wrong": ["def reverse_text(text): ...", "..."],
     "requires": ["numpy"]}

==========  =========  ===============================================================
key         needed     value
==========  =========  ===============================================================
id          yes        letters, digits and ``_ . + -``; unique in the file
target      yes        the function whose tests decide
base        no         the function that the target calls; absent for a plain problem
wrong       no         complete programs that the target's tests must reject
requires    no         import names of the libraries that the problem needs
tags        no         any strings
==========  =========  ===============================================================

``target`` and ``base`` have four keys, all needed:

``entry_point``
    The function's name; not the same in ``target`` and ``base``.
``prompt``
    Python source up to and including the signature and docstring of ``entry_point``,
    its last statement. It may begin with imports, classes and other functions.
``solution``
    The indented body: ``prompt`` and ``solution`` together must compile.
``tests``
    Python source with at least one ``assert`` that names ``entry_point``; one string
    or a list of strings, which are joined by line ends.
"""

from __future__ import annotations

import ast
import codecs
import json
import keyword
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UnknownNameError
from pytest_selfinvoke.core.records import Part, Problem

_ID = re.compile(r"[A-Za-z0-9_.+-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEYS = ("id", "target", "base", "wrong", "requires", "tags")
_PART_KEYS = ("entry_point", "prompt", "solution", "tests")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_JSON_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "a string"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "an object"),
)


def parse_file(data: bytes, path: Path | str, *, benchmark: str) -> tuple[Problem, ...]:
    """The problems of a file, in its order.

    :param data: the file's content.
    :param path: the file's name in messages.
    :param benchmark: the name that the problems carry.
    :raises DataError: naming file, line and field, for anything but valid records
        with different ids, and for a file without a record.
    """
    lines: dict[str, int] = {}
    problems = []
    for line, value in _json_lines(data, path):
        record = _Record(path=path, line=line)
        problem = parse_problem(value, path, line=line, benchmark=benchmark)
        if problem.id in lines:
            raise record.error(
                f"{problem.id!r} is already the id of line {lines[problem.id]}", "id"
            )
        lines[problem.id] = line
        problems.append(problem)
    if not problems:
        raise DataError(path, "is empty: one JSON object per line is needed")
    return tuple(problems)


def parse_problem(
    value: object, path: Path | str, *, line: int, benchmark: str
) -> Problem:
    """The problem in one decoded JSON value.

    :param path: the file's name in messages.
    :param line: the number of the record's line, from 1.
    :raises DataError: naming file, line and field of the first mistake.
    """
    record = _Record(path=path, line=line)
    data = record.mapping(value, "", needed=("id", "target"), known=_KEYS)
    problem_id = record.text(data["id"], "id")
    if not _ID.fullmatch(problem_id):
        raise record.error(
            f"{problem_id!r} may hold letters, digits and _ . + - only", "id"
        )
    target = _parse_part(record, data["target"], "target")
    base = _parse_part(record, data["base"], "base") if "base" in data else None
    if base is not None and base.entry_point == target.entry_point:
        raise record.error(
            f"{target.entry_point!r} is also the base's entry point",
            "target.entry_point",
        )
    return Problem(
        id=problem_id,
        benchmark=benchmark,
        target=target,
        base=base,
        wrong=record.texts(data.get("wrong", []), "wrong"),
        requires=record.texts(data.get("requires", []), "requires"),
        tags=record.texts(data.get("tags", []), "tags"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """The place of a record, and the checks that name it when they fail."""

    path: Path | str
    line: int

    def error(self, problem: str, field: str) -> DataError:
        return DataError(self.path, problem, line=self.line, field=field or None)

    def mapping(
        self,
        value: object,
        field: str,
        *,
        needed: tuple[str, ...],
        known: tuple[str, ...],
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(f"must be a JSON object, not {_kind(value)}", field)
        for key in value:
            if key not in known:
                raise self.error(str(UnknownNameError("key", key, known)), field)
        for key in needed:
            if key not in value:
                raise self.error("is missing", _inside(field, key))
        return value

    def text(self, value: object, field: str) -> str:
        if not isinstance(value, str):
            raise self.error(f"must be a string, not {_kind(value)}", field)
        if not value.strip():
            raise self.error("must not be empty", field)
        if _SURROGATE.search(value):
            raise self.error("holds half of a surrogate pair (\\ud800-\\udfff)", field)
        return value

    def texts(self, value: object, field: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self.error(f"must be a list of strings, not {_kind(value)}", field)
        return tuple(self.text(v, f"{field}[{i}]") for i, v in enumerate(value))

    def compiled(self, source: str, field: str, *, must: str, flags: int = 0) -> Any:
        try:
            with warnings.catch_warnings():
                # A stray "\d" in somebody's docstring is no mistake of the file.
                warnings.simplefilter("ignore")
                return compile(source, "<record>", "exec", flags, dont_inherit=True)
        # ValueError: null bytes, before 3.11.4; the last two: nested too deeply.
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self.error(f"{must}: {_reason(error)}", field) from error


def _parse_part(record: _Record, value: object, field: str) -> Part:
    data = record.mapping(value, field, needed=_PART_KEYS, known=_PART_KEYS)
    tests = data["tests"]
    if isinstance(tests, list):
        tests = "\n".join(record.texts(tests, f"{field}.tests"))
    part = Part(
        entry_point=record.text(data["entry_point"], f"{field}.entry_point"),
        prompt=record.text(data["prompt"], f"{field}.prompt"),
        solution=record.text(data["solution"], f"{field}.solution"),
        tests=record.text(tests, f"{field}.tests"),
    )
    _check_code(record, part, field)
    _check_tests(record, part, f"{field}.tests")
    return part


def _check_code(record: _Record, part: Part, field: str) -> None:
    name = part.entry_point
    if not name.isidentifier() or keyword.iskeyword(name):
        raise record.error(f"{name!r} is no Python name", f"{field}.entry_point")
    first = next(line for line in part.solution.splitlines() if line.strip())
    indent = first[: len(first) - len(first.lstrip())]
    if not indent:
        raise record.error("must be indented", f"{field}.solution")
    tree: ast.Module = record.compiled(
        f"{part.prompt.rstrip()}\n{indent}pass\n",
        f"{field}.prompt",
        must="with an indented `pass` behind it, must compile",
        flags=ast.PyCF_ONLY_AST,
    )
    last = tree.body[-1]
    if not isinstance(last, _DEFINITIONS) or last.name != name:
        raise record.error(
            f"must end with the signature (and docstring) of {name!r}",
            f"{field}.prompt",
        )
    record.compiled(
        part.reference, f"{field}.solution", must="behind the prompt, must compile"
    )


def _check_tests(record: _Record, part: Part, field: str) -> None:
    record.compiled(part.tests, field, must="must compile")
    # Words, not syntax trees: reading a large file must stay fast.
    for word in ("assert", part.entry_point):
        if not re.search(rf"\b{re.escape(word)}\b", part.tests):
            raise record.error(f"must hold the word {word!r} at least once", field)


def _json_lines(data: bytes, path: Path | str) -> Iterator[tuple[int, object]]:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(path, f"is not UTF-8: {error.reason}", line=line) from error
    # Not splitlines(): U+2028 and its like may stand inside a JSON string.
    for number, line_text in enumerate(text.split("\n"), start=1):
        if not line_text.strip():
            continue
        try:
            value = json.loads(line_text)
        except json.JSONDecodeError as error:
            problem = f"column {error.colno}: {error.msg} (one JSON object per line)"
            raise DataError(path, problem, line=number) from error
        except (ValueError, RecursionError) as error:
            problem = f"cannot be read as JSON: {error}"
            raise DataError(path, problem, line=number) from error
        yield number, value


def _inside(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key


def _kind(value: object) -> str:
    for types, word in _JSON_KINDS:
        if isinstance(value, types):
            return word
    return "null"


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} (line {error.lineno})"
    return str(error) or type(error).__name__
