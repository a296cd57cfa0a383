"""Fixtures for a team's own tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError
from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.evaluation import Asked, judge, new_record, take_apart
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.plugin._private import skip_at_item
from pytest_selfinvoke.plugin.items import note
from pytest_selfinvoke.plugin.parametrize import FIXTURE, BoundCase
from pytest_selfinvoke.plugin.runtime import FIXTURE_MODEL, Runtime
from pytest_selfinvoke.plugin.stash import RUNTIME


class AnyModel(Protocol):
    """What ``selfinvoke_model`` may be: anything with this method.

    An attribute ``info`` (a :class:`ModelInfo`) is used where there is one.
    """

    def generate(self, request: Request) -> str | Completion:
        """The model's answer to ``request.prompt``."""


class ServedModel:
    """The models of ``--model``, asked through the session's generation server."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def info_of(self, label: str) -> ModelInfo:
        """What is known of one of the models."""
        return self._runtime.client().info(label)

    def generate(self, request: Request) -> Completion:
        """One completion of the model that the request's case names."""
        if not isinstance(request, Request):
            pytest.fail(
                "selfinvoke_model.generate takes a request, say "
                f"{FIXTURE}.request, not {type(request).__name__}",
                pytrace=False,
            )
        label = str(request.case["model"])
        if label == FIXTURE_MODEL.label:
            pytest.fail(
                "give --model, or override the selfinvoke_model fixture", pytrace=False
            )
        return self._runtime.client().generate(label, request)


class _FixtureGenerator:
    """A user's model in the place of the generation server."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def info(self, label: str) -> ModelInfo:
        """What the fixture says of itself; nothing is assumed."""
        if isinstance(self._model, ServedModel) and label != FIXTURE_MODEL.label:
            return self._model.info_of(label)
        info = getattr(self._model, "info", None)
        if isinstance(info, ModelInfo):
            return info
        return ModelInfo(name=label, engine="fixture")

    def generate(self, label: str, request: Request) -> Completion:
        """The fixture's answer."""
        return as_completion(self._model.generate(request))


@pytest.fixture(scope="session")
def selfinvoke_model(request: pytest.FixtureRequest) -> AnyModel:
    """The model under test; override it in a conftest with one of your own.

    Anything with ``generate(request) -> str | Completion`` will do; ``request.prompt``
    has ``messages`` (chat) or ``text``, ``request.sampling`` says how to draw.
    """
    return ServedModel(request.config.stash[RUNTIME])


@pytest.fixture
def selfinvoke_case(
    request: pytest.FixtureRequest, selfinvoke_model: AnyModel
) -> Asked:
    """One case of the test's ``selfinvoke`` mark, with its prompt and request.

    Skips the test where the attack does not apply to the problem.
    """
    bound: BoundCase = request.param
    runtime = request.config.stash[RUNTIME]
    asking = runtime.asking(bound.plan, _FixtureGenerator(selfinvoke_model))
    case = replace(bound.case, suite=request.node.nodeid.partition("[")[0])
    record = Record(case=case.to_json(), status=Status.ERROR)
    try:
        return asking.ask(case, bound.problem)
    except NotApplicableError as error:
        skipped = replace(record, status=Status.SKIPPED, detail=str(error))
        note(request.node, skipped)
        raise skip_at_item(str(error)) from None
    except SelfInvokeError as error:
        note(request.node, replace(record, detail=str(error)))
        message = f"could not be judged: {error}"
        raise pytest.fail.Exception(message, pytrace=False) from None


@pytest.fixture
def selfinvoke_run(
    request: pytest.FixtureRequest,
) -> Callable[[Asked, str | Completion], Record]:
    """Run an answer against the tests of its case: ``selfinvoke_run(case, answer)``.

    Returns the record (``solved``, ``verdict``, ``detail``, ``program``, ...), which is
    also written and counted like that of any other case.
    """
    runtime = request.config.stash[RUNTIME]
    if FIXTURE not in request.fixturenames:
        pytest.fail(f"selfinvoke_run needs the fixture {FIXTURE}", pytrace=False)
    bound: BoundCase = request.node.callspec.params[FIXTURE]

    def run(asked: Asked, answer: str | Completion) -> Record:
        completion = as_completion(answer)
        services = runtime.services(bound.plan, _FixtureGenerator(None))
        record = replace(new_record(asked), completion=completion.to_json())
        record = judge(record, asked, completion, services)
        record = take_apart(record, asked, completion, services)
        note(request.node, record)
        return record

    return run


def as_completion(answer: object) -> Completion:
    """A model's answer in one form.

    :raises GenerationError: if it is neither text nor a completion.
    """
    if isinstance(answer, Completion):
        return answer
    if isinstance(answer, str):
        return Completion(text=answer)
    raise GenerationError(
        f"the model returned {type(answer).__name__}, expected str or Completion"
    )
