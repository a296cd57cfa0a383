"""Inside the sandbox: see whether one function starts below another.

Nothing of the program is changed: the interpreter tells which code starts, through
``sys.monitoring`` (Python 3.12 and later) or ``sys.setprofile``. Standard library only.
"""

from __future__ import annotations

import ast
import contextlib
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, ModuleType
from typing import Any

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.child import FILE, TESTS_FILE, begin, describe

#: How CPython begins the message about a call that does not fit a function.
_MISFIT = r"{}\(\) (takes|missing|got) "
_MAX_WRAPPERS = 100


def serve(connection: socket.socket) -> None:
    """Load a program, then run tests beside it and say what was called.

    The question has the tests (``trace``), ``names`` of the base and the target
    function, and a ``nonce`` that no program could know before. A first answer comes as
    soon as the base function starts, for the tests may never end.
    """
    module = begin(connection)
    question = None if module is None else wire.receive(connection)
    if module is not None and question is not None:
        wire.send(connection, _trace(module, question, connection))


def _trace(
    module: ModuleType, question: dict[str, Any], connection: socket.socket
) -> dict[str, Any]:
    """Run the tests statement by statement, as far as each goes."""
    base, target = question["names"]
    nonce = question["nonce"]
    namespace = {**vars(module), "__name__": "tests"}

    def found() -> None:
        wire.send(connection, {"invoked": nonce})

    watch = Watch(module, FILE, (base, target), found)
    misfit = False
    with watch.watching():
        for statement in ast.parse(question["trace"]).body:
            part = ast.Module(body=[statement], type_ignores=[])
            try:
                exec(compile(part, TESTS_FILE, "exec", dont_inherit=True), namespace)
            except BaseException as error:
                misfit = misfit or _is_misfit(error, base)
    return {"traced": nonce, "misfit": misfit}


def _is_misfit(error: BaseException, base: str) -> bool:
    """Whether a call from outside did not fit the parameters of the base function."""
    if not isinstance(error, TypeError):
        return False
    if re.match(_MISFIT.format(re.escape(base)), describe(error)["message"]) is None:
        return False
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is None or traceback.tb_frame.f_code.co_qualname != base


class Watch:
    """Calls ``found`` when ``base`` starts while ``target`` is running.

    Functions are known by their code: that which the module's name leads to through
    decorators, and that which was compiled under the name at the top level of the file.

    :param file: the file name that the program was compiled with.
    """

    def __init__(
        self,
        module: ModuleType,
        file: str,
        names: tuple[str, str],
        found: Callable[[], None],
    ) -> None:
        self._file, self._names, self._found = file, names, found
        self._codes = tuple(_code_of(getattr(module, name, None)) for name in names)
        self._done = False

    def is_seen(self, code: CodeType, caller: FrameType | None) -> bool | None:
        """Whether this is the start looked for; ``None`` if it is another code's."""
        if not self._is(code, 0):
            return None
        while caller is not None:
            if self._is(caller.f_code, 1):
                if not self._done:
                    self._done = True
                    self._found()
                return True
            caller = caller.f_back
        return False

    def _is(self, code: CodeType, which: int) -> bool:
        if code is self._codes[which]:
            return True
        named = code.co_qualname == self._names[which]
        return named and code.co_filename == self._file

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look at everything that runs meanwhile, in all threads."""
        monitoring: Any = getattr(sys, "monitoring", None)
        watch = self._profiling() if monitoring is None else self._monitoring()
        with watch:
            yield

    @contextlib.contextmanager
    def _monitoring(self) -> Iterator[None]:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        tool = next(n for n in range(6) if monitoring.get_tool(n) is None)

        def started(code: CodeType, offset: int) -> object:
            seen = self.is_seen(code, sys._getframe(1))
            # Other code is asked about once; the right one until it is found.
            return None if seen is False else monitoring.DISABLE

        monitoring.use_tool_id(tool, "selfinvoke")
        monitoring.register_callback(tool, monitoring.events.PY_START, started)
        monitoring.set_events(tool, monitoring.events.PY_START)
        try:
            yield
        finally:
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)

    @contextlib.contextmanager
    def _profiling(self) -> Iterator[None]:
        def called(frame: FrameType, event: str, argument: object) -> None:
            if event == "call" and not self._done:
                self.is_seen(frame.f_code, frame.f_back)

        threading.setprofile(called)
        sys.setprofile(called)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


def _code_of(value: Any) -> CodeType | None:
    """The code behind a function and its decorators, if they say what they wrap."""
    try:
        for _ in range(_MAX_WRAPPERS):
            if not hasattr(value, "__wrapped__"):
                break
            value = value.__wrapped__
        code = getattr(value, "__code__", None)
    except Exception:  # Whatever the program's object does when it is looked at.
        return None
    return code if isinstance(code, CodeType) else None
