from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.core.errors import GenerationError, NotJudgedError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import (
    CLEAN,
    Case,
    Completion,
    ModelInfo,
    ModelSpec,
    Part,
    Problem,
    Sampling,
    Variant,
)
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.evaluation import Asking, Services, evaluate
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.custom import CustomKind
from pytest_selfinvoke.reproduction import Reproduction, reproduce
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits

PROBLEM = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="add",
        prompt='def add(a, b):\n    """Add the first number to the second number."""\n',
        solution="    return a + b",
        tests="assert add(1, 2) == 3",
    ),
)
ATTACKED = Variant(attack="mine")
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"


@dataclass
class Model:
    """Answers by what stands in the prompt."""

    answer: Callable[[str], str]
    chat: bool = True
    requests: list[Request] = field(default_factory=list)

    def info(self, label: str) -> ModelInfo:
        return ModelInfo(name=label, engine="x", chat_template=self.chat)

    def generate(self, label: str, request: Request) -> Completion:
        self.requests.append(request)
        return Completion(text=self.answer(request.prompt.shown()))


class Sandbox:
    """Holds what subtracts for wrong."""

    def run(self, job: Job) -> Execution:
        is_wrong = "a - b" in job.program
        return Execution(
            verdict=Verdict.WRONG_ANSWER if is_wrong else Verdict.SOLVED,
        )


def services(model: Model, attack: Callable[[str], str], **names: str) -> Services:
    def changed(problem: Problem, rng: Any) -> Problem:
        target = replace(problem.target, prompt=attack(problem.target.prompt), **names)
        return replace(problem, target=target)

    attacks: Registry[Any] = Registry("attack", {"clean": BUILTIN["clean"]})
    attacks.add("mine", changed)
    asking = Asking(
        generator=model,
        attacks=attacks,
        models={"m": ModelSpec(spec="x:y", label="m")},
        kind=lambda spec: CustomKind("x:y"),
        sampling=Sampling(temperature=0.5),
    )
    return Services(asking=asking, executor=Sandbox(), limits=Limits())


def case(variant: Variant) -> Case:
    return Case(
        benchmark="b",
        problem="p",
        model="m",
        variant=variant,
        style="",
        sample=0,
        seed=0,
        name=variant.id,
    )


def shrunk(tools: Services, *, probes: int = 40) -> tuple[Record, Reproduction]:
    broken = evaluate(case(ATTACKED), PROBLEM, tools)
    assert evaluate(case(CLEAN), PROBLEM, tools).solved
    assert broken.judged
    assert not broken.solved
    found = reproduce(
        broken, case(ATTACKED), case(CLEAN), PROBLEM, tools, probes=probes
    )
    return broken, found


def typos(code: str) -> str:
    for old, new in (("Add", "Ad"), ("first", "frist"), ("second", "sceond")):
        code = code.replace(old, new)
    return code


def frail(prompt: str) -> str:
    return WRONG if "frist" in prompt else RIGHT


@pytest.mark.parametrize("chat", [True, False])
def test_the_word_that_breaks_is_found(chat: bool) -> None:
    model = Model(frail, chat=chat)
    _, found = shrunk(services(model, typos))
    assert (found.kept, found.total, found.is_minimal) == (1, 3, True)
    assert "+" + '    """Add the frist number to the second number."""' in found.diff
    assert "sceond" not in found.record.prompt
    assert found.record.verdict is Verdict.WRONG_ANSWER
    assert found.record.program is not None
    assert "a - b" in found.record.program
    assert found.tests == PROBLEM.target.tests


def test_probes_ask_as_the_case_did() -> None:
    model = Model(frail)
    _, found = shrunk(services(model, typos))
    broken, _, *probes = model.requests
    assert len(probes) == found.probes > 0
    for request in probes:
        assert replace(request, prompt=broken.prompt) == broken


def test_a_prefix_is_what_the_model_continues() -> None:
    model = Model(frail, chat=False)
    shrunk(services(model, typos))
    for request in model.requests:
        assert request.prompt.prefix == request.prompt.text


def test_without_probes_the_case_stays_as_it_is() -> None:
    broken, found = shrunk(services(Model(frail), typos), probes=0)
    assert found.record == broken
    assert (found.kept, found.probes, found.is_minimal) == (3, 0, False)


def test_lines_that_came_in_are_tried_one_by_one() -> None:
    def lines(code: str) -> str:
        return f"# one\n# two\n# bad\n# four\n{code}"

    model = Model(lambda prompt: WRONG if "# bad" in prompt else RIGHT)
    _, found = shrunk(services(model, lines))
    assert [x for x in found.diff.splitlines()[2:] if x[0] in "+-"] == ["+# bad"]


def test_a_name_half_changed_is_no_verdict() -> None:
    # The model defines what it is shown, and is thrown off by the other word alone.
    def rename(code: str) -> str:
        return code.replace("def add", "def plus").replace("first", "frist")

    def answer(prompt: str) -> str:
        name = "plus" if "def plus" in prompt else "add"
        return frail(prompt).replace("add", name)

    tests = "assert plus(1, 2) == 3"
    tools = services(Model(answer), rename, entry_point="plus", tests=tests)
    _, found = shrunk(tools)
    # Without the signature's change there would be no `plus` for the tests to call.
    assert "+def plus(a, b):" in found.diff
    assert "frist" in found.diff
    assert found.record.verdict is Verdict.WRONG_ANSWER
    assert found.tests == tests


def test_no_code_at_all_is_a_verdict() -> None:
    model = Model(lambda prompt: "No." if "frist" in prompt else RIGHT)
    _, found = shrunk(services(model, typos))
    assert (found.kept, found.record.verdict) == (1, Verdict.NO_CODE)


def test_equal_prompts_are_not_the_attacks_doing() -> None:
    tools = services(Model(frail), typos)
    broken = evaluate(case(ATTACKED), PROBLEM, tools)
    with pytest.raises(NotJudgedError, match="the two prompts are equal"):
        reproduce(broken, case(CLEAN), case(CLEAN), PROBLEM, tools, probes=9)


def test_embeddings_that_moved_have_no_text_to_shrink() -> None:
    class Gradients(CustomKind):
        has_gradients = True

    tools = services(Model(frail), typos)
    tools.asking.attacks.add("gradient.fgsm", resolve(BUILTIN["gradient.fgsm"]))
    asking = replace(tools.asking, kind=lambda spec: Gradients("x:y"))
    moved, tools = case(Variant(attack="gradient.fgsm")), replace(tools, asking=asking)
    broken = evaluate(moved, PROBLEM, tools)
    with pytest.raises(NotJudgedError, match="the attack moves embeddings"):
        reproduce(broken, moved, case(CLEAN), PROBLEM, tools, probes=9)


def test_a_model_that_fails_is_not_a_flip() -> None:
    model = Model(frail)
    tools = services(model, typos)
    broken = evaluate(case(ATTACKED), PROBLEM, tools)

    def gone(prompt: str) -> str:
        raise GenerationError("the server died")

    model.answer = gone
    with pytest.raises(GenerationError, match="the server died"):
        reproduce(broken, case(ATTACKED), case(CLEAN), PROBLEM, tools, probes=9)
