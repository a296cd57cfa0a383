from __future__ import annotations

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.progress import (
    WINDOW_S,
    Activity,
    ModelCount,
    Progress,
    Speed,
    Tracker,
    duration,
    status_line,
)


def record(name: str, status: Status = Status.PASSED) -> Record:
    verdicts = {
        Status.PASSED: Verdict.SOLVED,
        Status.FAILED: Verdict.WRONG_ANSWER,
        Status.SKIPPED: None,
        Status.ERROR: None,
    }
    case = {"id": name, "model": name[0]}
    return Record(case=case, status=status, verdict=verdicts[status])


def tracker(*names: str, workers: int = 1) -> Tracker:
    return Tracker({name: name[0] for name in names}, workers=workers, now_s=0.0)


def test_cases_are_counted_by_model_and_verdict() -> None:
    counted = tracker("a1", "a2", "a3", "a4", "b1")
    for name, status in {
        "a1": Status.PASSED, "a2": Status.FAILED, "a3": Status.SKIPPED, "a4": Status.ERROR,
    }.items():  # fmt: skip
        counted.add(record(name, status), 1.0)
    found = counted.progress(2.0)
    assert (found.done, found.total, found.errors) == (4, 5, 1)
    assert found.models == {
        "a": ModelCount(total=4, done=4, judged=2, solved=1),
        "b": ModelCount(total=1),
    }
    assert found.elapsed_s == 2.0


def test_a_second_record_and_another_test_change_nothing() -> None:
    counted = tracker("a1", "a2")
    for name in ("a1", "a1", "other"):
        counted.add(record(name), 1.0)
    assert counted.progress(1.0).done == 1


def test_the_time_left_follows_from_the_speed_once_enough_cases_ended() -> None:
    counted = tracker(*(f"a{n}" for n in range(10)))
    for n in range(2):
        counted.add(record(f"a{n}"), n + 1.0)
    assert counted.progress(2.0).left_s is None
    counted.add(record("a2"), 3.0)
    found = counted.progress(3.0)
    assert (found.cases_per_s, found.left_s) == (1.0, 7.0)


def test_loading_is_no_part_of_the_speed() -> None:
    counted = tracker(*(f"a{n}" for n in range(10)))
    counted.observe(Activity(loading=["a"], asked={"a": 1}), 100.0)
    for n in range(4):
        counted.add(record(f"a{n}"), 101.0 + n)
    assert counted.progress(104.0).cases_per_s == 1.0
    # Loading a second model is: other cases wait for it.
    counted.observe(Activity(loading=["b"]), 108.0)
    assert counted.progress(108.0).cases_per_s == 0.5


def test_speed_is_that_of_the_last_minute() -> None:
    speed = Speed(0.0)
    assert speed.per_s(10.0) is None
    for second in range(1, 301):
        speed.update(10 * min(second, 100) + max(0, second - 100), float(second))
    assert speed.per_s(300.0) == 1.0
    assert speed.per_s(300.0 + WINDOW_S) == 0.0


def test_speed_between_rare_bursts_is_their_mean() -> None:
    speed = Speed(0.0)
    for burst in range(1, 4):
        speed.update(900 * burst, 90.0 * burst)
    assert speed.per_s(270.0) == 10.0


def test_a_counter_that_begins_anew_does_not_count_backwards() -> None:
    speed = Speed(0.0)
    speed.update(1000, 10.0)
    speed.update(0, 20.0)
    assert speed.per_s(25.0) is None
    speed.update(50, 30.0)
    assert speed.per_s(30.0) == 5.0


@pytest.mark.parametrize(
    ("activity", "workers", "expected"),
    [
        (None, 1, "starting"),
        (Activity(loading=["a"]), 1, "loading: a"),
        (Activity(loading=["a"], asked={"a": 1}), 4, "loading: a"),
        (Activity(asked={"a": 1, "b": 2}), 4, "waiting: b"),
        (Activity(asked={"a": 1}), 4, "waiting: sandbox"),
        (Activity(), 1, "waiting: sandbox"),
    ],
)
def test_what_is_waited_for(
    activity: Activity | None, workers: int, expected: str
) -> None:
    counted = tracker("a1", workers=workers)
    if activity is not None:
        counted.observe(activity, 1.0)
    assert counted.progress(1.0).waiting == expected
    counted.add(record("a1"), 1.0)
    assert counted.progress(1.0).waiting == ""


FULL = Progress(
    elapsed_s=83.0,
    done=123,
    total=480,
    errors=2,
    models={
        "done": ModelCount(total=60, done=60, judged=60, solved=30),
        "now": ModelCount(total=240, done=63, judged=61, solved=20),
        "later": ModelCount(total=180),
    },
    cases_per_s=3.25,
    tokens_per_s=412.3,
    left_s=110.0,
    waiting="waiting: now",
)


def test_the_whole_line() -> None:
    assert status_line(FULL) == (
        "123/480 cases | 2 not judged | done 30/60, now 20/61 solved | 3.2/s"
        " | 412 tokens/s | 1:50 left | waiting: now"
    )


@pytest.mark.parametrize("width", range(10, 120))
def test_the_line_fits(width: int) -> None:
    line = status_line(FULL, width)
    assert len(line) <= width
    assert line.startswith("123/480 ca")


@pytest.mark.parametrize(
    ("width", "end"),
    [
        (105, "now 20/61 solved | 412 tokens/s | 1:50 left | waiting: now"),
        (100, "now 20/61 solved | 1:50 left | waiting: now"),
        (80, "done 30/60, now 20/61 solved | 1:50 left"),
        (70, "done 30/60, now 20/61 solved"),
        (58, "now 20/61 solved, 1 more"),
        (30, "2 not judged"),
    ],
)
def test_what_matters_least_goes_first(width: int, end: str) -> None:
    line = status_line(FULL, width)
    assert line.startswith("123/480 cases | 2 not judged")
    assert line.endswith(end)


def test_a_finished_run_says_how_long_it_took() -> None:
    finished = Progress(
        elapsed_s=83.0, done=4, total=4, errors=0, models={}, cases_per_s=0.05
    )
    assert status_line(finished) == "4/4 cases in 1:23 | 3.0/min"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3599.0, "59:59"), (7265, "2:01:05")]
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
