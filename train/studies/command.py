"""From a checked study to its report: start workers, watch them, judge what they bring."""

import dataclasses
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import yaml

from cli.errors import UsageError, UserError
from eval.run_directory import write_text
from train.config import read_config
from train.studies.checking import check_cells
from train.studies.phases import phases
from train.studies.plan import JUDGEMENT, Range, Study
from train.studies.progress import Progress, progress
from train.studies.storage import GRACE, LOSSES, STORAGE_ERRORS, Row, first_difference, open_storage, reason_of
from train.studies.summary import closing
from train.studies.table import right_answers, write_table
from train.studies.worker import log_name, start_worker

DEFINITION = "study.yaml"
DATABASE = "study.db"

CHANGED = "changed"
"""The key of study.yaml for what was changed of the judgement after the study had begun."""

CRASHES = 3
"""How often workers may end with an error of their own, one after the other."""


def run_study(
    study: Study, folder: Path, *, storage: str | None, workers: int, grace: int = GRACE, as_json: bool = False
) -> int:
    """Run what is left of a study, write its table and report into `folder`, and return the exit status.

    Raises UserError for a folder, a storage or a level that does not fit.
    """
    out = sys.stderr if as_json else sys.stdout
    check_cells(study)
    changed = _open_folder(folder, study)
    url = storage or f"sqlite:///{folder.resolve() / DATABASE}"
    try:
        with _signals():
            parts = phases(study, open_storage(url, grace))
            first = next(parts)
            with _Workers(study, folder, url, grace, workers) as crew:
                rows = _watch(study, folder, chain([first], parts), crew, out)
            headline = _judge(study, folder, rows, changed)
    except _Told as told:
        print("\nstopped; the same command goes on", file=out)
        return 128 + told.signum
    except STORAGE_ERRORS as error:
        raise UserError(f"the storage no longer answers ({reason_of(error)}); the same command goes on") from error
    if as_json:
        print((folder / "effects.json").read_text())
    else:
        print(closing(folder, headline))
    return 0


class _Told(BaseException):
    """A signal that tells us to stop."""

    def __init__(self, signum: int):
        self.signum = signum


@contextmanager
def _signals() -> Iterator[None]:
    """Within it Ctrl-C and SIGTERM raise _Told, so that no worker is left behind."""

    def tell(number, frame):
        raise _Told(number)

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Workers:
    """The worker processes on this machine; one that dies is replaced."""

    def __init__(self, study: Study, folder: Path, url: str, grace: int, count: int):
        self.count = count
        self._arguments = (study, folder, url, grace)
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, multiprocessing.Process] = {}
        self._folder = folder
        self._deaths = self._crashes = 0

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *exception) -> None:
        """Let every run save a checkpoint; a second signal does not wait for that."""
        workers = self._workers.values()
        try:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join(timeout=60)
        finally:
            for worker in workers:
                worker.kill()

    def keep_alive(self) -> None:
        """Start what is not running; raises UserError where workers die one after the other."""
        for index in range(self.count):
            worker = self._workers.get(index)
            if worker is not None and worker.exitcode in (None, 0):
                continue
            if worker is not None:
                self._mourn(index, worker.exitcode)
            worker = self._context.Process(target=start_worker, args=(*self._arguments, index, self.count))
            # A Ctrl-C must not reach it before it can answer.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                worker.start()
                self._workers[index] = worker
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def has_news(self) -> None:
        """A run was finished: deaths so far were not the study's end."""
        self._deaths = self._crashes = 0

    def _mourn(self, index: int, exitcode: int) -> None:
        self._deaths += 1
        self._crashes += exitcode > 0
        if self._crashes >= CRASHES or self._deaths > LOSSES * self.count:
            log = self._folder / log_name(index)
            raise UserError(f"workers keep dying ({_last_line(log)}): {log} says more; the same command goes on")


def _watch(study: Study, folder: Path, parts, crew: _Workers, out) -> list[Row]:
    """Wait until every run is finished, saying how far it is and keeping the table up to date."""
    done: list[Row] = []
    said = Progress(study.planned, 0, 0, 0, 0, None)
    print(said.line(), file=out, flush=True)
    for cells in parts:
        while True:
            rows = cells.rows()
            now = progress([*done, *rows], study.planned, crew.count)
            if now.finished != said.finished:
                write_table(folder, study, [*done, *rows])
                crew.has_news()
                print(now.line(), file=out, flush=True)
                said = now
            if all(row.is_finished for row in rows):
                break
            crew.keep_alive()
            time.sleep(0.5)
        done += rows
    write_table(folder, study, done)
    return done


def _judge(study: Study, folder: Path, rows: list[Row], changed: list[str]) -> str:
    """Write effects.json and the report; their first sentence."""
    # Here, not above: it takes seconds to import, before which no worker could start.
    from eval.effects import Protocol
    from eval.study_report import judge_search, judge_study

    if all(row.status == "failed" for row in rows):
        raise UserError(f"every run failed; the first one's reason: {rows[0].reason}")
    if study.is_search:
        logarithmic = [name for name, one in study.ranges.items() if one.log]
        factors = [*study.ranges, *study.factors]
        return judge_search(folder, factors, study.metric, margin=study.margin, log=logarithmic, planned=study.planned)
    return judge_study(
        folder,
        study.levels,
        study.metric,
        margin=study.margin,
        correct=right_answers(folder, rows),
        planned=study.planned,
        protocol=Protocol(study.hypothesis, study.guards, changed),
    )


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError as error:
        return str(error)
    return next((line.strip() for line in reversed(lines) if line.strip()), "they said nothing")


def _open_folder(folder: Path, study: Study) -> list[str]:
    """Make the folder and leave the study's definition in it; returns what of its judgement was changed since it began.

    Raises UserError where it holds something else.
    """
    file = folder / DEFINITION
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Hidden ones are being written, by a command that was started together with this one.
        begun = any(path != file and not path.name.startswith(".") for path in folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): name another --study_dir") from error
    if begun and not file.exists():
        raise UsageError(f"{folder} is not empty and holds no study: name another --study_dir")
    changed = []
    if begun:
        held, definition, changed = _study_in(file)
        if difference := first_difference(definition, study.definition):
            raise UsageError(f"{folder} holds a study with {difference}: name another --study_dir")
        if (folder / "runs").is_dir():
            changed += changes(held, study)
    write_text(file, yaml.safe_dump(dataclasses.asdict(study) | {CHANGED: changed}, sort_keys=False))
    return changed


def _study_in(file: Path) -> tuple[Study, dict, list[str]]:
    """The study that a folder holds, its definition, and what of its judgement was changed since it began."""
    fields = read_config(file)
    try:
        changed = list(fields.pop(CHANGED, []))
        ranges = {name: Range(**one) for name, one in fields["ranges"].items()}
        study = Study(**fields | {"ranges": ranges})
        return study, study.definition, changed
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} holds no study of this version: name another --study_dir") from error


def changes(held: Study, study: Study) -> list[str]:
    """What two studies that are the same say otherwise of how they are judged, in words."""
    pairs = {key: (getattr(held, key), getattr(study, key)) for key in JUDGEMENT}
    return [f"{key}: {_said(before)} (now {_said(now)})" for key, (before, now) in pairs.items() if before != now]


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner:g}" for key, inner in value.items()) or "none"
    if isinstance(value, list):
        return f"{len(value)} ({', '.join(map(str, value))})"
    return "none" if value is None else str(value)
