"""Inside the sandbox: run the program, then answer calls with plain data.

Whatever the program does to this process, only data leaves it. Standard library only.
"""

from __future__ import annotations

import random
import socket
import sys
import traceback
import types
from typing import Any

from pytest_selfinvoke.sandbox import codec, wire
from pytest_selfinvoke.sandbox.codec import UnsupportedError

FILE = "solution.py"
TESTS_FILE = "tests.py"


def serve(connection: socket.socket) -> None:
    """Answer what the judge outside asks until it hangs up."""
    module = begin(connection)
    if module is None:
        return
    while (question := wire.receive(connection)) is not None:
        if "call" in question:
            answer = _call(module, question)
        elif "inline" in question:
            answer = _inline(module, question["inline"], question["nonce"])
        else:
            answer = _look_up(module, question["name"])
        data = wire.frame(answer)
        if len(data) > wire.MAX_FRAME:
            data = wire.frame({"opaque": f"{len(data)} bytes of data"})
        connection.sendall(data)


def begin(connection: socket.socket) -> types.ModuleType | None:
    """Load the program that comes first and tell how that went; its module."""
    job = wire.receive(connection)
    if job is None:
        return None
    reseed()
    sys.argv = [FILE]
    module = types.ModuleType("solution")
    module.__file__ = FILE
    sys.modules["solution"] = module
    wire.send(connection, _load(module, job["program"]))
    return module


def reseed() -> None:
    """Give every process the same random numbers: forks would share a parent's."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _load(module: types.ModuleType, program: str) -> dict[str, Any]:
    try:
        code = compile(program, FILE, "exec", dont_inherit=True)
    except MemoryError as error:
        return {"raised": describe(error)}
    except (SyntaxError, ValueError, RecursionError) as error:
        return {"syntax": f"{type(error).__name__}: {error}"}
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        return {"raised": describe(error)}
    return {"loaded": [name for name, v in vars(module).items() if callable(v)]}


def _look_up(module: types.ModuleType, name: str) -> dict[str, Any]:
    value = getattr(module, name, None)
    return {"callable": callable(value), "is_class": isinstance(value, type)}


def _call(module: types.ModuleType, question: dict[str, Any]) -> dict[str, Any]:
    """Call a function; the answer has its result, and arguments that it changed."""
    try:
        arguments = [codec.decode(item) for item in question["args"]]
        keywords = {name: codec.decode(v) for name, v in question["kwargs"].items()}
    except UnsupportedError as error:
        return {"unsupported": f"argument: {error}"}
    codec.as_base.clear()
    try:
        function = getattr(module, question["call"])
        result = function(*arguments, **keywords)
    except BaseException as error:
        return {"raised": describe(error)}
    try:
        answer: dict[str, Any] = {"result": codec.encode(result)}
    except (UnsupportedError, RecursionError) as error:
        answer = {"opaque": str(error)}
    except BaseException as error:
        return {"raised": describe(error)}
    if codec.as_base:
        answer["as_base"] = sorted(codec.as_base)
    try:
        after = [codec.encode(item) for item in arguments]
    except (UnsupportedError, RecursionError):
        return {"unsupported": "an argument holds a live object afterwards"}
    if after != question["args"]:
        answer["changed"] = after
    return answer


def _inline(module: types.ModuleType, tests: str, nonce: str) -> dict[str, Any]:
    """Run tests whose values cannot travel beside the program itself."""
    namespace = dict(vars(module))
    namespace["__name__"] = "tests"
    try:
        exec(compile(tests, TESTS_FILE, "exec", dont_inherit=True), namespace)
    except BaseException as error:
        return {"raised": describe(error, TESTS_FILE)}
    return {"passed": nonce}


def describe(error: BaseException, file: str = FILE) -> dict[str, Any]:
    """Type, message, bases and place of an exception, as plain data."""
    try:
        message = str(error)[:2000]
    except BaseException:
        message = ""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    return {
        "type": str(type(error).__name__)[:200],
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": message,
        "line": lines[-1] if lines else None,
    }
