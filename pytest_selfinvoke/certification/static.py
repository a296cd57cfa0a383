"""What can be said of a variant without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_selfinvoke.certification.normal import parsed
from pytest_selfinvoke.core.records import Part, Problem

#: Families that change what is read, not how it is laid out.
_WORDED = frozenset(
    {
        "context",
        "docstring",
        "function_name",
        "injection",
        "misleading",
        "self_invoking",
        "syntax",
    }
)
_BLANKS = str.maketrans("", "", " \t\n\r\f\v")


def changes_layout(attack: str) -> bool:
    """Whether blanks alone make a difference for an attack.

    Not for the families that come with the package, ``format`` and
    ``docstring.whitespace`` excepted. A user's attack may be about anything.
    """
    return any(
        step.partition(".")[0] not in _WORDED or "whitespace" in step
        for step in attack.split("+")
    )


def is_inert(nominal: Problem, attacked: Problem, *, layout: bool) -> bool:
    """Whether the prompt is the nominal one, blanks aside unless ``layout``.

    Blanks are space, tab, line ends, form feed and vertical tab: characters that only
    look like them (as an attack by unicode uses) are text.
    """
    if nominal.prompt == attacked.prompt:
        return True
    if layout:
        return False
    return nominal.prompt.translate(_BLANKS) == attacked.prompt.translate(_BLANKS)


def flaw(nominal: Problem, attacked: Problem) -> str:
    """Why no program can be right that begins with the attacked prompt; or nothing.

    - The prompt parses, as far as it goes, where the nominal one does.
    - It names every function to be written that the nominal prompt names.
    - Prompt and reference solution together compile.
    - They define every function to be written.
    """
    for part in _parts(attacked):
        error = _prompt_error(part.prompt)
        if error and not any(_prompt_error(p.prompt) for p in _parts(nominal)):
            return f"the prompt does not parse: {error}"
    names = zip(
        reversed(nominal.entry_points), reversed(attacked.entry_points), strict=False
    )
    for before, now in names:
        if _names(before, nominal.prompt) and not _names(now, attacked.prompt):
            return f"the prompt does not name {now}"
    try:
        tree = parsed(attacked.reference)
    except SyntaxError as error:
        return f"prompt and reference solution do not compile: {_said(error)}"
    missing = set(attacked.entry_points) - set(_defined(tree))
    if missing:
        return f"the reference does not define {', '.join(sorted(missing))}"
    return ""


def _parts(problem: Problem) -> tuple[Part, ...]:
    base = () if problem.base is None else (problem.base,)
    return (*base, problem.target)


@lru_cache(maxsize=4096)
def _prompt_error(prompt: str) -> str:
    """What is wrong with code that may end before the body of a function."""
    text = prompt.rstrip()
    line = text[text.rfind("\n") + 1 :]
    indent = line[: len(line) - len(line.lstrip())]
    # It ends with a docstring or a statement, with a comment, or with a signature.
    endings = ["", f"\n{indent}pass\n", f"\n{indent}    pass\n", f"\n{indent}\tpass\n"]
    if line.endswith(":"):
        endings = endings[2:]
    problem = ""
    for ending in endings:
        try:
            parsed(f"{text}{ending}")
        except SyntaxError as error:
            problem = problem or _said(error)
        else:
            return ""
    return problem


def _said(error: SyntaxError) -> str:
    """The message without the line, so that equal reasons can be counted."""
    return error.msg.partition(" (detected at line")[0]


def _names(name: str, prompt: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prompt) is not None


def _defined(tree: ast.Module) -> Iterator[str]:
    """The names that a program binds outside of functions and classes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.stmt() | ast.Module() | ast.ExceptHandler():
                waiting += ast.iter_child_nodes(node)
            case _:
                pass
