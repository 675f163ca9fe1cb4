"""A run that is killed and resumed ends in the weights of the run that was not, bit for bit."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from eval.run_directory import RunDirectory, read_journal, read_metrics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# Dies inside the save of the checkpoint at the given step, once the weights are written and before the rest is.
KILLED_IN_SAVE = """
import os, signal, sys, runpy
step = int(sys.argv.pop(1))
from train.trainer import ClinicTrainer
def die(self, output_dir):
    if output_dir.endswith(f"checkpoint-{step}"):
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, output_dir)
save, ClinicTrainer._save_optimizer_and_scheduler = ClinicTrainer._save_optimizer_and_scheduler, die
runpy.run_path("train/run.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def command(tiny_bert, tiny_corpus):
    """What starts the run: dropout, bf16 and length grouping on, a checkpoint every 5 of 36 steps."""

    def command(run: Path, *flags: str) -> list[str]:
        return [
            *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--output_dir", str(run)),
            *("--learning_rate", "1e-2", "--num_train_epochs", "3", "--per_device_train_batch_size", "8"),
            *("--precision", "bf16", "--dropout", "0.2", "--logging_steps", "1", "--grad_norm_steps", "2"),
            *("--eval_strategy", "steps", "--eval_steps", "5", "--save_strategy", "steps", "--save_steps", "5"),
            *("--early_stopping_patience", "50", "--cpu_threads", "1", *flags),
        ]

    return command


def start(arguments: list[str], *script: str) -> subprocess.Popen:
    script = script or ("train/run.py",)
    return subprocess.Popen(
        [sys.executable, *script, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen, status: int = 0) -> str:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == status, errors.decode()[-3000:]
    return errors.decode()


def wait_for(condition, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(command, tmp_path_factory) -> RunDirectory:
    run = RunDirectory(tmp_path_factory.mktemp("uninterrupted") / "run")
    finish(start(command(run.path)))
    return run


def assert_same_outcome(run: RunDirectory, other: RunDirectory) -> None:
    ours, theirs = (load_file(r.path / "model.safetensors") for r in (run, other))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert (ours[name] == theirs[name]).all(), name
    ours, theirs = (read_metrics(r.metrics) for r in (run, other))
    assert ours["validation"] == theirs["validation"] and ours["test"] == theirs["test"]
    assert ours["best_step"] == theirs["best_step"]
    ours, theirs = (
        [line for line in read_journal(r.journal) if line["kind"] != "event" or line["event"] == "epoch_grad_norms"]
        for r in (run, other)
    )
    assert ours == theirs


def test_killed_between_two_checkpoints(command, uninterrupted, tmp_path):
    run = RunDirectory(tmp_path / "run")
    process = start(command(run.path))
    wait_for((run.path / "checkpoint-15" / "complete.json").exists, process)
    process.send_signal(signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    finish(start(command(run.path, "--resume")))
    assert_same_outcome(run, uninterrupted)


def test_killed_inside_a_save(command, uninterrupted, tmp_path):
    run = RunDirectory(tmp_path / "run")
    finish(start(["20", *command(run.path)], "-c", KILLED_IN_SAVE), -signal.SIGKILL)
    assert (run.path / "checkpoint-20" / "model.safetensors").exists()
    errors = finish(start(command(run.path, "--resume")))
    assert "checkpoint-20 is half-written and is skipped" in errors
    assert_same_outcome(run, uninterrupted)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_a_checkpoint(command, uninterrupted, tmp_path, signum):
    run = RunDirectory(tmp_path / "run")
    process = start(command(run.path))
    wait_for(run.journal.exists, process)
    wait_for(lambda: '"step": 7' in run.journal.read_text(), process)
    process.send_signal(signum)
    finish(process, 128 + signum)
    finish(start(command(run.path, "--resume")))
    assert_same_outcome(run, uninterrupted)


def test_resume_without_a_checkpoint_starts_from_the_beginning(command, uninterrupted, tmp_path):
    run = RunDirectory(tmp_path / "run")
    process = start(command(run.path))
    wait_for(run.config.exists, process)
    process.send_signal(signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    finish(start(command(run.path, "--resume")))
    assert_same_outcome(run, uninterrupted)
