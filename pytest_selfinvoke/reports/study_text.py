"""A study in words and tables, made once for terminal, Markdown and HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.metrics.effects import DIFFERING, Effect
from pytest_selfinvoke.metrics.estimate import MINIMUM, Estimate
from pytest_selfinvoke.metrics.factorial import ALL, Contrast, Study
from pytest_selfinvoke.metrics.logistic import Logistic
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.study import StudyReport, read_study

#: A difference in points that is worth deciding.
RELEVANT = 3
LEVEL = 0.05
_KINDS = ("interaction", "alignment", "architecture")
_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the study: sentences, then a table with ``names`` columns of text."""

    title: str
    sentences: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    names: int = 1


def blocks(report: StudyReport, *, relevant: float = RELEVANT) -> tuple[Block, ...]:
    """The whole study.

    :param relevant: the difference, in points, that "would decide" speaks of.
    """
    found = []
    for study in report.studies:
        found.append(_models(study))
        found.append(_answers(study, relevant))
        if any(contrast.group != ALL for contrast in study.contrasts):
            found.append(_families(study))
    if report.notes:
        found.append(Block(title="Models left out", sentences=report.notes))
    return tuple(found)


def blocks_of(run: Run) -> tuple[Block, ...]:
    """The study of one run, if its models have two levels of a factor.

    What keeps it from being made is said in its place: other reports go on.
    """
    try:
        found = read_study([run])
    except UserError as error:
        return (Block(title="No study", sentences=(str(error),)),)
    return () if found is None else blocks(found)


def study_section(path: Path) -> Iterator[str]:
    """The lines of a run directory's study; nothing where there is none to be made."""
    try:
        run = Run(path)
    except UserError:
        # The session says by itself that its records are gone.
        return
    yield from study_lines(blocks_of(run))


def study_lines(found: Iterable[Block]) -> Iterator[str]:
    """For the terminal, 80 characters wide but for long names."""
    for block in found:
        yield ""
        yield block.title
        for sentence in block.sentences:
            yield from textwrap.wrap(
                sentence, _WIDTH - 2, initial_indent="  ", subsequent_indent="    "
            )
        yield from _aligned(block)


def sentence(contrast: Contrast, *, relevant: float = RELEVANT) -> str:
    """What a contrast says of the drop, and whether that is decided."""
    who = _who(contrast)
    marks = [contrast.confounded and f"confounded, {contrast.confounded}"]
    marks.append(contrast.comparison.note)
    mark = "".join(f" [{text}]" for text in marks if text)
    name = contrast.comparison.name
    if matched := contrast.comparison.matched:
        name += f", {' and '.join(matched)} parameters matched"
    return f"{name} ({who}): {verdict(contrast, relevant)}{mark}"


def verdict(contrast: Contrast, relevant: float = RELEVANT) -> str:
    """``undecided: interval -6.1 to +3.2 points; 410 problems would decide 3 points``.

    More drop is less robust.
    """
    drop = contrast.drop
    low, high, value = drop.estimate.low, drop.estimate.high, drop.estimate.value
    if low is None or high is None or value is None:
        return f"too few problems to say: {drop.n}, {MINIMUM} are needed"
    interval = f"interval {_signed(low)} to {_signed(high)} points"
    what = "net drop" if contrast.is_controlled else "drop without null control"
    if drop.is_decided:
        more = "larger" if value > 0 else "smaller"
        by = f"{100 * abs(value):.1f} points"
        return f"decided: {what} {by} {more}, {interval}"
    return f"undecided: {interval}; {_needed(drop, relevant)}"


def _needed(drop: Effect, relevant: float) -> str:
    if drop.excludes_zero:
        return f"only {drop.differing} problems differ, {DIFFERING} are needed"
    problems = drop.problems_for(relevant / 100)
    if problems is None:
        return "no problem tells the models apart"
    if problems <= drop.n:
        reach = 100 * (drop.detectable or 0)
        return f"{reach:.1f} points would have shown in 4 of 5 such studies"
    text = f"{problems} problems would decide {relevant:g} points"
    if drop.samples > 1:
        samples = drop.samples_for(relevant / 100)
        text += (
            ", no number of samples on these would"
            if samples is None
            else f", or {samples} samples of each prompt on these"
        )
    return text


