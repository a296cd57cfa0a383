"""What an audit found, in lines of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from textwrap import wrap

from pytest_selfinvoke.audit.auditor import FINDINGS, Audited

_LISTED = 100
_WIDTH = 80


def audit_lines(name: str, audited: Sequence[Audited]) -> Iterator[str]:
    """The table of one benchmark: counts, then findings with the problems.

    Unsound findings come first and are marked; those that need a look follow.
    """
    for indent, line in _lines(name, audited):
        yield from wrap(
            line,
            _WIDTH,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 4),
            break_long_words=False,
        )


def _lines(name: str, audited: Sequence[Audited]) -> Iterator[tuple[int, str]]:
    """Each line with its indent."""
    unsound = [one for one in audited if one.reasons]
    yield 0, f"{name}: {len(audited)} problems, {len(unsound)} unsound"
    run = [one for one in audited if one.mutants]
    if run:
        total, killed = sum(o.mutants for o in run), sum(o.killed for o in run)
        few = sum(one.mutants < 10 for one in run)
        yield (
            2,
            f"mutants of the reference: {killed} of {total} noticed "
            f"({killed / total:.1%}), {median(o.mutants for o in run):g} a problem"
            + (f", fewer than 10 in {few}" if few else ""),
        )
        yield 2, f"asserts: {median(o.asserts for o in run):g} a problem (median)"
        slow = max(run, key=lambda one: one.cpu_s)
        yield (
            2,
            f"time of the reference: {1000 * median(o.cpu_s for o in run):.0f} ms "
            f"(median), at most {slow.cpu_s:.2f} s ({slow.problem})",
        )
        sized = [(o.memory_bytes, o.problem) for o in run if o.memory_bytes]
        if sized:
            most, where = max(sized)
            middle = median(size for size, _ in sized)
            yield (
                2,
                f"memory with the interpreter: {middle / 2**20:.0f} MiB (median), "
                f"at most {most / 2**20:.0f} MiB ({where})",
            )
    for finding, (is_unsound, text) in FINDINGS.items():
        found = [
            (one.problem, d) for one in audited for n, d in one.findings if n == finding
        ]
        if not found:
            continue
        ids = list(dict.fromkeys(problem for problem, _ in found))
        mark = "unsound" if is_unsound else "look"
        yield 2, f"{len(ids)} {mark}, {finding}: {text}"
        shown = ", ".join(ids[:_LISTED])
        more = f", and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
        yield 6, shown + more
