"""A model that does what the first word of a prompt says; imported by the server."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models.base import Failure, Request


def hang(sign: str) -> None:
    """Make a file, to say so, and do nothing any more."""
    Path(sign).touch()
    time.sleep(600)


class Obedient:
    """Without an order it answers with the keys of the batch."""

    def __init__(self, spec: ModelSpec) -> None:
        trouble = spec.options.get("load")
        if trouble == "refuse":
            raise UserError("no weights in /weights: download them")
        if trouble == "crash":
            raise ValueError("weights\nbroken")
        if trouble == "hang":
            hang(spec.options["sign"])
        self.max_batch = spec.options.get("max_batch", 1)

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        keys = " ".join(request.key for request in requests)
        return [self.obey(request.prompt.text, keys) for request in requests]

    def obey(self, text: str, keys: str) -> Completion | Failure:
        order, _, argument = text.partition(" ")
        if order == "wait":
            while not Path(argument).exists():
                time.sleep(0.002)
        elif order == "once":
            # Hangs where it is the first to see the sign, and waits for a go.
            sign, go = map(Path, argument.split())
            if not sign.exists():
                hang(str(sign))
            while not go.exists():
                time.sleep(0.002)
        elif order == "hang":
            hang(argument)
        elif order == "raise":
            raise ValueError(argument)
        elif order == "exit":
            sys.exit(3)
        elif order == "fail":
            return Failure(reason=argument)
        elif order == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order == "echo":
            return Completion(text=argument)
        elif order == "environ":
            return Completion(text=os.environ[argument])
        elif order == "cwd":
            return Completion(text=str(Path.cwd()))
        elif order == "read":
            return Completion(text=repr(sys.stdin.read()))
        return Completion(text=keys, completion_tokens=2)
