"""Inside the judge's sandbox: what stands for the solution's functions and answers.

Standard library only.
"""

from __future__ import annotations

import builtins
import socket
from typing import Any, NoReturn

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.codec import UnsupportedError, decode, encode
from pytest_selfinvoke.sandbox.codec_frames import write_back


class LiveObject(BaseException):
    """These tests must be judged inline; no ``except Exception`` of theirs holds it."""


class Tampered(BaseException):
    """An answer that is none."""


class Ended(BaseException):
    """The solution's process is gone."""


class Line:
    """The way to the solution's process.

    It remembers what went wrong, for tests with a bare ``except:`` hold everything.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.trouble: BaseException | None = None
        self.is_exact = True

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question to the solution's process, by way of the judge outside."""
        wire.send(self._connection, question)
        try:
            answer = wire.receive(self._connection)
        except wire.FrameError as error:
            self.give_up(Tampered(str(error)))
        if not isinstance(answer, dict):
            self.give_up(Ended())
        return answer

    def give_up(self, trouble: BaseException) -> NoReturn:
        """End the tests; they cannot be judged here."""
        self.trouble = trouble
        raise trouble


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
            self._line.give_up(LiveObject(f"argument: {error}"))
        answer = self._line.ask({"call": self._name, "args": sent, "kwargs": named})
        if "unsupported" in answer:
            self._line.give_up(LiveObject(answer["unsupported"]))
        if answer.get("as_base"):
            self._line.is_exact = False
        if "raised" in answer:
            raise rebuilt(answer["raised"])
        try:
            for target, data in zip(args, answer.get("changed", ()), strict=False):
                _write_back(target, decode(data))
            if "opaque" in answer:
                return Opaque(self._line, str(answer["opaque"]))
            return decode(answer.get("result", {}))
        except UnsupportedError as error:
            self._line.give_up(LiveObject(f"result: {error}"))

    def __getattr__(self, name: str) -> NoReturn:
        self._line.give_up(LiveObject(f"{self._name}.{name}"))


class Opaque:
    """An answer that cannot travel. All that is known is that it equals no plain data.

    Were its own ``__eq__`` asked, it could say that it equals everything.
    """

    _line: Line
    _what: str

    def __init__(self, line: Line, what: str) -> None:
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "_what", what)

    def __eq__(self, other: object) -> bool:
        self._need_plain(other)
        return False

    def __ne__(self, other: object) -> bool:
        self._need_plain(other)
        return True

    def __repr__(self) -> str:
        return f"<{self._what}>"

    def _need_plain(self, other: object) -> None:
        try:
            encode(other)
        except UnsupportedError:
            self._give_up()

    def _give_up(self, *_: object, **__: object) -> Any:
        self._line.give_up(LiveObject(f"result: {self._what}"))

    # isinstance asks for it: what an object of the program's own is, only it knows.
    __class__ = property(_give_up)
    __getattr__ = _give_up
    __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = __hash__ = _give_up
    __call__ = __setattr__ = __next__ = __int__ = __float__ = __index__ = _give_up
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = _give_up
    __rsub__ = __mul__ = __rmul__ = __truediv__ = __abs__ = __round__ = _give_up
    __enter__ = __format__ = __str__ = _give_up


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


def _write_back(target: Any, value: Any) -> None:
    """Make an argument that the function changed in place look like it."""
    if type(target) is not type(value):
        return
    if isinstance(target, list | bytearray):
        target[:] = value
    elif isinstance(target, dict | set):
        target.clear()
        target.update(value)
    else:
        write_back(target, value)
