"""Users' own models: ``package.module:attr``.

``attr`` is an object with ``generate``, or a class or function that makes one from the
:class:`~pytest_selfinvoke.core.records.ModelSpec`. ``generate(requests)`` returns one
``str``, ``Completion`` or ``Failure`` per request. The object may have ``info`` (a
``ModelInfo``), ``max_batch`` (1 if it says nothing) and ``close()``.
"""

from __future__ import annotations

import importlib.util
import inspect
import symtable
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, ClassVar

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.models import BUILTIN
from pytest_selfinvoke.models.base import Failure, Request


class CustomKind:
    """Loads a user's model.

    :param reference: ``module:attr``.
    """

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True
    #: Whether engines may have ``routes`` (see :class:`HfEngine`).
    gives_routes: ClassVar[bool] = True

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def preflight(self, spec: ModelSpec) -> None:
        """Look for the module's top-level package, without importing anything.

        Of a module in a file of its own, the text is looked at.

        :raises UserError: if it is not there, cannot be compiled, or plainly does not
            have the attribute.
        """
        module, _, attribute = self._reference.partition(":")
        if not module or not attribute:
            raise UserError(
                f"model {spec.spec!r}: {self._reference!r} is not 'module:attr'"
            )
        top = module.partition(".")[0]
        # The server also looks in pytest's rootdir, which is here or above.
        here = [str(folder) for folder in (Path.cwd(), *Path.cwd().parents)]
        found = importlib.util.find_spec(top) or PathFinder.find_spec(top, here)
        if found is not None:
            if top == module and str(found.origin).endswith(".py"):
                _check_text(Path(str(found.origin)), attribute.partition(".")[0])
            return
        raise UserError(
            f"model {spec.spec!r}: no module named {top!r}, "
            f"and no such kind of model; kinds: {', '.join(sorted(BUILTIN))}"
        )

    def load(self, spec: ModelSpec) -> CustomEngine:
        """Import the module and make the model.

        :raises UserError: if what is there is no model and makes none.
        """
        attribute = resolve(self._reference)
        model = attribute
        if inspect.isclass(attribute) or not hasattr(attribute, "generate"):
            model = self._make(attribute, spec)
        if not callable(getattr(model, "generate", None)):
            raise UserError(
                f"{self._reference!r} gives a {type(model).__name__}, expected an "
                "object with generate(requests)"
            )
        return CustomEngine(model, self._reference, spec)

    def _make(self, factory: Any, spec: ModelSpec) -> Any:
        if not callable(factory):
            raise UserError(
                f"{self._reference!r} is a {type(factory).__name__}, expected an "
                "object with generate(requests), or a class or function that makes one"
            )
        try:
            inspect.signature(factory).bind(spec)
        except TypeError as error:
            raise UserError(
                f"{self._reference!r} must take one argument, the ModelSpec: {error}"
            ) from error
        return factory(spec)


def _check_text(file: Path, attribute: str) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        table = symtable.symtable(text, file.name, "exec")
    except OSError:
        return
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{file.name} cannot be compiled: {error}") from error
    names = {s.get_name() for s in table.get_symbols() if _is_bound(s)}
    is_dynamic = "import *" in text or "globals()" in text or "__getattr__" in names
    if attribute in names or is_dynamic:
        return
    close = get_close_matches(attribute, names, n=1)
    hint = f": did you mean {close[0]!r}?" if close else ""
    raise UserError(f"{file.name} has no {attribute!r}{hint}")


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


class CustomEngine:
    """Makes an engine of a user's object.

    ``routes`` is the object's own function from a request and the text of its answer to
    their ``Routes``, if it has one.

    :raises UserError: if ``info`` or ``max_batch`` are not what they should be.
    """

    def __init__(self, model: Any, reference: str, spec: ModelSpec) -> None:
        self._model = model
        self._reference = reference
        info = getattr(model, "info", None)
        if info is None:
            info = ModelInfo(name=spec.spec, engine="custom")
        if not isinstance(info, ModelInfo):
            raise UserError(
                f"{reference!r}: 'info' is a {type(info).__name__}, expected ModelInfo"
            )
        max_batch = getattr(model, "max_batch", 1)
        if type(max_batch) is not int or max_batch < 1:
            raise UserError(
                f"{reference!r}: 'max_batch' is {max_batch!r}, expected a positive int"
            )
        self.info = info
        self.routes = getattr(model, "routes", None)
        self.max_batch = max_batch

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order.

        :raises GenerationError: if the user's object returned something else.
        """
        answers = self._model.generate(list(requests))
        if not isinstance(answers, Sequence) or isinstance(answers, str):
            raise GenerationError(
                f"{self._reference!r}: generate returned a {type(answers).__name__}, "
                "expected a list with one str or Completion per request"
            )
        return [self._checked(answer) for answer in answers]

    def close(self) -> None:
        """Close the user's object, if it can be closed."""
        close = getattr(self._model, "close", None)
        if close is not None:
            close()

    def _checked(self, answer: object) -> Completion | Failure:
        if isinstance(answer, str):
            return Completion(text=answer)
        if isinstance(answer, Completion | Failure):
            return answer
        raise GenerationError(
            f"{self._reference!r}: generate returned a list with a "
            f"{type(answer).__name__}, expected str or Completion"
        )
