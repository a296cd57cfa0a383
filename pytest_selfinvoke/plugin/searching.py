"""``--selfinvoke-search``: worst wordings of prompts, written to a file one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from pytest_selfinvoke.attacks.json_lines import read_objects
from pytest_selfinvoke.core.errors import GenerationError, NotApplicableError, UserError
from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.records import Problem, Prompt
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.prompts import default_style, get_style
from pytest_selfinvoke.searching import METHODS, Budget, search


def search_to_file(
    config: pytest.Config, runtime: Runtime, show: Callable[[str], None]
) -> int:
    """Search for words that make the reference unlikely for ``--model``.

    A search that was ended goes on: problems that are in the file are left alone.

    :raises UserError: if an option is missing, the model gives no gradients, or the
        file cannot be written.
    """
    method, path = _wanted(config)
    suite = runtime.settings.suite()
    if len(suite.models) != 1:
        raise UserError("--selfinvoke-search needs one --model")
    [spec] = suite.models
    kind = runtime.kind(spec)
    if spec.kind not in ("hf", "smollm2"):
        raise UserError(
            f"{spec.spec}: gives no gradients; --selfinvoke-search needs an hf: model, "
            "and its file can then be asked of any other"
        )
    kind.preflight(spec)
    plan = runtime.variants_plan(suite)
    problems = [p for loaded in plan.benchmarks for p in loaded.problems]
    done = {(r["benchmark"], r["problem"], r["problem_hash"]): r for r in _found(path)}
    engine: Any = kind.load(spec)
    found: list[dict[str, Any]] = []
    try:
        style = get_style(suite.prompt_style or default_style(engine.info))

        def render(problem: Problem) -> Prompt:
            return style.render(problem.prompt, problem)

        losses = engine.likelihood()
        with path.open("a", encoding="utf-8") as file:
            for number, problem in enumerate(problems, 1):
                place = f"{number}/{len(problems)} {problem.id}"
                key = (problem.benchmark, problem.id, problem.hash)
                if key in done:
                    found.append(done[key])
                    continue
                try:
                    record = search(
                        problem,
                        losses,
                        render,
                        method=method,
                        budget=Budget(),
                        seed=suite.seed,
                        model=engine.info.name,
                    )
                except (NotApplicableError, GenerationError) as error:
                    show(f"{place}: left out, {error}")
                    continue
                file.write(f"{dumps(record)}\n")
                file.flush()
                found.append(record)
                changes = ", ".join(f"{old} > {new}" for old, new in record["changes"])
                before, after = record["loss"]
                show(f"{place}: loss {before:.3f} > {after:.3f}: {changes}")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    finally:
        engine.close()
    show(f"{path}: {len(found)} wordings of {len(problems)} problems, by {method}")
    if found:
        gain = mean(after - before for before, after in (r["loss"] for r in found))
        show(f"mean gain in loss {gain:.3f} nats a token of the reference")
    return pytest.ExitCode.OK if found else pytest.ExitCode.TESTS_FAILED


def _found(path: Path) -> Iterator[dict[str, Any]]:
    """What an earlier search left; a line that was cut off is an error that says so."""
    if path.exists() and path.stat().st_size:
        yield from read_objects(path)


def _wanted(config: pytest.Config) -> tuple[str, Path]:
    text = config.option.selfinvoke_search
    method, _, file = text.partition(":")
    if method not in METHODS or not file:
        choices = " or ".join(f"{name}:FILE" for name in METHODS)
        raise UserError(f"--selfinvoke-search={text}: write {choices}")
    return method, config.invocation_params.dir / Path(file).expanduser()
