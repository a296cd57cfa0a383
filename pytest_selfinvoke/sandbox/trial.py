"""Inside the judge's sandbox: run test code with proxies in place of the functions.

Only the tests run here; the functions under test answer from another process. Standard
library only.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import re
import socket
import sys
from typing import Any

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.child import describe, reseed
from pytest_selfinvoke.sandbox.codec import shortened
from pytest_selfinvoke.sandbox.proxies import Line, LiveObject, Proxy, Tampered

FILE = "tests.py"


#: Tests that use these share state with the program, or look at what it did.
_SHARED = frozenset(
    [
        "builtins",
        "ctypes",
        "gc",
        "glob",
        "inspect",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "tracemalloc",
        "unittest",
        "warnings",
    ]
)


#: Names that tests use in the belief that the program has imported them.
_CLASSES = {
    **dict.fromkeys(
        ("ChainMap", "Counter", "OrderedDict", "defaultdict", "deque"), "collections"
    ),
    **dict.fromkeys(("date", "datetime", "time", "timedelta", "timezone"), "datetime"),
    "Decimal": "decimal",
    "Fraction": "fractions",
}
_MODULES = sys.stdlib_module_names
_ALIASES = {"dt": "datetime", "np": "numpy", "pd": "pandas"}


class _Failed(AssertionError):
    """A comparison that did not hold, with both values."""

    def __init__(self, left: object, right: object, note: str) -> None:
        super().__init__(note)
        self.left, self.right = shortened(left), shortened(right)


#: Errors of test code that gets an answer of an unexpected type or size.
_MISUSE = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError)


def serve(connection: socket.socket) -> None:
    """Run the tests that the judge outside sends, and report how they ended."""
    job = wire.receive(connection)
    if job is None:
        return
    reseed()
    line = Line(connection)
    verdict = _run(line, job["tests"])
    if isinstance(line.trouble, LiveObject):
        verdict = {"unsupported": str(line.trouble)}
    elif isinstance(line.trouble, Tampered):
        verdict = {"tampered": str(line.trouble)}
    elif line.trouble is not None:
        verdict = {"ended": True}
    wire.send(connection, {"verdict": verdict})


def _run(line: Line, tests: str) -> dict[str, Any]:
    try:
        tree = ast.parse(tests)
        names = free_names(tree)
        shared = sharing(tree)
        if shared:
            line.give_up(LiveObject(f"the tests use {shared}"))
        namespace = {name: _bound(line, name) for name in sorted(names)}
        instrumented = ast.fix_missing_locations(_Compare().visit(tree))
        namespace["__name__"] = "tests"
        namespace["__compare__"] = _compare
        exec(compile(instrumented, FILE, "exec", dont_inherit=True), namespace)
    except _Failed as error:
        where = describe(error, FILE)
        return {"failed": where, "actual": error.left, "expected": error.right}
    except BaseException as error:
        raised = error.__dict__.get("solution")
        where = describe(error, FILE)
        if raised is not None:
            return {"raised": raised, "line": where["line"]}
        if not line.is_exact and _asks_for_types(tests):
            # A subclass arrived as its base: only beside the program does it show.
            return {"unsupported": "a result of a subclass, and tests of types"}
        if isinstance(error, AssertionError):
            return {"failed": where}
        if line.is_exact and isinstance(error, _MISUSE):
            # It saw exactly what the program gave, and could not deal with it.
            return {"failed": {**where, "message": f"{where['type']}: {error}"}}
        # The test code itself went wrong, perhaps for want of a live object.
        return {"unsupported": f"{where['type']}: {where['message']}"}
    return {"passed": True}


def _bound(line: Line, name: str) -> object:
    """What a free name of the tests means: a function under test, or a module."""
    found = line.ask({"name": name})
    # What the program says of a name decides between its function and ours, no more:
    # a class it could name as it likes might equal everything.
    if found.get("callable") and not found.get("is_class"):
        return Proxy(line, name)
    if name in _CLASSES and (found.get("is_class") or name not in _MODULES):
        return getattr(importlib.import_module(_CLASSES[name]), name)
    if name in _MODULES or name in _ALIASES:
        with contextlib.suppress(ImportError):
            return importlib.import_module(_ALIASES.get(name, name))
    return line.give_up(LiveObject(f"the tests use {name!r}, which is no function"))


def sharing(tree: ast.Module) -> str:
    """What ties the tests to the program's process; empty if nothing does."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Attribute) and node.attr == "seed":
            return "a seed"
        elif isinstance(node, ast.Name) and node.id in ("open", "globals", "patch"):
            return node.id
        for name in names:
            if name.split(".")[0] in _SHARED:
                return name
    return ""


def _asks_for_types(tests: str) -> bool:
    return re.search(r"\b(isinstance|issubclass|type)\(", tests) is not None


def free_names(tree: ast.Module) -> set[str]:
    """Names that the tests use and neither they nor the builtins define."""
    used: set[str] = set()
    bound = {*dir(builtins), "__name__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used - bound


class _Compare(ast.NodeTransformer):
    """``assert a == b`` also tells both values when it fails."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return node
        if not isinstance(test.ops[0], ast.Eq):
            return node
        note = ast.Constant("") if node.msg is None else node.msg
        # A message may call things: it is made only when it is needed.
        later = ast.Lambda(
            args=ast.arguments(
                posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
            ),
            body=note,
        )
        call = ast.Call(
            func=ast.Name("__compare__", ast.Load()),
            args=[test.left, test.comparators[0], later],
            keywords=[],
        )
        return ast.copy_location(ast.Expr(call), node)


def _compare(left: object, right: object, note: Any) -> None:
    if not left == right:
        raise _Failed(left, right, str(note()))
