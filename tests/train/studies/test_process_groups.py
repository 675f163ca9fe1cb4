"""A cell on several processes: a group of its own that ends with its worker."""

import time
from pathlib import Path

import psutil
import pytest

from eval.run_directory import read_journal

pytestmark = pytest.mark.multiprocess


def processes_of(run: Path) -> list[psutil.Process]:
    """Those that train a run, and their launcher."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(run.with_name(f"{run.name}.yaml")) in process.cmdline():
                found.append(process)
        except psutil.Error:
            pass
    return found


def test_a_group_ends_with_its_worker_and_its_cell_is_taken_up_again(studies, write_study, tmp_path):
    file = write_study("groups", processes=2, seeds=1, factors={"dropout": [0.2, 0.0]})
    command = studies.Command(file, tmp_path / "study")
    run = command.folder / "runs" / "baseline-seed0"
    process = command.start()
    studies.wait_for((run / "journal.jsonl").exists, process)
    group = processes_of(run)
    assert len(group) == 3
    (worker,) = studies.workers_of(process)
    worker.kill()
    assert not psutil.wait_procs(group, timeout=60)[1], "the group outlived its worker"
    studies.finish(process)

    assert [row["status"] for row in command.rows()] == ["complete"] * 2
    begins = [line for line in read_journal(run / "journal.jsonl") if line.get("event") == "train_begin"]
    assert {begin["world_size"] for begin in begins} == {2}


def test_a_group_whose_launcher_was_killed_does_not_block_its_cell(studies, write_study, tmp_path):
    file = write_study("groups", {"num_train_epochs": 12}, processes=2, seeds=1, factors={"dropout": [0.2, 0.0]})
    command = studies.Command(file, tmp_path / "study")
    run = command.folder / "runs" / "baseline-seed0"
    process = command.start()
    studies.wait_for((run / "journal.jsonl").exists, process)
    launcher, *ranks = sorted(processes_of(run), key=lambda one: one.create_time())
    for victim in (*studies.workers_of(process), launcher):
        victim.kill()
    studies.finish(process)
    assert not any(rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE for rank in ranks)
    assert [row["status"] for row in command.rows()] == ["complete"] * 2


def test_a_group_that_fails_says_why_in_one_line(studies, write_study, tmp_path):
    file = write_study(
        "failing", {"data_dir": str(tmp_path / "nowhere")}, processes=2, seeds=1, factors={"dropout": [0.2, 0.0]}
    )
    begin = time.monotonic()
    _, errors = studies.Command(file, tmp_path / "study").run(1)
    assert errors.count("\n") == 1, errors
    assert "its 2 processes ended with status 1: error: " in errors and "nowhere" in errors
    assert time.monotonic() - begin < 400
