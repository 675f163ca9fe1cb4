import os

import pytest

from cli.errors import UsageError, UserError
from eval.run_directory import RunDirectory
from train.config import parse
from train.opening import open_run


@pytest.fixture
def open_with(tmp_path):
    def open_with(*flags):
        args, _, settings = parse(["--output_dir", str(tmp_path / "run"), *flags])
        return open_run(RunDirectory(tmp_path / "run"), args, settings)

    return open_with


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "run")


def test_a_new_directory_gets_its_config(open_with, run):
    assert open_with().checkpoint is None
    assert run.config.exists()


def test_other_settings_are_refused_by_name(open_with, run):
    open_with()
    run.journal.touch()
    with pytest.raises(UsageError, match=r"learning_rate: 0.0001 \(now 0.5\)"):
        open_with("--learning_rate", "0.5")
    assert not open_with("--learning_rate", "0.5", "--overwrite").finished


def test_a_run_that_never_began_may_be_corrected(open_with, run):
    open_with("--learning_rate", "0.5")
    open_with("--learning_rate", "0.1")
    assert "learning_rate: 0.1" in run.config.read_text()


def test_a_finished_run_is_said_to_be_finished(open_with, run):
    open_with()
    run.metrics.write_text("{}")
    assert open_with().finished
    assert not open_with("--overwrite").finished
    assert not run.metrics.exists()


def test_an_unfinished_run_asks_what_to_do(open_with, run):
    open_with()
    (run.path / "checkpoint-3").mkdir()
    with pytest.raises(UsageError, match="add --resume to go on, or --overwrite"):
        open_with()
    assert (run.path / "checkpoint-3").exists()


def test_a_run_that_ended_before_its_first_checkpoint_starts_afresh(open_with, run):
    open_with()
    run.journal.write_text("left over\n")
    assert open_with().checkpoint is None
    assert not run.journal.exists()


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_folder_of_something_else_is_not_touched(open_with, run, flags):
    run.path.mkdir()
    (run.path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        open_with(*flags)
    assert (run.path / "thesis.tex").read_text() == "years of work"


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    args, _, settings = parse(["--output_dir", str(tmp_path / "file" / "run")])
    with pytest.raises(UserError, match="cannot be written"):
        open_run(RunDirectory(tmp_path / "file" / "run"), args, settings)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_one_line(tmp_path, open_with):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"):
        open_with()
