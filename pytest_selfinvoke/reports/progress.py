"""How far a running session is: counted record by record, and as one line of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record

#: Speeds are those of about the last minute.
WINDOW_S = 60.0
#: With fewer cases done, nothing is said of the time that is left.
ENOUGH = 3
#: A window needs no more points than this.
_POINT_S = 1.0


class Speed:
    """Counts per second over the last :data:`WINDOW_S`, or since the start.

    The window reaches back to the last point that is at least so old: what comes in
    rare bursts, as the tokens of large batches do, has a speed between them, too.
    """

    def __init__(self, now_s: float) -> None:
        self.count = 0
        self._points = deque([(now_s, 0)])

    def start(self, now_s: float) -> None:
        """Begin now, if nothing was counted yet."""
        if not self.count:
            self._points = deque([(now_s, 0)])

    def update(self, count: int, now_s: float) -> None:
        """Set the count. A lower one than before is that of a counter set to zero."""
        if count < self.count:
            self.count = 0
            self.start(now_s)
        self.count = count
        if now_s - self._points[-1][0] >= _POINT_S:
            self._points.append((now_s, count))

    def per_s(self, now_s: float) -> float | None:
        """The speed; ``None`` before anything was counted."""
        while len(self._points) > 1 and now_s - self._points[1][0] >= WINDOW_S:
            self._points.popleft()
        since_s, before = self._points[0]
        if not self.count or now_s <= since_s:
            return None
        return (self.count - before) / (now_s - since_s)


@dataclass(slots=True)
class ModelCount:
    """Cases of one model: all, those that ended, those judged, and solved."""

    total: int = 0
    done: int = 0
    judged: int = 0
    solved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state of a session at one moment.

    ``errors`` could not be judged. ``left_s`` is ``None`` where nothing can be said,
    and ``waiting`` is empty where nothing is waited for.
    """

    elapsed_s: float
    done: int
    total: int
    errors: int
    models: Mapping[str, ModelCount]
    cases_per_s: float | None = None
    tokens_per_s: float | None = None
    left_s: float | None = None
    waiting: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether every case has ended."""
        return self.done >= self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What all models together do: which are loading, and who is waited for."""

    loading: Collection[str] = ()
    asked: Mapping[str, int] = field(default_factory=dict)
    tokens: int = 0


class Tracker:
    """Takes records and what the models do; gives the :class:`Progress` of a moment.

    :param models: the model of each case that will run, by the case's id.
    :param workers: processes that run cases.
    :param now_s: a clock's reading, as all others.
    """

    def __init__(
        self, models: Mapping[str, str], *, workers: int, now_s: float
    ) -> None:
        self._open = set(models)
        self._total = len(models)
        self._workers = workers
        self._started_s = now_s
        self._errors = 0
        self._models: dict[str, ModelCount] = {}
        for model in models.values():
            self._models.setdefault(model, ModelCount()).total += 1
        self._cases, self._tokens = Speed(now_s), Speed(now_s)
        self._activity: Activity | None = None

    def add(self, record: Record, now_s: float) -> None:
        """Count a case that ended, once; another's record changes nothing."""
        if record.id not in self._open:
            return
        self._open.remove(record.id)
        count = self._models[str(record.case["model"])]
        count.done += 1
        count.judged += record.judged
        count.solved += record.solved
        self._errors += record.status is Status.ERROR
        self._cases.update(self._total - len(self._open), now_s)

    def observe(self, activity: Activity, now_s: float) -> None:
        """Take note of what the models do."""
        self._activity = activity
        if activity.loading:
            # The time of loading says nothing about the time that is left.
            self._cases.start(now_s)
            self._tokens.start(now_s)
        self._tokens.update(activity.tokens, now_s)

    def progress(self, now_s: float) -> Progress:
        """The state of the session now."""
        speed = self._cases.per_s(now_s)
        is_enough = self._open and self._cases.count >= ENOUGH
        return Progress(
            elapsed_s=now_s - self._started_s,
            done=self._total - len(self._open),
            total=self._total,
            errors=self._errors,
            models=self._models,
            cases_per_s=speed,
            tokens_per_s=self._tokens.per_s(now_s),
            left_s=len(self._open) / speed if speed and is_enough else None,
            waiting=self._waiting() if self._open else "",
        )

    def _waiting(self) -> str:
        if self._activity is None:
            return "" if self._cases.count else "starting"
        loading, asked = self._activity.loading, self._activity.asked
        if loading and (asked or not self._cases.count):
            return f"loading: {', '.join(loading)}"
        if asked and 2 * sum(asked.values()) >= self._workers:
            return f"waiting: {max(asked, key=asked.__getitem__)}"
        return "waiting: sandbox"


def status_line(progress: Progress, width: int | None = None) -> str:
    """The state in one line.

    :param width: the most characters; what matters least goes first.
    """
    text = ""
    begun = sum(one.done > 0 for one in progress.models.values())
    for shown in range(begun, -1, -1):
        parts = _parts(progress, shown)
        for name in ("", *_LEAST_FIRST):
            parts.pop(name, None)
            text = " | ".join(part for part in parts.values() if part)
            if width is None or len(text) <= width:
                return text
    return text[:width]


_LEAST_FIRST = ("cases", "tokens", "waiting", "left")


def _parts(progress: Progress, shown: int) -> dict[str, str]:
    done = f"{progress.done}/{progress.total} cases"
    if progress.is_finished:
        done += f" in {duration(progress.elapsed_s)}"
    speed, tokens = progress.cases_per_s, progress.tokens_per_s
    left = progress.left_s
    return {
        "done": done,
        "errors": f"{progress.errors} not judged" if progress.errors else "",
        "models": _models(progress, shown),
        "cases": "" if speed is None else _speed(speed),
        "tokens": "" if tokens is None else _speed(tokens, " tokens"),
        "left": "" if left is None else f"{duration(left)} left",
        "waiting": progress.waiting,
    }


def _models(progress: Progress, shown: int) -> str:
    """Solved of judged cases; where not all have room, those that are worked on."""
    begun = [(label, one) for label, one in progress.models.items() if one.done]
    more = len(begun) - shown
    if more:
        begun.sort(key=lambda pair: pair[1].done == pair[1].total)
    texts = [f"{label} {one.solved}/{one.judged}" for label, one in begun[:shown]]
    if not texts:
        return ""
    return ", ".join(texts) + " solved" + (f", {more} more" if more else "")


def duration(seconds: float) -> str:
    """``1:05`` is a minute and five seconds, ``2:01:05`` has two hours more."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _speed(per_s: float, unit: str = "") -> str:
    if per_s < 0.1:
        return f"{60 * per_s:.1f}{unit}/min"
    return f"{per_s:.{0 if per_s >= 10 else 1}f}{unit}/s"
