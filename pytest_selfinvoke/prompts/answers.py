"""The answer whose likelihood an attack lowers: the reference solution, as code only.

Docstrings and comments are left out of it: the prompts ask for none, and an attack on
a docstring would gain most by making its own copy unlikely.
"""

from __future__ import annotations

import ast
import textwrap

from pytest_selfinvoke.core.records import Part, Problem, Prompt


def reference_answer(problem: Problem, prompt: Prompt) -> str:
    """What a model would say that solves the problem, after a prompt.

    After a prompt that begins the program (``prefix``), its continuation: the body of
    the first function, then the others. Else the whole program, in a chat as a fenced
    block.
    """
    parts = [problem.target] if problem.base is None else [problem.base, problem.target]
    codes = [_plain(part.reference) for part in parts]
    if prompt.prefix:
        codes[0] = _body(parts[0])
    code = "\n\n\n".join(codes)
    return f"```python\n{code}\n```" if prompt.is_chat else f"{code}\n"


def _body(part: Part) -> str:
    """The body as it follows the prompt, without comments where they can be parted."""
    body = part.solution.strip("\n").rstrip()
    indent = body[: len(body) - len(body.lstrip())]
    try:
        plain = ast.unparse(ast.parse(textwrap.dedent(body)))
    except SyntaxError:
        # A block that the prompt has opened goes on, or it returns outside a function.
        return body
    return textwrap.indent(plain, indent)


def _plain(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
