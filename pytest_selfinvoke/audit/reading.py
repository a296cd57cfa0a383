"""What the syntax trees of a problem's tests and reference say of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_selfinvoke.core.assertions import assertions, parsed_tests, with_only

#: Modules, and names of modules' members, whose results change from run to run.
_RANDOM = frozenset({"random", "secrets", "uuid"})
_CLOCKS = frozenset({"now", "today", "utcnow", "perf_counter", "monotonic", "time_ns"})


def asserts(tests: str) -> list[str]:
    """The assertions, as source, in the order in which they stand."""
    return [ast.unparse(node) for node in assertions(parsed_tests(tests))]


def only(tests: str, index: int) -> str:
    """The tests with one assertion alone; everything else is run as before."""
    return with_only(tests, lambda i: i == index)


def compares_floats(tests: str) -> bool:
    """Whether an assertion compares with a fractional number by ``==``.

    Numbers that binary fractions hold exactly, as 0.5, are no trouble by themselves.
    """
    for node in assertions(parsed_tests(tests)):
        for compared in ast.walk(node):
            if isinstance(compared, ast.Compare) and any(
                isinstance(op, ast.Eq | ast.NotEq) for op in compared.ops
            ):
                for side in (compared.left, *compared.comparators):
                    if any(map(_is_inexact, _values(side))):
                        return True
    return False


def chances(*sources: str) -> list[str]:
    """What is used of random numbers and of clocks, as written."""
    found: dict[str, None] = {}
    for source in sources:
        for node in ast.walk(parsed_tests(source)):
            match node:
                case ast.Import(names=names):
                    used = [a.name for a in names if a.name.split(".")[0] in _RANDOM]
                case ast.ImportFrom(module=str(module)) if module in _RANDOM:
                    used = [module]
                case ast.Attribute(attr=attr) if attr in _CLOCKS:
                    used = [ast.unparse(node)]
                case ast.Attribute(attr="time", value=ast.Name(id="time")):
                    used = ["time.time"]
                case _:
                    used = []
            found.update(dict.fromkeys(used))
    return list(found)


def _values(node: ast.expr) -> Iterator[ast.Constant]:
    """The constants of a value: in lists, tuples and dictionaries, not in calls."""
    match node:
        case ast.Constant():
            yield node
        case ast.UnaryOp(operand=operand):
            yield from _values(operand)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            for part in parts:
                yield from _values(part)
        case ast.Dict(values=parts):
            for part in parts:
                yield from _values(part)
        case _:
            return


def _is_inexact(constant: ast.Constant) -> bool:
    value = constant.value
    if not isinstance(value, float) or value != value or abs(value) == float("inf"):
        return False
    # Up to 20 binary places: 0.5 and 0.75, not 0.1.
    return not (value * 2**20).is_integer()
