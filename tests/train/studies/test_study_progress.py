"""How far a study is: every time left here has a closed form."""

from datetime import datetime, timedelta

import pytest

from train.studies.plan import Cell
from train.studies.progress import Progress, duration, progress, seconds_left
from train.studies.storage import Row

NOW = datetime(2026, 1, 2, 12, 0, 0)


def row(cell, status="complete", seconds=None, started=None):
    return Row(Cell(cell, 0, {}, {}), status, {} if seconds is None else {"seconds": seconds}, "", started)


def left(*rows, planned=None, workers=1):
    return seconds_left(rows, len(rows) if planned is None else planned, workers, NOW)


def test_nothing_is_known_before_a_run_has_a_time():
    assert left(row("a", "waiting"), row("a", "running", started=NOW)) is None
    assert left(row("a", "failed"), row("b", "waiting")) is None


def test_runs_to_come_last_as_long_as_those_of_their_cell():
    assert left(row("a", seconds=10), row("a", seconds=30), row("b", seconds=50), row("a", "waiting")) == 20
    assert left(row("a", seconds=10), row("b", seconds=50), *[row("b", "waiting")] * 3) == 150


def test_a_cell_without_a_run_lasts_as_long_as_the_mean_run():
    assert left(row("a", seconds=10), row("b", seconds=50), row("c", "waiting")) == 30
    # of a search, whose later trials are not yet there
    assert left(row("a", seconds=10), row("b", "pruned", seconds=20), planned=6) == 4 * 15


def test_a_failed_run_without_a_time_does_not_count_as_a_short_one():
    assert left(row("a", seconds=10), row("b", "failed"), row("c", "waiting")) == 10


@pytest.mark.parametrize(("workers", "seconds"), [(1, 60), (2, 30), (3, 20), (4, 20), (100, 20)])
def test_workers_share_the_runs_and_none_ends_before_its_longest(workers, seconds):
    assert left(row("a", seconds=20), row("b", seconds=20), *[row("a", "waiting")] * 3, workers=workers) == seconds


@pytest.mark.parametrize(("begun", "seconds"), [(0, 20), (15, 5), (20, 0), (500, 0), (-300, 20)])
def test_a_running_run_has_what_is_left_of_it(begun, seconds):
    """One that is overdue may end at any time; another machine's clock may be ahead."""
    running = row("a", "running", started=NOW - timedelta(seconds=begun))
    assert left(row("a", seconds=20), running) == seconds


def test_workers_of_other_machines_count_as_long_as_they_run():
    running = [row("a", "running", started=NOW)] * 4
    assert left(row("a", seconds=20), *running, *[row("a", "waiting")] * 4) == 8 * 20 / 4


def test_nothing_is_left_of_a_finished_study():
    assert left(row("a", seconds=20), row("b", "failed"), workers=3) == 0


def test_the_line_counts_and_says_until_when():
    rows = [
        *[row("a", seconds=600), row("b", "failed"), row("c", "pruned", seconds=600)],
        *[row("a", "running", started=NOW), row("b", "waiting")],
    ]
    found = progress(rows, 5, 1, NOW)
    assert (found.complete, found.failed, found.pruned, found.running, found.seconds_left) == (1, 1, 1, 1, 1200)
    text = "3 of 5 runs, 1 running, 1 failed, 1 given up early; about 20 min left, until 12:20"
    assert found.line(NOW) == text


def test_the_line_names_the_day_of_an_end_that_is_not_today():
    assert Progress(9, 1, 0, 0, 0, 86400).line(NOW) == "1 of 9 runs; about 24 h 0 min left, until Sat 12:00"


def test_the_line_promises_nothing_it_does_not_know():
    assert Progress(9, 0, 1, 0, 1, None).line().endswith("the time left is known when the first one is complete")
    assert Progress(2, 0, 2, 0, 0, None).line() == "2 of 2 runs, 2 failed"
    assert Progress(2, 2, 0, 0, 0, 0).line() == "2 of 2 runs"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89.4, "89 s"), (89.6, "2 min"), (5369, "89 min"), (5370, "1 h 30 min"), (12000, "3 h 20 min")],
)
def test_durations_are_said_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text
