"""The cells of a study in an Optuna storage: which are waiting, who runs which, and what came of each.

Several workers, on one machine or many, share a storage. A cell's trials, one for each time it was taken up, say what
is left to do: it is queued whenever none of them waits, runs or has ended it. So nothing hangs on who is killed when.
"""

import contextlib
import dataclasses
import socket
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import optuna
import psutil
import sqlalchemy
from optuna.exceptions import (
    DuplicatedStudyError,
    ExperimentalWarning,
    StorageInternalError,
    TrialPruned,
    UpdateFinishedTrialError,
)
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from cli.errors import UsageError, UserError
from train.config import one_line
from train.studies.plan import Cell

GRACE = 90
"""Seconds without a sign of life after which a run on another machine is taken up by a worker of this one."""

ATTEMPTS, LOSSES = 2, 5
"""How often a run that fails is made, and one whose worker dies: a cell that kills its worker ends, too."""

UNCLAIMED = 20
"""Seconds within which a worker that took a cell has said who it is."""

Run = Callable[[Trial, Cell, int], float]

STORAGE_ERRORS = (SQLAlchemyError, StorageInternalError)
"""What Optuna raises where the database does not answer."""

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=ExperimentalWarning)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a cell: its status is waiting, running, complete, failed or pruned."""

    cell: Cell
    status: str
    figures: dict
    reason: str = ""
    started: datetime | None = None

    @property
    def is_finished(self) -> bool:
        return self.status not in ("waiting", "running")


class Storage(RDBStorage):
    """Optuna's storage, whose signs of life outlast a database that is away for a moment."""

    def record_heartbeat(self, trial_id: int) -> None:
        # The next one may get through; after too long others take the cell up.
        with contextlib.suppress(*STORAGE_ERRORS):
            super().record_heartbeat(trial_id)


def open_storage(url: str, grace: int = GRACE) -> Storage:
    """The storage behind a URL; raises UserError, one line without the password, where it does not answer."""
    try:
        address = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or "@" in (address.host or ""):
        raise UsageError(
            "--storage is no URL of a database: postgresql://user:password@host/database, "
            "where @, / and : in a password are written %40, %2F and %3A"
        )
    is_sqlite = address.get_backend_name() == "sqlite"
    if is_sqlite:
        # Workers wait for each other's writes; transactions are begun below.
        arguments = {"connect_args": {"timeout": 60, "isolation_level": None}}
    else:
        arguments = {"connect_args": {"connect_timeout": 10}, "pool_pre_ping": True}
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg2")
    try:
        if is_sqlite:
            Path(address.database or ".").parent.mkdir(parents=True, exist_ok=True)
        storage = _connect(address.render_as_string(hide_password=False), arguments, grace)
    except (SQLAlchemyError, ImportError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"--storage {_shown(address)} does not answer ({reason_of(error)})") from error
    if is_sqlite:
        # SQLite knows no SELECT FOR UPDATE: without this two workers take the same cell.
        sqlalchemy.event.listen(storage.engine, "begin", lambda it: it.exec_driver_sql("BEGIN IMMEDIATE"))
    return storage


