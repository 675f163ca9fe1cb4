"""What becomes of cells whose runs fail, whose workers die, and that several workers want at once."""

import multiprocessing
import time

import optuna
import psutil
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from cli.errors import UsageError, UserError
from train.studies import storage as module
from train.studies.plan import Cell
from train.studies.storage import ATTEMPTS, LOSSES, Cells, open_storage

CELLS = [Cell(f"cell{index}", 0, {"a": str(index)}, {}) for index in range(4)]
DEFINITION = {"design": "grid", "factors": {"a": [0, 1, 2, 3]}}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


def open_cells(url, cells=CELLS, definition=DEFINITION, **kwargs) -> Cells:
    return Cells(open_storage(url), "study", cells, definition=definition, direction="maximize", **kwargs)


def trials(url, *states) -> list:
    return optuna.load_study(study_name="study", storage=url).get_trials(states=states or None)


def finish(trial, cell, attempt):
    trial.set_user_attr("figures", {"attempt": attempt})
    return 0.5


def die_in(url, key):
    """What a worker leaves that is killed in a cell."""
    cells = open_cells(url)

    class Killed(BaseException):
        pass

    def run(trial, cell, attempt):
        if cell.key != key:
            return finish(trial, cell, attempt)
        # Another process that is no more.
        trial.set_user_attr("worker", module._this_process() | {"since": 0.0})
        raise Killed

    with pytest.raises(Killed):
        cells.work(run)


