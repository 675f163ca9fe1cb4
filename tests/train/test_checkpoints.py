import pytest

from cli.errors import UserError
from eval.run_directory import RunDirectory
from train.checkpoints import checkpoint_to_resume, is_complete, mark_complete, unmark


@pytest.fixture
def run(tmp_path):
    for step in (5, 10, 100):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x" * step)
        mark_complete(folder)
    return RunDirectory(tmp_path)


def test_the_last_one_is_the_one_with_the_highest_step(run):
    assert checkpoint_to_resume(run, "last").name == "checkpoint-100"


@pytest.mark.parametrize("damage", ["unmarked", "truncated", "file gone", "marker half-written"])
def test_a_half_written_checkpoint_is_skipped_with_a_warning(run, damage, capsys):
    folder = run.path / "checkpoint-100"
    if damage == "unmarked":
        unmark(folder)
    elif damage == "truncated":
        (folder / "model.safetensors").write_bytes(b"x")
    elif damage == "file gone":
        (folder / "model.safetensors").unlink()
    else:
        (folder / "complete.json").write_text('{"files": {"mod')
    assert not is_complete(folder)
    assert checkpoint_to_resume(run, "last").name == "checkpoint-10"
    assert "checkpoint-100 is half-written and is skipped" in capsys.readouterr().err


def test_a_named_checkpoint_may_be_a_path_or_a_name(run):
    assert checkpoint_to_resume(run, "checkpoint-5") == run.path / "checkpoint-5"
    assert checkpoint_to_resume(run, str(run.path / "checkpoint-5")) == run.path / "checkpoint-5"


def test_a_named_checkpoint_must_be_there_and_whole(run):
    with pytest.raises(UserError, match="there is no such checkpoint"):
        checkpoint_to_resume(run, "checkpoint-7")
    unmark(run.path / "checkpoint-5")
    with pytest.raises(UserError, match="half-written"):
        checkpoint_to_resume(run, "checkpoint-5")


def test_a_run_without_checkpoints_starts_afresh(tmp_path):
    assert checkpoint_to_resume(RunDirectory(tmp_path), "last") is None
