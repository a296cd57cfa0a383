"""``--selfinvoke-search``: texts that a model's gradients find, written to a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import fmean
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec, Problem, Prompt
from pytest_selfinvoke.models.base import has_gradients
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.prompts import default_style, get_style
from pytest_selfinvoke.suite import Suite
from pytest_selfinvoke.whitebox.file import SearchFile
from pytest_selfinvoke.whitebox.running import Outcome, search_patch, search_texts
from pytest_selfinvoke.whitebox.settings import SearchSettings, parse_search
from pytest_selfinvoke.whitebox.substitution import Searcher


def search_to_file(
    config: pytest.Config, runtime: Runtime, show: Callable[[str], None]
) -> int:
    """Search with ``--model`` on the problems of ``--benchmark``.

    The model is loaded once, in this process.

    :raises UserError: if an option is missing, or the model gives no gradients.
    """
    settings, path = parse_search(config.option.selfinvoke_search)
    path = config.invocation_params.dir / path
    suite = runtime.settings.suite()
    if len(suite.models) != 1:
        raise UserError("--selfinvoke-search needs one --model")
    [spec] = suite.models
    kind = runtime.kind(spec)
    if not has_gradients(kind):
        raise UserError(
            f"--selfinvoke-search: {spec.spec} gives no gradients: search with an hf:"
            f" model, then run --attack=whitebox:{path.name} on this one"
        )
    kind.preflight(spec)
    plan = runtime.variants_plan(suite)
    problems = [p for loaded in plan.benchmarks for p in loaded.problems]
    show(f"loading {spec.label}")
    engine: Any = kind.load(spec)
    try:
        style = get_style(suite.prompt_style or default_style(engine.info))
        file = SearchFile(path, _common(settings, spec, engine.info, style.name, suite))
        file.open()
        render = partial(_rendered, style)
        searcher = Searcher(engine.gradients(), render, settings)
        outcome = _search(problems, searcher, file, suite, show)
    finally:
        engine.close()
    name = config.option.selfinvoke_search.partition(":")[2]
    return _told(outcome, show, name=name, is_patch=settings.is_patch)


def _rendered(style: Any, problem: Problem) -> Prompt:
    prompt: Prompt = style.render(problem.prompt, problem)
    return prompt


def _search(
    problems: list[Problem],
    searcher: Searcher,
    file: SearchFile,
    suite: Suite,
    show: Callable[[str], None],
) -> Outcome:
    if searcher.settings.is_patch:
        return search_patch(problems, searcher, file, seed=suite.seed, show=show)
    count, seed = suite.attack_seeds, suite.seed
    return search_texts(problems, searcher, file, count=count, seed=seed, show=show)


def _common(
    settings: SearchSettings, spec: ModelSpec, info: ModelInfo, style: str, suite: Suite
) -> dict[str, Any]:
    """What must be the same for a search to go on in its file."""
    return {
        "settings": settings.to_json(),
        "model": info.name,
        "revision": info.revision,
        "precision": info.precision,
        "style": style,
        "seed": suite.seed,
    }


def _told(
    outcome: Outcome, show: Callable[[str], None], *, name: str, is_patch: bool
) -> int:
    for reason, count in outcome.left_out.most_common(10):
        show(f"    {count} left out: {reason}")
    if not outcome.raised:
        show("nothing was found")
        return pytest.ExitCode.TESTS_FAILED
    mean = fmean(outcome.raised)
    what = "problems that the patch has not seen" if is_patch else "texts"
    show(
        f"{len(outcome.raised)} {what}: the reference's loss changed by {mean:+.3f}"
        " nats a token on average"
    )
    show(f"ask any model with them: --attack=clean,whitebox:{name}")
    return pytest.ExitCode.OK
