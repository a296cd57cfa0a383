"""The prompt for models that follow instructions."""

from __future__ import annotations

import re
from string import Template

from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Message, Problem, Prompt
from pytest_selfinvoke.prompts.base import trimmed

SYSTEM = "You write correct Python programs. You answer with code only."
USER = Template(
    """\
Complete this Python code:

${fence}python
$code
$fence

Answer with one Python code block that holds the complete program:
- Define $functions. Do not change names or parameters.
- Put all imports at the top.
- Write no docstrings, no tests, no examples and no explanations.
"""
)
AND = " and "
CALL = Template("- `$target` must call `$base`.\n")
_BACKTICKS = re.compile(r"`{3,}")


class ChatStyle:
    """A system turn and a user turn that asks for one code block."""

    name = "chat"
    template_hash = content_hash([SYSTEM, USER.template, AND, CALL.template])

    def render(self, prompt_code: str, problem: Problem) -> Prompt:
        """The prompt: the whole code in a fence, then what the answer has to be."""
        user = USER.substitute(
            fence=_fence(prompt_code),
            code=trimmed(prompt_code),
            functions=AND.join(f"`{n}`" for n in problem.entry_points),
        )
        if problem.base is not None:
            user += CALL.substitute(
                target=problem.target.entry_point, base=problem.base.entry_point
            )
        return Prompt(
            style=self.name,
            messages=(
                Message(role="system", content=SYSTEM),
                Message(role="user", content=user.rstrip()),
            ),
            template_hash=self.template_hash,
        )


def _fence(code: str) -> str:
    """A fence that no line of the code closes."""
    longest = max(map(len, _BACKTICKS.findall(code)), default=2)
    return "`" * (longest + 1)
