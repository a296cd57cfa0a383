"""The walls between the parts, read from the import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_selfinvoke

ROOT = Path(pytest_selfinvoke.__file__).parent
PACKAGE = "pytest_selfinvoke"

RANKS = {
    "core": 0,
    "benchmarks": 1,
    "attacks": 1,
    "prompts": 1,
    "models": 1,
    "extraction": 1,
    "sandbox": 1,
    "metrics": 1,
    "results": 1,
    "generation": 2,
    "reports": 2,
    "suite": 2,
    "plan": 2,
    "certification": 2,
    "anatomy": 2,
    "audit": 3,
    "claims": 2,
    "evaluation": 3,
    "rewriting": 3,
    "whitebox": 3,
    "reproduction": 3,
    "commands": 4,
    "plugin": 4,
    "__main__": 5,
}

#: Imports inside one rank, each with its reason.
SAME_RANK = {
    ("plan", "suite"): "a plan is made from a suite",
    ("reproduction", "evaluation"): "a probe is judged as a case is",
}

#: Frameworks and where alone they may be imported.
PLUGIN_ONLY = {"pytest", "pluggy", "xdist", "execnet", "_pytest"}
HEAVY = {"torch", "transformers", "numpy", "pandas", "openai", "huggingface_hub"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if not top_level else _executed_at_import(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            assert node.module is not None
            yield node.module


def _executed_at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        function = isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        type_checking = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(
            child.test
        )
        if not function and not type_checking:
            yield child
            yield from _executed_at_import(child)


def part(name: str) -> str:
    """The part of the package that a dotted module name belongs to."""
    return name.split(".")[1]


def name_of(path: Path) -> str:
    return ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path: Path) -> None:
    if path.parent == ROOT and path.stem == "__init__":
        return
    here = part(name_of(path))
    for name in imports(path):
        if not name.startswith(f"{PACKAGE}."):
            continue
        there = part(name)
        if there == here or (here, there) in SAME_RANK:
            continue
        assert RANKS[there] < RANKS[here], f"{here} imports {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_frameworks_stay_in_the_plugin(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}
    if PACKAGE not in tops and path.name == "__init__.py":
        assert not tops & PLUGIN_ONLY
    inside = part(name_of(path)) == "plugin" if path.parent != ROOT else False
    if not inside:
        assert not tops & PLUGIN_ONLY
    if path.name != "_private.py":
        assert "_pytest" not in tops


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_are_imported_late(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path, top_level=True)}
    assert not tops & HEAVY


def test_every_part_has_a_rank() -> None:
    parts = {part(name_of(path)) for path in modules() if path.parent != ROOT}
    files = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    assert parts | files == set(RANKS)