def _models(study: Study) -> Block:
    rows = [
        (
            level.factors.model,
            level.factors.architecture or "?",
            level.factors.alignment or "?",
            level.style,
            _percent(level.clean),
            _percent(level.robust),
            "-" if level.control is None else _percent(level.control),
            _points(level.drop.estimate),
        )
        for level in study.levels
    ]
    has_control = all(level.control is not None for level in study.levels)
    drop = "net drop" if has_control else "drop"
    return Block(
        title=f"Models on {study.benchmark}, all attacks, in %",
        headings=(
            *("model", "arch.", "aligned", "style"),
            *("clean", "robust", "null", f"{drop} [95 %]"),
        ),
        rows=tuple(rows),
        names=4,
    )


def _answers(study: Study, relevant: float) -> Block:
    sentences = []
    for kind in _KINDS:
        for contrast in sorted(study.of(kind), key=_view):
            sentences.append(sentence(contrast, relevant=relevant))
            sentences.append(_beside(contrast))
    if not study.of("interaction"):
        sentences.append("interaction: no dense and no moe pair to be compared")
    sentences += [f"missing: {note}" for note in study.notes]
    return Block(
        title=f"Effects on the drop on {study.benchmark} (above zero: less robust)",
        sentences=tuple(sentences),
    )


def _beside(contrast: Contrast) -> str:
    """The other measures, and what the numbers rest on."""
    parts = [
        f"robust pass@1 {_points(contrast.robust.estimate)} points",
        f"log-odds {_plain(contrast.log_odds)}",
    ]
    if contrast.paired is not None:
        one = contrast.paired
        parts.append(f"problems -/+ {one.worse}/{one.better}, McNemar p={one.p:.3f}")
    if contrast.logistic is not None:
        parts.append(f"logistic model {_fitted(contrast.logistic)}")
    plural = "" if contrast.variants == 1 else "s"
    parts.append(f"{contrast.robust.n} problems, {contrast.variants} variant{plural}")
    if not contrast.is_controlled:
        parts.append("no null control, add clean.repeat to the attacks")
    elif contrast.repeats < contrast.variants:
        parts.append(f"null control too small, of {contrast.repeats} repetitions")
    if contrast.unpaired:
        parts.append(
            f"{contrast.unpaired} cells missing in some model, left out of all"
        )
    comparison = contrast.comparison
    if comparison.kind != "alignment":
        parts.append(_ratios(comparison.active, comparison.total))
    return f"  {'; '.join(parts)}"


def _fitted(one: Logistic) -> str:
    if one.reason:
        return f"not fitted, {one.reason}"
    return f"{_plain(one.estimate)}, p={_p(one.p)}"


def _view(contrast: Contrast) -> int:
    """Views with matched parameters come first, active before total."""
    matched = contrast.comparison.matched
    return 0 if "active" in matched else 1 if matched else 2


def _ratios(active: float | None, total: float | None) -> str:
    known = [
        f"{kind} x{ratio:.2g}"
        for kind, ratio in (("active", active), ("total", total))
        if ratio is not None
    ]
    return f"parameters moe/dense {', '.join(known) or 'not known'}"


def _families(study: Study) -> Block:
    rows = [
        (
            contrast.group,
            contrast.comparison.name,
            _points(contrast.drop.estimate),
            _p(contrast.drop.adjusted_p),
            "-"
            if contrast.drop.detectable is None
            else f"{100 * contrast.drop.detectable:.1f}",
        )
        for kind in _KINDS
        for contrast in study.contrasts
        if contrast.comparison.kind == kind and contrast.group != ALL
    ]
    return Block(
        title=f"Effects on the drop by family on {study.benchmark}, in points",
        headings=("family", "effect", "drop [95 %]", "BH p", "MDE"),
        rows=tuple(rows),
        names=2,
    )


def _who(contrast: Contrast) -> str:
    plus = [f.model for sign, f in contrast.comparison.terms if sign > 0]
    minus = [f.model for sign, f in contrast.comparison.terms if sign < 0]
    if len(plus) == 1:
        text = f"{plus[0]} - {minus[0]}"
    else:
        text = f"({plus[0]} - {minus[0]}) - ({minus[1]} - {plus[1]})"
    return f"{text}, {' and '.join(contrast.styles)}"


def _percent(found: Estimate) -> str:
    return "-" if found.value is None else f"{100 * found.value:.1f}"


def _signed(share: float) -> str:
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text


def _points(found: Estimate) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{_signed(found.value)} (too few: {found.n})"
    return f"{_signed(found.value)} [{_signed(found.low)}, {_signed(found.high)}]"


def _plain(found: Estimate) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:+.2f} (no interval)"
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _p(p: float | None) -> str:
    return "-" if p is None else f"{p:.3f}"


def _aligned(block: Block) -> Iterator[str]:
    if not block.rows:
        return
    table = (block.headings, *block.rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            text.ljust(width) if number < block.names else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {' '.join(cells)}".rstrip()
