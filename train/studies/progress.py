"""How far a study is, in a line, and how long it still takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from train.studies.storage import Row


@dataclass(frozen=True, slots=True)
class Progress:
    """Runs by what became of them, and the seconds that are left; None before the first run is finished."""

    planned: int
    complete: int
    failed: int
    pruned: int
    running: int
    seconds_left: float | None

    @property
    def finished(self) -> int:
        return self.complete + self.failed + self.pruned

    def line(self, now: datetime | None = None) -> str:
        """`7 of 30 runs, 2 running, 1 failed; about 12 min left, until 14:05`."""
        parts = [f"{self.finished} of {self.planned} runs"]
        parts += [f"{n} {word}" for n, word in ((self.running, "running"), (self.failed, "failed")) if n]
        parts += [f"{self.pruned} given up early"] if self.pruned else []
        if self.finished >= self.planned:
            return ", ".join(parts)
        if self.seconds_left is None:
            return ", ".join(parts) + "; the time left is known when the first one is complete"
        now = now or datetime.now()
        end = now + timedelta(seconds=self.seconds_left)
        day = "" if end.date() == now.date() else f"{end:%a} "
        return ", ".join(parts) + f"; about {duration(self.seconds_left)} left, until {day}{end:%H:%M}"


def progress(rows: Sequence[Row], planned: int, workers: int, now: datetime | None = None) -> Progress:
    """Count the runs of a study by what became of them, and reckon how long the others take (see seconds_left)."""
    now = now or datetime.now()
    counts = {name: sum(row.status == name for row in rows) for name in ("complete", "failed", "pruned", "running")}
    return Progress(planned, *counts.values(), seconds_left(rows, planned, workers, now))


def seconds_left(rows: Sequence[Row], planned: int, workers: int, now: datetime) -> float | None:
    """Seconds until the last of `planned` runs is finished, or None while nothing is known.

    `workers` run at a time; more, where more are running: those of other machines. Each run is taken to last as long
    as finished ones of its cell, or as all of them where there is none yet. No order of the runs ends sooner than this.
    """
    took: dict[str, list[float]] = {}
    for row in rows:
        if row.is_finished and "seconds" in row.figures:
            took.setdefault(row.cell.name, []).append(row.figures["seconds"])
    if not took:
        return None
    usual = fmean(seconds for runs in took.values() for seconds in runs)
    left = [usual] * (planned - len(rows))
    for row in rows:
        if not row.is_finished:
            expected = fmean(took.get(row.cell.name, [usual]))
            begun = (now - row.started).total_seconds() if row.status == "running" and row.started else 0
            # The clock of another machine may be ahead.
            left.append(max(expected - max(begun, 0), 0))
    at_once = max(workers, sum(row.status == "running" for row in rows))
    return max(sum(left) / at_once, max(left, default=0))


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
