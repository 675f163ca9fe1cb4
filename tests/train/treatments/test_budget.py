import json
import os

import pytest

from cli.errors import UserError
from eval.run_directory import RunDirectory
from train.treatments.budget import (
    BESIDE,
    EVALUATIONS,
    FEWEST_SEEDS,
    FIXED,
    MOST_SEEDS,
    RUN,
    STEP,
    STUDY,
    Budget,
    Load,
    Speed,
    cut_of,
    run_seconds,
    speed_of,
)

SPEED = Speed(0.01, 600, 200.0, "its journal")
ARMS = [Load(32), Load(128), Load(32, 0.5)]


def total(size, arms, at_once=1, studies=1):
    """Seconds of both phases, counted run by run."""
    dearest = max(arms, key=lambda arm: arm.work * (arm.rows + STEP))
    runs = [arm for arm in arms for _ in range(size.seeds)]
    runs += [arm for arm in (arms[0], dearest) for _ in range(size.cure_seeds)]
    each = (run_seconds(SPEED, arm, size.steps, size.evaluations, size.evaluation_rows) for arm in runs)
    return sum(each) / at_once + STUDY * (studies + 1)


@pytest.mark.parametrize("seconds", [900, 1200, 3600, 36000])
@pytest.mark.parametrize("wanted", [60, 240])
def test_fits_and_wastes_nothing(seconds, wanted):
    size = Budget(seconds).fit(SPEED, ARMS, wanted=wanted, least=30, validation_rows=1000)
    assert size.seconds == pytest.approx(total(size, ARMS))
    assert size.seconds <= seconds
    assert FEWEST_SEEDS <= size.seeds <= MOST_SEEDS and 30 <= size.steps <= wanted
    if size.steps < wanted:
        assert size.seconds + (total_of_a_step(size)) > seconds


def total_of_a_step(size):
    with_one_more = type(size)(size.steps + 1, size.seeds, size.cure_seeds, size.evaluations, size.evaluation_rows, 0.0)
    return total(with_one_more, ARMS) - total(size, ARMS)


def test_what_is_cut_is_said():
    sizes = [
        Budget(seconds).fit(SPEED, ARMS, wanted=240, least=30, validation_rows=1000)
        for seconds in range(800, 8000, 200)
    ]
    assert all(30 <= size.steps <= 240 for size in sizes)
    assert sizes[-1].seeds == MOST_SEEDS and sizes[0].seeds == FEWEST_SEEDS
    assert not cut_of(sizes[-1])
    assert any("steps a run instead of 240" in line for line in cut_of(sizes[0]))


def test_too_short_says_what_would_do():
    with pytest.raises(UserError, match=r"--budget 40s is too short: the smallest experiment, 3 arms of 3 runs") as no:
        Budget(40).fit(SPEED, ARMS, wanted=240, least=60, validation_rows=1000)
    minutes = int(str(no.value).rsplit("--budget ", 1)[1].removesuffix("m"))
    size = Budget(60 * minutes).fit(SPEED, ARMS, wanted=240, least=60, validation_rows=1000)
    assert size.steps >= 60 and size.seeds == FEWEST_SEEDS
    with pytest.raises(UserError):
        Budget(60 * (minutes - 1)).fit(SPEED, ARMS, wanted=240, least=60, validation_rows=1000)


def test_seeds_that_are_asked_for_are_run():
    size = Budget(3000, seeds=9).fit(SPEED, ARMS, wanted=240, least=30, validation_rows=1000)
    assert (size.seeds, size.cure_seeds) == (9, 9)
    assert not any("seeds" in line for line in cut_of(size))


def test_workers_count_where_there_are_cores_for_them(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    def seconds(workers, cores):
        budget = Budget(1e6, workers)
        return budget.fit(SPEED, ARMS, wanted=100, least=30, validation_rows=1000, cores=cores).seconds - 2 * STUDY

    alone = seconds(1, 1)
    two, four = 1 + BESIDE, 1 + 3 * BESIDE
    assert seconds(2, 1) == pytest.approx(alone / two)
    assert seconds(8, 1) == pytest.approx(alone / four)
    assert seconds(4, 2) == pytest.approx(alone / two)
    # A run that had all cores is no faster beside another.
    assert seconds(4, None) == alone
    # When none are given, as many as there are cores for.
    assert [Budget(1, None).workers_for(cores) for cores in (1, 2, None)] == [4, 2, 1]


def journal_of(tmp_path, *lines):
    run = RunDirectory(tmp_path)
    run.journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.config.write_text("")
    return run, list(lines)


def evaluation(step):
    return {"kind": "eval", "step": step, "epoch": 0.0, "loss": 1.0}


def end(step, seconds):
    return {"kind": "event", "step": step, "epoch": 0.0, "event": "train_end", "seconds": seconds}


def test_speed_counts_what_the_seconds_were_spent_on(tmp_path):
    run, lines = journal_of(tmp_path, evaluation(50), evaluation(100), end(100, 30.0))
    speed = speed_of(run, lines, step_rows=32, evaluation_rows=500)
    assert (speed.steps, speed.seconds) == (100, 30.0)
    # The same run again takes what it took; beside it stand the last two evaluations and what surrounds the steps.
    again = run_seconds(speed, Load(32), 100, 0, 500)
    assert again - RUN == pytest.approx(30.0)


def test_speed_of_a_resumed_run_is_that_of_its_last_part(tmp_path):
    resumed = {"kind": "event", "step": 80, "epoch": 0.0, "event": "resume"}
    run, lines = journal_of(tmp_path, evaluation(50), resumed, end(100, 6.0))
    speed = speed_of(run, lines, step_rows=32, evaluation_rows=500)
    assert speed.steps == 20
    assert speed.seconds_a_row == pytest.approx((6.0 - 20 * FIXED) / (20 * (32 + STEP)))


def test_speed_of_a_run_that_broke_off_goes_by_its_files(tmp_path):
    run, lines = journal_of(tmp_path, {"kind": "train", "step": 40, "epoch": 0.0, "loss": 1.0})
    os.utime(run.config, (1000, 1000))
    os.utime(run.journal, (1060, 1060))
    speed = speed_of(run, lines, step_rows=32, evaluation_rows=500)
    assert (speed.seconds, speed.source) == (60.0, "the times of its files")
    # Copied without its times: it took some, all the same.
    os.utime(run.journal, (1000, 1000))
    assert speed_of(run, lines, step_rows=32, evaluation_rows=500).seconds > 0


def test_a_run_without_a_step_is_refused(tmp_path):
    run, lines = journal_of(tmp_path, {"kind": "event", "step": 0, "epoch": 0, "event": "train_begin"})
    with pytest.raises(UserError, match="has taken no step"):
        speed_of(run, lines, step_rows=32, evaluation_rows=500)


def test_evaluations_are_enough_to_see_a_swing():
    assert EVALUATIONS >= 16
