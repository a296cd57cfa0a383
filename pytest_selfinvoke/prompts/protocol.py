"""The settings of the paper on self-invoking generation, in words of our own.

Its protocol (arXiv 2412.21199, section 4) asks base and instruction-tuned models alike,
without a chat template: an instruction with the code, then the beginning of the answer.
In the 0-shot setting the answer begins with the code of the base problem, with chain of
thought it begins with a sentence that calls for reasoning, and the 1-shot setting also
shows a test. For the letter of it there is ``template:FILE``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from string import Template

from pytest_selfinvoke.core.assertions import assertions, parsed_tests, with_only
from pytest_selfinvoke.core.errors import NotApplicableError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Problem, Prompt
from pytest_selfinvoke.prompts.base import trimmed

_TASK = Template(
    """\
### Task
Write the Python functions $functions. $calls
```python
$code
```
$example
### Answer
$begin"""
)
_CALLS = Template("`$target` is to be solved with the help of `$base`.\n")
_EXAMPLE = Template("\nThis has to hold:\n```python\n$test\n```\n")
_REASON = "Before the code, I go through the task step by step.\n"
_STOP = ("\n### Task",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolStyle:
    """One of the settings.

    :param shots: tests shown, 0 or 1.
    :param reasons: whether the answer begins with reasoning.
    :param grades_shown: whether the test that is shown is one of those that grade.
    """

    name: str
    shots: int = 0
    reasons: bool = False
    grades_shown: bool = True

    #: The answer is judged twice, as it stands and cleaned, and both are recorded.
    keeps_raw = True

    @property
    def template_hash(self) -> str:
        """Of the wording and of what the setting does with it."""
        wording = [t.template for t in (_TASK, _CALLS, _EXAMPLE)]
        setting = [self.shots, self.reasons, self.grades_shown]
        return content_hash([*wording, _REASON, *setting])

    @property
    def warning(self) -> str:
        """What the reader of the results has to know; empty where there is nothing."""
        if self.shots and self.grades_shown:
            return (
                f"{self.name} shows a test that also grades the answer, as in the "
                "paper; one-shot-held-out grades without it"
            )
        return ""

    def graded(self, problem: Problem) -> Problem:
        """The problem as it is judged: without the shown test, if that is held out.

        :raises NotApplicableError: if no other test is left.
        """
        if not self.shots or self.grades_shown:
            return problem
        left = without_first(problem.target.tests)
        if left is None:
            raise NotApplicableError("its only test is shown: none is left to grade by")
        return replace(problem, target=replace(problem.target, tests=left))

    def render(self, prompt_code: str, problem: Problem) -> Prompt:
        """The prompt; it ends with the code that the answer begins with, if any.

        :raises NotApplicableError: if a test is to be shown and there is none.
        """
        base = problem.base
        example = ""
        if self.shots:
            test = first_test(problem.target.tests, problem.target.entry_point)
            example = _EXAMPLE.substitute(test=test)
        prefix = ""
        if not self.reasons:
            shown = prompt_code if base is None else base.prompt
            prefix = f"{trimmed(shown)}\n"
        text = _TASK.substitute(
            functions=" and ".join(f"`{name}`" for name in problem.entry_points),
            calls=""
            if base is None
            else _CALLS.substitute(
                target=problem.target.entry_point, base=base.entry_point
            ),
            code=trimmed(prompt_code),
            example=example,
            begin=_REASON if self.reasons else f"```python\n{prefix}",
        )
        return Prompt(
            style=self.name,
            text=text,
            prefix=prefix,
            stop=_STOP if self.reasons else ("\n```", *_STOP),
            template_hash=self.template_hash,
        )


def zero_shot() -> ProtocolStyle:
    """The code and how the answer begins."""
    return ProtocolStyle(name="zero-shot")


def one_shot() -> ProtocolStyle:
    """With one of the tests that grade."""
    return ProtocolStyle(name="one-shot", shots=1)


def one_shot_held_out() -> ProtocolStyle:
    """With a test that is then left out of grading."""
    return ProtocolStyle(name="one-shot-held-out", shots=1, grades_shown=False)


def chain_of_thought() -> ProtocolStyle:
    """The answer begins with reasoning."""
    return ProtocolStyle(name="chain-of-thought", reasons=True)


def first_test(tests: str, entry_point: str) -> str:
    """The first assertion, of the function by its own name.

    :raises NotApplicableError: if there is none.
    """
    found = assertions(parsed_tests(tests))
    if not found:
        raise NotApplicableError("there is no test that could be shown")
    return ast.unparse(_Named(entry_point).visit(found[0]))


def without_first(tests: str) -> str | None:
    """The tests without their first assertion; ``None`` if no other is left."""
    if len(assertions(parsed_tests(tests))) < 2:
        return None
    return with_only(tests, lambda i: i > 0)


class _Named(ast.NodeTransformer):
    """Writes the function's name for ``candidate``, as HumanEval's tests call it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        is_candidate = node.id == "candidate"
        return ast.Name(self._name, node.ctx) if is_candidate else node
