"""What other harnesses call the problems of published benchmarks.

EvalPlus and CodeEval-Pro name a task (``HumanEval/0``, ``Mbpp/2``, ``BigCodeBench/23``)
or number it (HumanEval Pro and MBPP Pro: ``0``). The bigcode-evaluation-harness writes
no names: its lists are in the order of the benchmark, and MBPP's test split begins with
task 11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The form of our ids -> the form of theirs.
_NAMED = {
    "HumanEval_{:03d}": "HumanEval/{}",
    "Mbpp_{:04d}": "Mbpp/{}",
    "BigCodeBenchLitePro_{:04d}": "BigCodeBench/{}",
}
_NUMBERED = ("HumanEvalPro_{:03d}", "MbppPro_{:03d}")
#: The form of our ids -> the number of the first problem in a list.
_LISTED: Mapping[str, int] = {
    "HumanEval_{:03d}": 0,
    "Mbpp_{:04d}": 11,
    "HumanEvalPro_{:03d}": 0,
    "MbppPro_{:03d}": 0,
}
_NUMBER = re.compile(r"(.*?)(\d+)")


def problem_ids(task: str | int) -> tuple[str, ...]:
    """The problems that a task's name may mean; a name of ours means itself."""
    if isinstance(task, int):
        return tuple(form.format(task) for form in _NUMBERED)
    found = [task]
    if match := _NUMBER.fullmatch(task):
        head, number = match[1].lower(), int(match[2])
        found += [
            ours.format(number)
            for ours, theirs in _NAMED.items()
            if theirs.format("").lower() == head
        ]
        found += [] if head else problem_ids(number)
    return tuple(dict.fromkeys(found))


def listed_ids(position: int) -> tuple[str, ...]:
    """The problems that may stand at a place, from 0, of a list without names."""
    return tuple(form.format(first + position) for form, first in _LISTED.items())


def task_name(problem_id: str) -> str | int:
    """What others call a problem; its own id where they have no name for it."""
    if match := _NUMBER.fullmatch(problem_id):
        number = int(match[2])
        for ours, theirs in _NAMED.items():
            if ours.format(number) == problem_id:
                return theirs.format(number)
        if any(form.format(number) == problem_id for form in _NUMBERED):
            return number
    return problem_id
