"""The prompt for base models: code that the model goes on writing."""

from __future__ import annotations

from string import Template

from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.prompts.base import trimmed

#: A right answer never holds these: both can only come after its last function, but for
#: a text inside of a function that has such a line flush left.
STOP = ("\nif __name__", "\n```")
#: A plain problem is solved when its function ends, and these can only come after it.
#: Between a base function and the function that calls it they may stand.
STOP_AFTER_ONE = ("\nprint(", "\nassert ")
ANNOUNCEMENT = Template(
    """\
# This module defines two functions.
#
# 1. $base
# 2. $target, which calls $base:
#
$task

"""
)
COMMENT = "#    "


class CompletionStyle:
    """Ends where the body of the first function begins.

    A plain problem is its own prompt. Of a self-invoking problem the target function is
    announced in comments, so that the code can end with the base function's signature:
    the model writes that body and then the function that was announced.
    """

    name = "completion"
    template_hash = content_hash([ANNOUNCEMENT.template, COMMENT, STOP, STOP_AFTER_ONE])

    def render(self, prompt_code: str, problem: Problem) -> Prompt:
        """The prompt; all of it is code, so that all of it is the answer's prefix."""
        base = problem.base
        code = prompt_code if base is None else _announced(prompt_code, problem, base)
        text = f"{trimmed(code)}\n"
        return Prompt(
            style=self.name,
            text=text,
            prefix=text,
            stop=STOP if base else (*STOP, *STOP_AFTER_ONE),
            template_hash=self.template_hash,
        )


def _announced(prompt_code: str, problem: Problem, base: Part) -> str:
    # Code that is not made of the problem's parts is announced as a whole, so that
    # nothing of it is kept from the model.
    is_split = prompt_code == problem.prompt
    task = problem.target.prompt if is_split else prompt_code
    head = ANNOUNCEMENT.substitute(
        base=base.entry_point,
        target=problem.target.entry_point,
        task="\n".join(_comment(line) for line in task.strip().split("\n")),
    )
    return head + base.prompt.strip("\n")


def _comment(line: str) -> str:
    """The line as a comment; a comment in code becomes plain words."""
    words = line.removeprefix("#").removeprefix(" ") if line[:1] == "#" else line
    return f"{COMMENT}{words}".rstrip()
