"""What a prompt style is: a named, hashed wording around the code of a problem."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pytest_selfinvoke.core.records import Problem, Prompt


@runtime_checkable
class PromptStyle(Protocol):
    """Puts a problem's code into words. Creating one costs nothing but its file."""

    @property
    def name(self) -> str:
        """How users ask for it."""

    @property
    def template_hash(self) -> str:
        """Content hash of the wording: prompts of equal hash differ in code only."""

    def render(self, prompt_code: str, problem: Problem) -> Prompt:
        """The prompt.

        :param prompt_code: the code to show; ``problem.prompt`` unless it was changed.
        :param problem: names the functions, and tells base and target apart.
        """


def trimmed(code: str) -> str:
    """The code without blanks around it, but with the empty lines that it ends in.

    An attack may add some; the one line end that every prompt has is left out.
    """
    code = code.lstrip("\n")
    end = code[len(code.rstrip()) :]
    return code.rstrip() + "\n" * (end.count("\n") - 1)
