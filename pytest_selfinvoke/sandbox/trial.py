"""Inside the judge's sandbox: run test code with proxies in place of the functions.

Only the tests run here; the functions under test answer from another process. Standard
library only.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import random
import socket
import sys
from typing import Any, NoReturn

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.child import describe
from pytest_selfinvoke.sandbox.codec import (
    UnsupportedError,
    decode,
    encode,
    shortened,
)

FILE = "tests.py"


class _Unsupported(BaseException):
    """These tests must be judged inline; no ``except Exception`` of theirs holds it."""


class _Ended(BaseException):
    """The solution's process is gone."""


class Line:
    """The way to the solution's process.

    It remembers what went wrong, for tests with a bare ``except:`` hold everything.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.trouble: BaseException | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question to the solution's process, by way of the judge outside."""
        wire.send(self._connection, question)
        answer = wire.receive(self._connection)
        if not isinstance(answer, dict):
            self.give_up(_Ended())
        return answer

    def give_up(self, trouble: BaseException) -> NoReturn:
        """End the tests; they cannot be judged here."""
        self.trouble = trouble
        raise trouble


class _Failed(AssertionError):
    """A comparison that did not hold, with both values."""

    def __init__(self, left: object, right: object, note: str) -> None:
        super().__init__(note)
        self.left, self.right = shortened(left), shortened(right)


class Proxy:
    """Stands for one function of the solution; calls go out and come back as data."""

    def __init__(self, line: Line, name: str) -> None:
        self._line, self._name = line, name
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the solution's process."""
        try:
            sent = [encode(item) for item in args]
            named = {name: encode(item) for name, item in kwargs.items()}
        except UnsupportedError as error:
            self._line.give_up(_Unsupported(f"argument: {error}"))
        answer = self._line.ask({"call": self._name, "args": sent, "kwargs": named})
        if "unsupported" in answer:
            self._line.give_up(_Unsupported(answer["unsupported"]))
        if "raised" in answer:
            raise rebuilt(answer["raised"])
        try:
            for target, data in zip(args, answer.get("changed", ()), strict=False):
                _write_back(target, decode(data))
            return decode(answer.get("result", {}))
        except UnsupportedError as error:
            self._line.give_up(_Unsupported(f"result: {error}"))

    def __getattr__(self, name: str) -> NoReturn:
        self._line.give_up(_Unsupported(f"{self._name}.{name}"))


def rebuilt(raised: dict[str, Any]) -> BaseException:
    """An exception of the same builtin type, or of the nearest builtin base."""
    for name in raised["bases"]:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                error: BaseException = kind(raised["message"])
            except TypeError:  # UnicodeDecodeError and the like want more
                error = ValueError(raised["message"])
            break
    else:
        error = RuntimeError(f"{raised['type']}: {raised['message']}")
    error.__dict__["solution"] = raised
    return error


def serve(connection: socket.socket) -> None:
    """Run the tests that the judge outside sends, and report how they ended."""
    job = wire.receive(connection)
    if job is None:
        return
    random.seed(0)
    line = Line(connection)
    verdict = _run(line, job["tests"])
    if isinstance(line.trouble, _Unsupported):
        verdict = {"unsupported": str(line.trouble)}
    elif line.trouble is not None:
        verdict = {"ended": True}
    wire.send(connection, {"verdict": verdict})


def _run(line: Line, tests: str) -> dict[str, Any]:
    try:
        tree = ast.parse(tests)
        names = free_names(tree)
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
        if isinstance(error, AssertionError):
            return {"failed": where}
        # The test code itself went wrong, perhaps for want of a live object.
        return {"unsupported": f"{where['type']}: {where['message']}"}
    return {"passed": True}


def _bound(line: Line, name: str) -> object:
    """What a free name of the tests means: a function under test, or a module."""
    if line.ask({"name": name}).get("callable"):
        return Proxy(line, name)
    if name in sys.stdlib_module_names:
        return importlib.import_module(name)
    return line.give_up(_Unsupported(f"the tests use {name!r}, which is no function"))


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


def _write_back(target: Any, value: Any) -> None:
    """Make an argument that the function changed in place look like it."""
    if type(target) is not type(value):
        return
    if isinstance(target, list | bytearray):
        target[:] = value
    elif isinstance(target, dict | set):
        target.clear()
        target.update(value)
