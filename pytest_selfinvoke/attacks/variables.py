"""Rename a local variable in all of a function, or not at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.partial import Given
from pytest_selfinvoke.attacks.source import (
    Edit,
    FunctionNode,
    Source,
    bound,
    bound_names,
    docstring,
    functions_before,
    own_nodes,
    parse,
)
from pytest_selfinvoke.core.records import Problem

#: They find variables by name.
_BY_NAME = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "_getframe", "format_map"}
)
_WORD = re.compile(r"\w+")


def rename_variable(given: Given, new: str) -> Problem:
    """The problem with its most frequent given variable renamed in its function.

    All identifiers of that name in the function are renamed together, those of nested
    namespaces too: their bindings stay as they are. Left alone are names that something
    else may use: arguments that a call or the prose names, names in f-strings, in
    annotations and defaults, of exceptions, imports, functions, ``global`` statements
    and ``match`` patterns.

    :raises NotApplicableError: if there is no variable that can be renamed.
    """
    if given.source.names & _BY_NAME:
        raise NotApplicableError("the code reads its own variables by name")
    name, places = _most_frequent(given.source.text, given.cut, given.tests)
    if not places:
        raise NotApplicableError("no variable that can be renamed is given")
    [fresh] = given.source.fresh(new)
    return given.rewritten(
        Edit(start=place, end=place + len(name), new=fresh) for place in places
    )


@lru_cache(maxsize=1024)
def _most_frequent(text: str, cut: int, tests: str) -> tuple[str, tuple[int, ...]]:
    """The variable and its places; the first of equally frequent ones."""
    source, most = parse(text), 0
    best: tuple[str, tuple[int, ...]] = ("", ())
    for function in functions_before(source, cut):
        fixed = _fixed(source, function, tests)
        for name, places in _places(source, function).items():
            count = sum(place < cut for place in places)
            is_fixed = name in fixed or name.startswith("__") or name == "_"
            if count > most and not is_fixed:
                best, most = (name, tuple(places)), count
    return best


def _places(source: Source, function: FunctionNode) -> dict[str, list[int]]:
    """Local name -> where it stands, ordered by first occurrence."""
    local = bound_names(function)
    found: dict[str, list[int]] = {}
    for node in sorted(_identifiers(function), key=source.start):
        name = node.id if isinstance(node, ast.Name) else node.arg
        if name in local:
            found.setdefault(name, []).append(source.start(node))
    return found


def _identifiers(function: FunctionNode) -> Iterator[ast.Name | ast.arg]:
    for part in (*_arguments(function), *function.body):
        for node in ast.walk(part):
            if isinstance(node, ast.Name | ast.arg):
                yield node


def _arguments(function: FunctionNode) -> Iterator[ast.arg]:
    for node in ast.iter_child_nodes(function.args):
        if isinstance(node, ast.arg):
            yield node


def _fixed(source: Source, function: FunctionNode, tests: str) -> set[str]:
    """The names that must stay."""
    fixed: set[str] = set()
    outside = [*function.decorator_list, function.args]
    for part in [*outside, *([function.returns] if function.returns else [])]:
        fixed.update(n.id for n in ast.walk(part) if isinstance(n, ast.Name))
    for node in ast.walk(function):
        match node:
            case ast.JoinedStr():
                fixed.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                fixed.update(names)
            case ast.ExceptHandler(name=str(name)):
                fixed.add(name)
            case ast.alias(name=name, asname=asname):
                fixed.add(asname or name.partition(".")[0])
            case ast.ClassDef(name=name, body=body):
                # What a class body binds are attributes, found by name.
                own = ast.Module(body=body, type_ignores=[])
                fixed.update({name}, bound(own_nodes(own)))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                fixed.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                fixed.add(name)
            case ast.MatchMapping(rest=str(name)):
                fixed.add(name)
    return fixed | _named_arguments(source, function, tests)


def _named_arguments(source: Source, function: FunctionNode, tests: str) -> set[str]:
    """Arguments that a call passes by name or that the words of the prompt mention."""
    doc = docstring(function.body)
    words = "" if doc is None else source.segment(doc)
    comments = [line for line in source.lines if line.lstrip().startswith("#")]
    said = set(_WORD.findall("\n".join([words, *comments])))
    called = {
        node.arg
        for tree in (source.tree, parse(tests).tree)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg
    }
    arguments = {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
    return arguments & (said | called)
