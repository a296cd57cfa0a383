from __future__ import annotations

import ast

import pytest

from pytest_selfinvoke.extraction import statements


def node(source: str) -> ast.stmt:
    return ast.parse(source).body[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    '''Doc.'''", True),
        ("def f():\n    pass", True),
        ("async def f(): ...", True),
        ("def f():\n    raise NotImplementedError('later')", True),
        ("def f():\n    raise ValueError", False),
        ("def f():\n    return None", False),
        ("class C: pass", False),
        ("f = None", False),
    ],
)
def test_stubs(source: str, expected: bool) -> None:
    assert statements.is_stub(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): return 1", True),
        ("class f: pass", True),
        ("f = lambda: 1", True),
        ("f: int = 1", True),
        ("f: int", False),
        ("from math import gcd as f", True),
        ("from solution import f", False),
        ("from . import f", False),
        ("import f", False),
        ("for f in x: pass", False),
    ],
)
def test_what_can_define(source: str, expected: bool) -> None:
    assert statements.can_define(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if __name__ == '__main__': f()", True),
        ("if '__main__' == __name__: f()", True),
        ("if name: f()", False),
        ("f()", False),
    ],
)
def test_main_guards(source: str, expected: bool) -> None:
    assert statements.is_main_guard(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sys.setrecursionlimit(10 ** 6)", True),
        ("setrecursionlimit(9)", True),
        ("sys.exit()", False),
        ("x = 1", False),
    ],
)
def test_settings(source: str, expected: bool) -> None:
    assert statements.is_setting(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Sure", True),
        ("Note: this", True),
        ("'text'", True),
        ("f(x)", False),
        ("yield x", False),
        ("x: int = 1", False),
        ("x = 1", False),
    ],
)
def test_prose(source: str, expected: bool) -> None:
    assert statements.is_prose(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return x", True),
        ("for x in y:\n    if x:\n        yield x", True),
        ("yield from x", True),
        ("def f():\n    return 1", False),
        ("f = lambda: (yield)", False),
    ],
)
def test_returns_outside_of_functions(source: str, expected: bool) -> None:
    assert statements.has_return(node(source)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): return f()", True),
        ("@f.register\ndef f(): pass", False),
        ("def f(g=f): pass", False),
        ("class f(g): pass", True),
        ("f = 1", True),
        ("f = cache(f)", False),
        ("f += 1", False),
        ("if x: f = 1", False),
    ],
)
def test_replacing(source: str, expected: bool) -> None:
    assert statements.replaces(node(source), "f") is expected


@pytest.mark.parametrize(
    ("source", "stores", "calls"),
    [
        ("memo[0] = 1", {"memo"}, set()),
        ("a.b[c].d = e.f", {"a"}, set()),
        ("del a[0]", {"a"}, set()),
        ("for i in x:\n    s[i] += 1\n    p.append(i)", {"s"}, {"p"}),
        ("def f():\n    g[0] = 1", set(), set()),
        ("x = y", set(), set()),
        ("f()", set(), set()),
    ],
)
def test_changes(source: str, stores: set[str], calls: set[str]) -> None:
    assert statements.changes(node(source)) == (stores, calls)


def test_methods() -> None:
    source = "class C:\n    def a(self):\n        def b(): pass"
    assert list(statements.methods(node(source))) == ["a", "b"]
    assert list(statements.methods(node("def f(): pass"))) == []
    assert list(statements.methods(node("x = 1"))) == []


def test_imports_by_kind() -> None:
    assert statements.is_future_import(node("from __future__ import annotations"))
    assert not statements.is_future_import(node("import os"))
    assert statements.is_star_import(node("from math import *"))
    assert not statements.is_star_import(node("from math import pi"))
