import os

import pytest

from cli.errors import UsageError, UserError
from eval.run_directory import RunDirectory
from train.config import parse
from train.opening import lock, open_run


@pytest.fixture
def open_with(tmp_path, run):
    def open_with(*flags):
        args, _, settings = parse(["--output_dir", str(tmp_path / "run"), *flags])
        with lock(run):
            return open_run(run, args, settings)

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
@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml"])
def test_a_folder_of_something_else_is_not_touched(open_with, run, flags, name):
    run.path.mkdir()
    (run.path / name).write_text("years: of work")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        open_with(*flags)
    assert {path.name: path.read_text() for path in run.path.iterdir()} == {name: "years: of work"}


def test_overwrite_follows_a_link_and_keeps_what_it_links_to(open_with, run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    run.path.symlink_to(tmp_path / "elsewhere")
    open_with()
    run.metrics.write_text("{}")
    open_with("--overwrite")
    assert run.path.is_symlink() and run.config.exists() and not run.metrics.exists()


def test_a_directory_in_use_is_left_alone(open_with, run):
    with lock(run), pytest.raises(UsageError, match="is being trained by another process"):
        open_with()


def test_resume_names_a_checkpoint_that_is_not_there(open_with):
    with pytest.raises(UserError, match="there is no such checkpoint"):
        open_with("--resume", "checkpoint-500")


def test_resume_with_half_written_checkpoints_alone_starts_afresh(open_with, run):
    open_with()
    (run.path / "checkpoint-3").mkdir()
    run.journal.write_text("left over\n")
    assert open_with("--resume").checkpoint is None
    assert not run.journal.exists()


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), lock(RunDirectory(tmp_path / "file" / "run")):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_one_line(tmp_path, open_with):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"):
        open_with()