def _connect(url: str, arguments: dict, grace: int) -> Storage:
    """A storage with its tables; two processes that make them at once stumble over each other."""
    heartbeat = max(1, grace // 9)
    for _ in range(5):
        try:
            return Storage(url, engine_kwargs=arguments, heartbeat_interval=heartbeat, grace_period=grace)
        except DBAPIError as error:
            if "exist" not in str(error.orig) and "UNIQUE" not in str(error.orig):
                raise
            time.sleep(1)
    return Storage(url, engine_kwargs=arguments, heartbeat_interval=heartbeat, grace_period=grace)


class Cells:
    """The cells of a study, or of one phase of a search, in a storage.

    `definition` is what makes it the same study: a storage that holds another one under this name is refused.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        cells: Iterable[Cell],
        *,
        definition: Mapping,
        direction: str,
        sampler: Callable[[Cell], BaseSampler] | None = None,
        pruner: optuna.pruners.BasePruner | None = None,
    ):
        self.cells = {cell.key: cell for cell in cells}
        self._sampler = sampler
        self._unclaimed: dict[int, float] = {}
        pruner = pruner or optuna.pruners.NopPruner()
        try:
            self._study = optuna.create_study(storage=storage, study_name=name, direction=direction, pruner=pruner)
        except DuplicatedStudyError:
            self._study = optuna.load_study(storage=storage, study_name=name, pruner=pruner)
        held = self._study.user_attrs.get("definition")
        if held is None:
            self._study.set_user_attr("definition", dict(definition))
        elif difference := first_difference(held, definition):
            raise UsageError(f"the storage's {name} is a study with {difference}: rename the file or --storage another")
        self._queue_what_is_left()

    def work(self, run: Run) -> None:
        """Take cells and run them until every one of them is finished, by whomever.

        `run(trial, cell, attempt)` notes the row's `figures` at the trial and returns the metric's value.
        """
        while statuses := {row.status for row in self.rows() if not row.is_finished}:
            if "waiting" in statuses:
                self._run_one(run)
            else:
                time.sleep(1)
                optuna.storages.fail_stale_trials(self._study)
            self._give_up_lost()
            self._queue_what_is_left()

    def rows(self) -> list[Row]:
        """A row a cell, in the order of the plan; finished ones of another's plan, such as a seed more, come last."""
        trials = self._trials()
        rows = [_row(cell, trials.pop(key, ())) for key, cell in self.cells.items()]
        others = [_row(_cell_of(found[0]), found) for found in trials.values()]
        return rows + [row for row in others if row.is_finished]

    def _run_one(self, run: Run) -> None:
        def objective(trial: Trial) -> float:
            cell, attempt = self._take(trial)
            try:
                return run(trial, cell, attempt)
            except TrialPruned:
                raise
            except Exception as error:
                trial.set_user_attr("reason", reason_of(error))
                raise
            except SystemExit:
                # Told to stop: neither the cell's fault nor a death.
                trial.set_user_attr("stopped", True)
                self._study.tell(trial.number, state=TrialState.FAIL)
                raise

        try:
            self._study.optimize(objective, n_trials=1, catch=(Exception,))
        except ValueError as error:
            # After too long a silence others have taken the cell up, and find this run finished or run it themselves.
            if "Cannot tell" not in str(error):
                raise

    def _take(self, trial: Trial) -> tuple[Cell, int]:
        """The cell of a trial and which attempt at it this is; raises _Dropped where there is nothing to do."""
        if "cell" not in trial.user_attrs:
            raise _Dropped  # another worker took the last one
        cell = _cell_of(trial)
        others = [other for other in self._trials()[cell.key] if other.number != trial.number]
        is_running = any(other.state == TrialState.RUNNING and other.number < trial.number for other in others)
        if is_running or _row(cell, others).is_finished:
            # Two workers have queued it.
            trial.set_user_attr("dropped", True)
            raise _Dropped
        trial.set_user_attr("worker", _this_process())
        if self._sampler:
            self._study.sampler = self._sampler(cell)
        return cell, 1 + len(_failures(others))

    def _queue_what_is_left(self) -> None:
        trials = self._trials()
        for key, cell in self.cells.items():
            found = trials.get(key, ())
            if _row(cell, found).status == "waiting" and not any(t.state == TrialState.WAITING for t in found):
                # What a search drew for a cell, it keeps.
                drawn = next((trial.params for trial in reversed(found) if trial.params), {})
                self._study.enqueue_trial(drawn, user_attrs={"cell": dataclasses.asdict(cell)})

    def _give_up_lost(self) -> None:
        """Let others take up the cells whose worker, on this machine, is gone."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._is_lost(trial):
                try:
                    self._study.tell(trial.number, state=TrialState.FAIL)
                except (ValueError, UpdateFinishedTrialError):
                    continue  # another worker was first

    def _is_lost(self, trial: FrozenTrial) -> bool:
        """Whether a running trial's process, one of this machine, is gone; for the others there are heartbeats."""
        worker = trial.user_attrs.get("worker")
        if worker is None:
            # Taken, and dead before it could say by whom?
            return time.monotonic() - self._unclaimed.setdefault(trial.number, time.monotonic()) > UNCLAIMED
        if worker["machine"] != _machine():
            return False
        try:
            process = psutil.Process(worker["process"])
            return abs(process.create_time() - worker["since"]) > 5 or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def _trials(self) -> dict[str, list[FrozenTrial]]:
        """The trials of each cell, the earliest first, by the cell's key."""
        trials: dict[str, list[FrozenTrial]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            if "cell" in trial.user_attrs and "dropped" not in trial.user_attrs:
                trials.setdefault(_cell_of(trial).key, []).append(trial)
        return trials


class _Dropped(Exception):
    pass


def _row(cell: Cell, trials: Sequence[FrozenTrial]) -> Row:
    """What the trials of a cell come to."""
    by_state = {state: [trial for trial in trials if trial.state == state] for state in TrialState}
    for state, status in ((TrialState.COMPLETE, "complete"), (TrialState.PRUNED, "pruned")):
        if by_state[state]:
            return _as_row(cell, by_state[state][0], status)
    failures = _failures(trials)
    if len(failures) >= ATTEMPTS:
        return _as_row(cell, failures[-1], "failed", failures[-1].user_attrs["reason"])
    losses = [trial for trial in by_state[TrialState.FAIL] if not {"reason", "stopped"} & trial.user_attrs.keys()]
    if len(losses) >= LOSSES:
        return _as_row(cell, losses[-1], "failed", f"its worker died {LOSSES} times: too little memory?")
    if by_state[TrialState.RUNNING]:
        return _as_row(cell, by_state[TrialState.RUNNING][0], "running")
    return Row(cell, "waiting", {})


def _as_row(cell: Cell, trial: FrozenTrial, status: str, reason: str = "") -> Row:
    # Of a search's trial, what was drawn for it.
    cell = dataclasses.replace(cell, levels=trial.user_attrs.get("levels", cell.levels))
    return Row(cell, status, trial.user_attrs.get("figures", {}), reason, trial.datetime_start)


def _failures(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if trial.state == TrialState.FAIL and "reason" in trial.user_attrs]


def _cell_of(trial: FrozenTrial | Trial) -> Cell:
    return Cell(**trial.user_attrs["cell"])


def _this_process() -> dict:
    process = psutil.Process()
    return {"machine": _machine(), "process": process.pid, "since": process.create_time()}


@cache
def _machine() -> str:
    """A name for this machine; containers have their own."""
    node = uuid.getnode()
    # Without a network card it is drawn at random, which this bit says.
    return socket.gethostname() if node >> 40 & 1 else f"{socket.gethostname()}/{node}"


def first_difference(held: Mapping, wanted: Mapping) -> str | None:
    """The first thing in which two definitions differ, in words."""
    for key, value in wanted.items():
        before = held.get(key)
        if before == value:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            inner = next(name for name in [*value, *before] if before.get(name) != value.get(name))
            return f"{key} {inner}: {before.get(inner, 'none')} (now {value.get(inner, 'none')})"
        return f"{key}: {before} (now {value})"
    return None


def reason_of(error: Exception) -> str:
    """What an exception says, on one line that is not too long; whose it is, where it is not ours."""
    error = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = one_line(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}"
    return text if len(text) <= 300 else f"{text[:300]}…"


def _shown(address: sqlalchemy.URL) -> str:
    # A password may stand in the query, too.
    return address.set(query={}).render_as_string(hide_password=True)
