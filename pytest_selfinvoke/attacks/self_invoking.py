"""Family ``self_invoking``: what a problem shows of the function that is to be called.

Threat model: natural where the code is right, adversarial where a wrong helper stands
beside it. New here; self-invoking problems are those of arXiv 2412.21199, section 2.
Problems without a base function are not attacked.
"""

from __future__ import annotations

import ast
import random
from dataclasses import replace

from pytest_selfinvoke.attacks import syntax
from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, facts
from pytest_selfinvoke.attacks.insertion import body_indent
from pytest_selfinvoke.attacks.mutants import mutants
from pytest_selfinvoke.attacks.partial import with_base
from pytest_selfinvoke.attacks.renaming import rename
from pytest_selfinvoke.attacks.source import (
    Edit,
    docstring,
    edited,
    parse,
    without_docstring,
)
from pytest_selfinvoke.core.records import Part, Problem

_SOURCE = "this project; problems of arXiv 2412.21199, section 2"
_GIVEN = "self_invoking.base_given"
_PLAIN_NAMES = ("helper", "process", "step_one", "inner", "func")
_OTHER_VERSIONS = ("{}_fast", "{}_v2", "{}_alt", "{}_new", "simple_{}")
_PERTURBATIONS: tuple[Attack, ...] = (
    syntax.dead_code_first,
    syntax.for_to_while,
    syntax.operand_swap,
    syntax.rename_variables_naive,
)


@facts(threat="natural", source=_SOURCE)
def base_given(problem: Problem, rng: random.Random) -> Problem:
    """The base function is given with the reference body; only the target is asked."""
    return with_base(problem)


@facts(threat="natural", source=_SOURCE, nominal=_GIVEN)
def base_given_perturbed(problem: Problem, rng: random.Random) -> Problem:
    """The base function is given, changed by a ``syntax`` attack that applies."""
    given = with_base(problem)
    for attack in rng.sample(_PERTURBATIONS, len(_PERTURBATIONS)):
        try:
            return attack(given, rng)
        except NotApplicableError:
            continue
    raise NotApplicableError("no syntax attack applies to the base function")


@facts(threat="natural", source=_SOURCE, nominal=_GIVEN)
def base_undocumented(problem: Problem, rng: random.Random) -> Problem:
    """The base function is given without its docstring and comments: the code tells."""
    base = _base(problem)
    source = parse(base.reference)
    edits = [
        Edit(start=source.line_start(doc), end=source.line_after(doc), new="")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and (doc := docstring(node.body)) is not None
        and without_docstring(node.body)
        and source.indent(doc) is not None
    ]
    code, _ = edited(source.text, len(source.text), edits)
    lines = [line for line in code.split("\n") if not line.lstrip().startswith("#")]
    bare = "\n".join(lines).strip("\n")
    if ast.dump(parse(bare).tree) != ast.dump(parse(code).tree):
        raise NotApplicableError("a text of the base function holds a number sign")
    return with_base(problem, bare)


@facts(threat="natural", source=_SOURCE)
def base_renamed(problem: Problem, rng: random.Random) -> Problem:
    """The base function has a name that says nothing, wherever it is named."""
    base = _base(problem)
    [name] = parse(problem.reference).fresh(rng.choice(_PLAIN_NAMES))
    return rename(problem, {base.entry_point: name})


@facts(threat="natural", source=_SOURCE)
def order_swapped(problem: Problem, rng: random.Random) -> Problem:
    """The target stands above the base function, with ``...`` for a body."""
    base = _base(problem)
    target = problem.target
    # The signature is evaluated first now, and may need what the base has imported.
    stub = f"{target.prompt.strip()}\n{body_indent(target)}...\n"
    head = "".join(f"{line}\n" for line in _imports(base))
    return replace(
        problem,
        base=replace(base, prompt=f"{head}{stub}\n\n{base.prompt.strip()}\n"),
        # The reference defines the target anew, below the base function.
        target=replace(target, prompt="", solution=target.reference),
    )


@facts(threat="adversarial", source=_SOURCE)
def distractor_base(problem: Problem, rng: random.Random) -> Problem:
    """A helper that is almost the base function, and wrong, stands below it."""
    base = _base(problem)
    wrong = mutants(base, problem.wrong)
    if not wrong:
        raise NotApplicableError("no wrong version of the base function is known")
    wanted = rng.choice(_OTHER_VERSIONS).format(base.entry_point)
    [name] = parse(problem.reference).fresh(wanted)
    helper = rng.choice(wrong).replace(f"def {base.entry_point}", f"def {name}", 1)
    prompt = f"{helper.rstrip()}\n\n\n{problem.target.prompt.lstrip()}"
    return replace(problem, target=replace(problem.target, prompt=prompt))


def _imports(part: Part) -> list[str]:
    """The imports above a part's function."""
    source = parse(part.reference)
    return [
        source.segment(node)
        for node in source.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and source.start(node) < len(part.prompt)
    ]


def _base(problem: Problem) -> Part:
    if problem.base is None:
        raise NotApplicableError("the problem has no base function")
    return problem.base
