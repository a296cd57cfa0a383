from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import (
    Completion,
    Message,
    ModelSpec,
    Prompt,
    Sampling,
)
from pytest_selfinvoke.extraction import extract
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.scripted import OracleKind, StubKind

REFERENCE = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(f(x))\n"
STUB = "def f(x):\n    '''Add one.'''\n"


def request(**fields: Any) -> Request:
    fields.setdefault("prompt", Prompt(style="completion", text="?"))
    return Request(key="k", sampling=Sampling(), **fields)


def answer(kind: ModelKind, asked: Request) -> Completion | Failure:
    engine = kind.load(ModelSpec(spec="x", label="x"))
    [given] = engine.generate([asked])
    engine.close()
    return given


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(style="chat", messages=(Message(role="user", content=STUB),)),
        Prompt(style="completion", text=STUB, prefix=STUB),
        Prompt(
            style="prefilled",
            messages=(Message(role="assistant", content="Here:\n```python\n"),),
            prefix="Here:\n```python\n",
        ),
        Prompt(style="completion", text="Sure:", prefix="Sure:"),
    ],
    ids=lambda prompt: prompt.prefix[:6],
)
def test_the_reference_is_extracted_from_the_oracles_answer(prompt: Prompt) -> None:
    given = answer(OracleKind(), request(prompt=prompt, reference=REFERENCE))
    assert isinstance(given, Completion)
    extracted = extract(
        given.text,
        entry_points=("f", "g"),
        prompt_code=STUB,
        prefix=prompt.prefix,
        finish_reason=given.finish_reason,
    )
    assert extracted.program is not None
    space: dict[str, Any] = {}
    exec(extracted.program, space)  # our own text, no model's
    assert space["g"](1) == 3


def test_the_oracle_without_a_reference_does_not_invent_one() -> None:
    assert OracleKind.needs_reference
    given = answer(OracleKind(), request())
    assert given == Failure(reason="k: the oracle was given no reference")


def test_the_stub_defines_everything_and_is_never_right() -> None:
    asked = request(case={"entry_points": ["f", "g"]})
    given = answer(StubKind(), asked)
    assert isinstance(given, Completion)
    space: dict[str, Any] = {}
    exec(given.text.removeprefix("```python\n").removesuffix("```\n"), space)
    assert space["f"](1, x=2) not in (None, 0, 1, "", [], {}, True)
    assert space["g"]() != space["g"]()


def test_the_stub_without_names_says_so() -> None:
    assert answer(StubKind(), request()) == Failure(
        reason="k: the stub was given no function names"
    )


@pytest.mark.parametrize("kind", [OracleKind(), StubKind()])
def test_scripted_models_take_no_argument(kind: ModelKind) -> None:
    kind.preflight(ModelSpec(spec="oracle", label="o"))
    with pytest.raises(UserError, match="write 'oracle' alone"):
        kind.preflight(ModelSpec(spec="oracle:x", label="o"))


def test_scripted_models_are_not_planned_ahead() -> None:
    assert not OracleKind.plans_ahead
    assert not StubKind.plans_ahead
    assert isinstance(OracleKind(), ModelKind)
    assert isinstance(StubKind(), ModelKind)
