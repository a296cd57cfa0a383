"""Mistakes in options give one clear line and exit code 4, whatever the mode."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.sandbox.base import Isolation

from .conftest import Run, assert_clear


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model=orakle"], ["unknown model 'orakle'", "did you mean 'oracle'"]),
        (["--model="], ["--model needs a value"]),
        (["--model=oracle", "--benchmark=minni"], ["unknown benchmark", "'mini'"]),
        (["--model=oracle", "--benchmark=,"], ["--benchmark needs NAME"]),
        (["--model=oracle", "--benchmark=mini=p.jsonl"], ["'mini' is embedded"]),
        (["--model=oracle", "--attack=cleen"], ["unknown attack", "'clean'"]),
        (["--model=oracle", "--attack=,"], ["--attack needs names"]),
        (["--model=oracle", "--samples=0"], ["--samples must be at least 1"]),
        (["--model=oracle", "--samples=x"], ["--samples", "invalid int value: 'x'"]),
        (["--model=oracle", "--limit=0"], ["limit", "above 0"]),
        (["--model=oracle", "--limit=some:3"], ["limit", "random:NUMBER"]),
        (["--model=oracle", "--prompt-style=chatt"], ["chatt", "'chat'"]),
        (["--model=oracle", "--prompt-style=template:nope.txt"], ["nope.txt"]),
        (["--model=oracle", "--benchmark=jsonl=nope.jsonl"], ["nope.jsonl"]),
        (["--model=oracle", "--benchmark=humaneval-pro=nope.json"], ["nope.json"]),
        (["--benchmark=mini"], ["--benchmark needs a model"]),
        (["--model=replay:nope.jsonl"], ["nope.jsonl"]),
        (["--model=no_such_module:load"], ["no_such_module"]),
        (["nope.selfinvoke.toml"], ["nope.selfinvoke.toml: no such suite file"]),
        (
            ["--model=oracle", "-o", "selfinvoke_cpu_s=fast"],
            ["selfinvoke_cpu_s", "'fast'"],
        ),
        (
            ["--model=oracle", "-o", "selfinvoke_wall_s=0"],
            ["wall_s must be above 0"],
        ),
        (
            ["--model=oracle", "-o", "selfinvoke_sandbox=none"],
            ["sandbox 'none'", "strict"],
        ),
    ],
    ids=" ".join,
)
def test_one_clear_line(run_both: Run, arguments: list[str], words: list[str]) -> None:
    result = run_both(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, *words)


def test_the_line_is_alone(run_apart: Run) -> None:
    result = run_apart("--model=orakle", "-n", "2")
    lines = [line for line in result.errlines + result.outlines if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("ERROR: unknown model")


@pytest.mark.parametrize(
    ("spec", "module", "extra"),
    [
        ("hf:some/model", "torch", "hf"),
        ("openai:http://127.0.0.1:9/v1#m", "openai", "openai"),
    ],
)
def test_a_missing_extra_names_the_command(
    run_both: Run, monkeypatch: pytest.MonkeyPatch, spec: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run_both(f"--model={spec}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, repr(module), f"pip install 'pytest-selfinvoke[{extra}]'")


@pytest.fixture
def extras(pytester: pytest.Pytester) -> None:
    """Nothing here imports them: that they can be found is enough."""
    for name in ("torch", "transformers", "openai"):
        pytester.makepyfile(**{name: ""})


@pytest.mark.usefixtures("extras")
def test_a_model_that_is_not_there(run_both: Run, pytester: pytest.Pytester) -> None:
    result = run_both("--model=hf:./nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "nowhere")
    pytester.mkdir("empty")
    (pytester.path / "empty" / "config.json").write_text("{}")
    result = run_both("--model=hf:./empty")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "empty", "no weights")


@pytest.mark.usefixtures("extras")
def test_an_unreachable_server(run_both: Run) -> None:
    result = run_both("--model=openai:http://127.0.0.1:9/v1#m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "cannot reach", "127.0.0.1:9")
    result = run_both("--model=openai:ftp://x#m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "openai", "ftp")


class Guarded(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.usefixtures("extras")
def test_a_wrong_key_is_named_by_its_variable_only(
    run_both: Run, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-this-one")
    result = run_both(f"--model=openai:http://{guarded}/v1#m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "refuses the key", "OPENAI_API_KEY")
    assert "sk-not-this-one" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('\n{"id": "a", "target": {"entry_point": 5}}\n', ["p.jsonl:2", "target."]),
        ('{"id": "a",\n', ["p.jsonl:1", "JSON"]),
        ("", ["p.jsonl", "empty"]),
    ],
    ids=["field", "syntax", "empty"],
)
def test_broken_problems_name_file_line_and_field(
    run_both: Run, pytester: pytest.Pytester, text: str, words: list[str]
) -> None:
    (pytester.path / "p.jsonl").write_text(text)
    result = run_both("--model=oracle", "--benchmark=jsonl=p.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, *words)


def test_broken_answers_name_file_and_line(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "a.jsonl").write_text('{"problem": \n')
    result = run_both("--model=replay:a.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "a.jsonl:1", "JSON")


def test_two_files_for_one_benchmark(run_both: Run, pytester: pytest.Pytester) -> None:
    result = run_both("--model=oracle", "--benchmark=jsonl=a.jsonl,jsonl=b.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "'jsonl' is named with two files")


def test_a_name_that_is_registered_twice(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        "def pytest_selfinvoke_attacks(registry): registry.add('clean', 'a:b')"
    )
    result = run_both("--model=oracle")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "attack 'clean' is registered twice")


def test_a_model_that_cannot_be_loaded_is_an_error_of_each_case(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    # Whether it is there cannot be told without importing the module.
    pytester.makepyfile(house="globals()")
    result = run_both("--model=house:nope", "--model=oracle", "--limit=2")
    result.assert_outcomes(passed=2, errors=2)
    assert_clear(result, "could not be judged", "'house' has no attribute 'nope'")


def test_a_model_that_its_module_does_not_have_is_one_line(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(house="class Model: ...")
    result = run("--model=house:Modell", "--limit=2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "house.py has no 'Modell': did you mean 'Model'?")


def test_a_sandbox_that_does_not_start(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pytest_selfinvoke.sandbox.forkserver.ForkServer.start", no_sandbox
    )
    result = run("--model=oracle", "--limit=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "no sandbox here")


WEAK = Isolation(tier="none", layers={"seccomp": False, "namespaces": False})


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("strict", "sandbox strict: this host does not give namespaces, own root"),
        ("auto", "this host offers no isolation"),
    ],
)
def test_a_host_that_is_weaker_than_the_policy(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    words: str,
) -> None:
    monkeypatch.setattr(
        "pytest_selfinvoke.sandbox.forkserver.ForkServer.isolation", WEAK
    )
    options = ("--model=oracle", "--limit=1", "-o")
    result = run("--model=oracle", "--limit=1", f"--sandbox={policy}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, words)
    # Also where the policy is that of a suite file which collection finds.
    pytester.mkdir("suites")
    (pytester.path / "suites" / "a.selfinvoke.toml").write_text(
        f"[suite]\nsandbox = '{policy}'\n"
    )
    result = run("suites", *options, "selfinvoke_sandbox=unsafe-ok")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, words)
    result = run(*options, "selfinvoke_sandbox=unsafe-ok")
    result.assert_outcomes(passed=1)


def no_sandbox(_: object) -> None:
    raise NotJudgedError("no sandbox here")
