"""Inside the sandbox: which lines of a program its tests reach, and by which ways.

Nothing of the program is changed: the interpreter tells of each line before it runs.
Standard library only.
"""

from __future__ import annotations

import ast
import contextlib
import socket
import sys
import threading
from types import FrameType
from typing import Any, TypeAlias

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.child import FILE, TESTS_FILE, begin

#: Called before each line of a frame, and as it ends.
Tracer: TypeAlias = Any


def serve(connection: socket.socket) -> None:
    """Load a program under watch, run tests beside it, and say what was reached.

    The question has the tests (``cover``) and a ``nonce`` that no program could know
    before. A way leads from one line to the next in the same frame; out of a frame it
    leads to -1.
    """
    ways: set[tuple[int, int]] = set()
    with _watching(ways):
        module = begin(connection)
    question = None if module is None else wire.receive(connection)
    if module is None or question is None:
        return
    namespace = {**vars(module), "__name__": "tests"}
    with _watching(ways):
        for statement in ast.parse(question["cover"]).body:
            part = ast.Module(body=[statement], type_ignores=[])
            with contextlib.suppress(BaseException):
                exec(compile(part, TESTS_FILE, "exec", dont_inherit=True), namespace)
    wire.send(connection, {"covered": question["nonce"], "ways": sorted(ways)})


@contextlib.contextmanager
def _watching(ways: set[tuple[int, int]]) -> Any:
    """Note the ways through the program's own file, in all threads."""

    def started(frame: FrameType, event: str, argument: object) -> Tracer:
        if frame.f_code.co_filename != FILE:
            return None
        last = 0

        def went(frame: FrameType, event: str, argument: object) -> Tracer:
            nonlocal last
            if event == "line":
                ways.add((last, frame.f_lineno))
                last = frame.f_lineno
            elif event == "return":
                ways.add((last, -1))
            return went

        return went

    threading.settrace(started)
    sys.settrace(started)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)