@pytest.mark.multiprocess
def test_every_cell_is_run_once_however_many_take_them(url):
    cells = [Cell(f"cell{index}", 0, {}, {}) for index in range(30)]
    # Forked, they need not import anything.
    context = multiprocessing.get_context("fork")
    together, started = context.Barrier(3), context.SimpleQueue()

    def work():
        mine = open_cells(url, cells)
        together.wait()
        mine.work(lambda trial, cell, attempt: started.put(cell.key) or 0.5)

    open_cells(url, cells)
    workers = [context.Process(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    found = []
    while not started.empty():
        found.append(started.get())
    assert sorted(found) == sorted(cell.key for cell in cells)
    assert {row.status for row in open_cells(url, cells).rows()} == {"complete"}


@pytest.mark.multiprocess
def test_workers_that_fill_a_study_at_once_run_no_cell_twice(url):
    # Each has found the study empty: every cell is queued twice.
    first, second = open_cells(url), open_cells(url)
    for cell in CELLS:
        second._study.enqueue_trial({}, user_attrs=trials(url)[CELLS.index(cell)].user_attrs)
    started = []
    first.work(lambda trial, cell, attempt: started.append(cell.key) or 0.5)
    optuna.load_study(study_name="study", storage=url)
    second.work(lambda *_: pytest.fail("nothing is left"))
    assert started == [cell.key for cell in CELLS]


def test_a_run_that_fails_is_made_again_once_and_then_recorded_with_its_reason(url):
    cells = open_cells(url)
    attempts = []

    def run(trial, cell, attempt):
        if cell.name == "cell1":
            attempts.append(attempt)
            raise KeyError("label")
        if cell.name == "cell2" and attempt == 1:
            raise UserError("the loss became NaN")
        return finish(trial, cell, attempt)

    cells.work(run)
    rows = {row.cell.name: row for row in cells.rows()}
    assert attempts == [1, 2] and ATTEMPTS == 2
    assert (rows["cell1"].status, rows["cell1"].reason) == ("failed", "KeyError: 'label'")
    assert (rows["cell2"].status, rows["cell2"].figures) == ("complete", {"attempt": 2})
    assert [row.status for row in rows.values()].count("complete") == 3


def test_the_cell_of_a_dead_worker_is_taken_up_and_its_attempt_still_counts_as_the_first(url):
    die_in(url, "cell1-seed0")
    assert {row.cell.name: row.status for row in open_cells(url).rows()}["cell1"] == "running"
    cells = open_cells(url)
    cells.work(finish)
    assert [row.figures for row in cells.rows()] == [{"attempt": 1}] * 4


@pytest.mark.slow
def test_the_cell_of_another_machine_is_taken_up_when_its_signs_of_life_cease(url, monkeypatch):
    began = multiprocessing.get_context("fork").Event()

    def die():
        monkeypatch.setattr(module, "_machine", lambda: "elsewhere")
        Cells(open_storage(url, 2), "study", CELLS[:1], definition=DEFINITION, direction="maximize").work(hang)

    def hang(trial, cell, attempt):
        began.set()
        time.sleep(600)

    worker = multiprocessing.get_context("fork").Process(target=die)
    worker.start()
    assert began.wait(60)
    cells = Cells(open_storage(url, 2), "study", CELLS[:1], definition=DEFINITION, direction="maximize")
    time.sleep(5)
    cells._give_up_lost()
    optuna.storages.fail_stale_trials(cells._study)
    assert [row.status for row in cells.rows()] == ["running"], "it lives"
    worker.kill()
    cells.work(finish)
    assert [row.status for row in cells.rows()] == ["complete"] and len(trials(url)) == 2


@pytest.mark.slow
def test_a_cell_that_kills_every_worker_ends(url):
    for _ in range(LOSSES):
        die_in(url, "cell1-seed0")
    cells = open_cells(url)
    cells.work(finish)
    row = {row.cell.name: row for row in cells.rows()}["cell1"]
    assert row.status == "failed" and f"died {LOSSES} times" in row.reason


@pytest.mark.parametrize("between", ["told", "queued"])
def test_a_worker_that_dies_while_it_puts_a_cell_back_loses_nothing(url, between, monkeypatch):
    die_in(url, "cell1-seed0")
    cells = open_cells(url)
    if between == "told":
        cells._give_up_lost()
    else:
        cells._give_up_lost()
        cells._queue_what_is_left()
        open_cells(url)._queue_what_is_left()
    started = []
    open_cells(url).work(lambda trial, cell, attempt: started.append(cell.name) or 0.5)
    assert started.count("cell1") == 1 and {row.status for row in open_cells(url).rows()} == {"complete"}


def test_a_worker_that_was_told_to_stop_may_be_told_so_any_number_of_times(url):
    def stop(trial, cell, attempt):
        raise SystemExit(143)

    for _ in range(LOSSES + 1):
        with pytest.raises(SystemExit):
            open_cells(url).work(stop)
    assert not trials(url, TrialState.RUNNING), "others need not wait for heartbeats"
    cells = open_cells(url)
    cells.work(finish)
    assert [row.figures for row in cells.rows()] == [{"attempt": 1}] * 4


def test_a_run_that_others_gave_up_does_not_end_its_worker(url):
    """A laptop that slept: the run goes on, though its trial was failed meanwhile."""
    cells = open_cells(url)
    slept = []

    def run(trial, cell, attempt):
        if not slept:
            slept.append(cell.key)
            optuna.load_study(study_name="study", storage=url).tell(trial.number, state=TrialState.FAIL)
        return finish(trial, cell, attempt)

    cells.work(run)
    assert {row.status for row in cells.rows()} == {"complete"}


def test_what_was_drawn_for_a_cell_stays_when_it_is_taken_up_again(url):
    drawn = {}

    def sampler(cell):
        return RandomSampler(seed=None)

    def run(trial, cell, attempt):
        number = trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)
        if cell.key not in drawn:
            drawn[cell.key] = number
            raise OSError
        assert number == drawn[cell.key]
        return number

    cells = open_cells(url, sampler=sampler)
    cells.work(run)
    assert len(drawn) == 4 and {row.status for row in cells.rows()} == {"complete"}


def test_a_living_process_is_never_taken_for_a_dead_one(url):
    cells = open_cells(url)
    checked = []

    def run(trial, cell, attempt):
        open_cells(url)._give_up_lost()
        checked.append(trials(url, TrialState.RUNNING)[0].number == trial.number)
        return 0.5

    cells.work(run)
    assert checked == [True] * 4
    assert psutil.pid_exists(trials(url)[0].user_attrs["worker"]["process"])


def test_a_trial_that_nobody_claims_is_given_up_after_a_while(url, monkeypatch):
    cells = open_cells(url)
    cells._study.ask()
    cells._give_up_lost()
    assert trials(url, TrialState.RUNNING)
    monkeypatch.setattr(module, "UNCLAIMED", -1)
    cells._give_up_lost()
    assert not trials(url, TrialState.RUNNING)


def test_another_study_under_the_same_name_is_refused(url):
    open_cells(url)
    with pytest.raises(UsageError, match=r"design: grid \(now search\)"):
        open_cells(url, definition=DEFINITION | {"design": "search"})


def test_seeds_may_be_added(url):
    open_cells(url).work(finish)
    more = [*CELLS, Cell("cell0", 1, {}, {})]
    cells = open_cells(url, more)
    assert [row.status for row in cells.rows()] == ["complete"] * 4 + ["waiting"]
    cells.work(finish)
    assert [row.status for row in open_cells(url).rows()] == ["complete"] * 5


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:1/db",
        "postgresql://me:hun@hunter2@127.0.0.1:1/db",
        "postgresql://me:hunter2@127.0.0.1:hunter2/db",
        "postgresql://127.0.0.1:1/db?user=me&password=hunter2",
        "nosuch://me:hunter2@127.0.0.1:1/db",
        "hunter2",
        "sqlite:////proc/nowhere/study.db",
    ],
)
def test_a_storage_that_does_not_answer_is_one_line_without_the_password(url):
    with pytest.raises(UserError, match="--storage") as caught:
        open_storage(url)
    assert "hunter2" not in str(caught.value) and "\n" not in str(caught.value)
