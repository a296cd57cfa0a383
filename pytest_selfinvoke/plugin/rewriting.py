"""``--selfinvoke-rewrite``: a model's rewritings of benchmarks, written to a file."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import dumps, write_atomically
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.generation.wire import Policy
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.rewriting import rewrite

KINDS = ("paraphrase", "variables")


def rewrite_to_file(
    config: pytest.Config, runtime: Runtime, show: Callable[[str], None]
) -> int:
    """Ask ``--model`` for rewritings of ``--benchmark``, and write those of use.

    :raises UserError: if an option is missing, or the file cannot be written.
    """
    what, path = _wanted(config)
    suite = runtime.settings.suite()
    if len(suite.models) != 1:
        raise UserError("--selfinvoke-rewrite needs one --model")
    [spec] = suite.models
    runtime.kind(spec).preflight(spec)
    plan = runtime.variants_plan(suite)
    problems = [p for loaded in plan.benchmarks for p in loaded.problems]
    with _served(config, runtime, spec) as client:
        found = rewrite(
            problems,
            client,
            spec.label,
            variables=what == "variables",
            count=suite.attack_seeds,
            seed=suite.seed,
        )
    if found.records:
        lines = "".join(f"{dumps(record)}\n" for record in found.records)
        try:
            write_atomically(path, lines.encode())
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
    show(f"{path}: {len(found.records)} rewritings of {len(problems)} problems")
    for reason, count in found.left_out.most_common(10):
        show(f"    {count} left out: {reason}")
    return pytest.ExitCode.OK if found.records else pytest.ExitCode.TESTS_FAILED


def _wanted(config: pytest.Config) -> tuple[str, Path]:
    text = config.option.selfinvoke_rewrite
    what, _, file = text.partition(":")
    if what not in KINDS or not file:
        raise UserError(
            f"--selfinvoke-rewrite={text}: write paraphrase:FILE or variables:FILE"
        )
    return what, config.invocation_params.dir / Path(file).expanduser()


@contextmanager
def _served(
    config: pytest.Config, runtime: Runtime, spec: ModelSpec
) -> Iterator[GenerationClient]:
    """A connection to a generation server with one model."""
    server = GenerationServer()
    store = runtime.store_settings(uuid.uuid4().hex)
    with tempfile.TemporaryDirectory(prefix="selfinvoke-") as folder:
        server.launch(
            [spec],
            registered=runtime.registered_models(),
            threads=os.cpu_count() or 1,
            sys_path=[str(config.rootpath), *sys.path],
            log_path=Path(folder) / "generation.log",
            policy=Policy(store=store),
        )
        client = GenerationClient(server.address, server.secret)
        try:
            yield client
        finally:
            client.close()
            server.stop()
