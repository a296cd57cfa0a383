"""A broken case as one Python file that runs without this package."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import write_atomically
from pytest_selfinvoke.core.record import Record

FOLDER = "reproducers"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.+=-]+")
#: File systems allow 255 bytes in a name; some are kept for temporary names.
_LONGEST = 200

_SCRIPT = Template(
    '''\
"""The smallest change of a prompt that makes a model's program wrong.

case:    $case
model:   $model
verdict: $verdict
changes: $changes

WARNING: PROGRAM was written by a language model. Running this file runs it with your
rights and without a sandbox: read it first.

Run it with Python 3.11 or later; nothing else is needed, but for what PROGRAM imports.
It prints what became of the tests and exits with 0 if they still fail.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT_S = $timeout_s

# What the attack's smallest breaking change does to the prompt.
DIFF = $diff

# What the model was sent.
PROMPT = $prompt

# What it answered.
COMPLETION = $completion

# The program in the answer; None if there is none.
PROGRAM = $program

# What the program has to pass.
TESTS = $tests


def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    print(DIFF, end="\\n\\n", flush=True)
    if PROGRAM is None:
        print("the completion holds no program:", $reason)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(PROGRAM + "\\n\\n" + TESTS, "utf-8", "surrogatepass")
        command = [sys.executable, "-I", str(file)]
        try:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            print(f"reproduced: still running after {TIMEOUT_S} seconds")
            return 0
    if done.returncode:
        print(f"reproduced: the tests fail (exit status {done.returncode})")
        return 0
    print("not reproduced: the tests pass")
    return 1


if __name__ == "__main__":
    sys.exit(main())
'''
)


def write_reproducer(
    run: Path, record: Record, *, tests: str, diff: str, changes: str, timeout_s: float
) -> Path:
    """Write ``RUN/reproducers/CASE.py``; where it is.

    :param record: the case with the prompt, completion and program to be shown.
    :param changes: how many changes are left, in words.
    :raises UserError: if it cannot be written.
    """
    reason = f"{record.failure_kind}: {record.detail}".rstrip(": ")
    text = _SCRIPT.substitute(
        case=_in_docstring(record.id),
        model=_in_docstring(str(record.case["model"])),
        verdict=_in_docstring(reason),
        changes=changes,
        timeout_s=f"{timeout_s:g}",
        diff=_literal(diff),
        prompt=_literal(record.prompt),
        completion=_literal(str((record.completion or {}).get("text", ""))),
        program="None" if record.program is None else _literal(record.program),
        tests=_literal(tests),
        reason=ascii(reason),
    )
    path = run / FOLDER / f"{file_name(record.id)}.py"
    try:
        write_atomically(path, text.encode("ascii"))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return path


def file_name(case_id: str) -> str:
    """The case's id as the name of a file, without its suffix."""
    return _UNSAFE.sub("-", case_id.replace("::", "--"))[-_LONGEST:].lstrip("-.")


def _in_docstring(text: str) -> str:
    """One ASCII line that ends no docstring and begins no escape."""
    return ascii(text)[1:-1].replace("\\", "/").replace('"', "'")


def _literal(text: str) -> str:
    """Python source of a text, one line of it per line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return ascii(text)
    inside = "".join(f"    {line!a}\n" for line in lines)
    return f"(\n{inside})"
