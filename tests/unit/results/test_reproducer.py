from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.reproducer import file_name, write_reproducer

RECORD = Record(
    case={"id": "b::m::p/1::a.b@x=1-seed0", "model": "m"},
    status=Status.FAILED,
    verdict=Verdict.WRONG_ANSWER,
    detail='assert f() == "\\x"""',
    prompt="[user]\nwrite $f ü\ud800",
    completion={"text": 'a """ quote \\ and\x0cmore'},
    program="def f():\n    return 'ü\\n'\n",
)


def write(folder: Path, record: Record = RECORD, **texts: Any) -> Path:
    values: dict[str, Any] = {
        "tests": "assert f() == 1",
        "diff": "-a\n+b ${x} \ud800",
        "changes": "1 of 2 changes",
        "timeout_s": 30.0,
        **texts,
    }
    return write_reproducer(folder, record, **values)


def run(script: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "error", str(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_script_runs_alone_and_prints_what_happens(tmp_path: Path) -> None:
    done = run(write(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["-a", "+b ${x} \\ud800"]
    assert lines[-1] == "reproduced: the tests fail (exit status 1)"
    assert "assert f() == 1" in done.stderr


def test_a_program_that_passes_is_not_reproduced(tmp_path: Path) -> None:
    done = run(write(tmp_path, tests="assert f() == 'ü\\n'"))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("not reproduced: the tests pass\n")


def test_a_program_that_never_ends_is_stopped(tmp_path: Path) -> None:
    done = run(write(tmp_path, tests="while True: pass", timeout_s=0.5))
    assert done.returncode == 0
    assert done.stdout.endswith("reproduced: still running after 0.5 seconds\n")


def test_a_completion_without_a_program_says_so(tmp_path: Path) -> None:
    record = replace(RECORD, program=None, verdict=Verdict.NO_CODE, detail="no code")
    done = run(write(tmp_path, record))
    assert done.returncode == 0
    assert done.stdout.endswith("the completion holds no program: no_code: no code\n")


def test_the_script_holds_every_text_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert path.name == "b--m--p-1--a.b-x=1-seed0.py"
    assert path.parent == tmp_path / "reproducers"
    space: dict[str, Any] = {"__name__": "reproducer"}
    # Our own text, which starts nothing under another name than __main__.
    exec(compile(path.read_text("ascii"), path, "exec"), space)
    assert RECORD.completion is not None
    assert space["PROMPT"] == RECORD.prompt
    assert space["COMPLETION"] == RECORD.completion["text"]
    assert space["PROGRAM"] == RECORD.program
    assert space["TESTS"] == "assert f() == 1"
    assert space["DIFF"] == "-a\n+b ${x} \ud800"
    for words in (RECORD.id, "1 of 2 changes", "written by a language model"):
        assert words in space["__doc__"]


def test_names_of_files() -> None:
    assert file_name("a/b.selfinvoke.toml::x::../y") == "a-b.selfinvoke.toml--x--..-y"
    assert file_name("../x") == "x"
    assert len(file_name("x" * 1000)) == 200


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "reproducers").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write(tmp_path)
