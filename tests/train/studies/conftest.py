"""A study of runs that take a moment, started by the command that users type."""

import csv
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import yaml

ROOT = Path(__file__).parents[3]
TIMES = ("seconds", "training_seconds")


class StudyCommand:
    """`python train/study.py FILE` with its results in a folder."""

    def __init__(self, file: Path, folder: Path, *flags: str):
        self.folder = folder
        self._command = [sys.executable, "train/study.py", str(file), "--study_dir", str(folder), *flags]

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, status: int = 0) -> tuple[str, str]:
        """Run to the end; what it said on standard output and error."""
        return finish(self.start(), status)

    def rows(self) -> list[dict[str, str]]:
        """runs.csv but for how long it took."""
        with open(self.folder / "runs.csv", newline="") as file:
            return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]

    def journals(self) -> list[Path]:
        return list(self.folder.glob("runs/*/journal.jsonl"))


def finish(process: subprocess.Popen, status: int = 0) -> tuple[str, str]:
    output, errors = process.communicate(timeout=600)
    assert process.returncode == status, output + errors
    return output, errors


def wait_for(condition, *processes: subprocess.Popen) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        for process in processes:
            assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def workers_of(command: subprocess.Popen) -> list[psutil.Process]:
    """The worker processes of a command, those of its other helpers left out."""
    children = psutil.Process(command.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def trials_in(url: str, study: str) -> Counter:
    """How many complete trials each cell of a study has in a storage."""
    import optuna

    trials = optuna.load_study(study_name=study, storage=url).get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    cells = (trial.user_attrs["cell"] for trial in trials)
    return Counter((cell["name"], cell["seed"]) for cell in cells)


@pytest.fixture(scope="session")
def studies():
    """The helpers above, for tests that start studies."""
    from types import SimpleNamespace

    return SimpleNamespace(
        Command=StudyCommand, finish=finish, wait_for=wait_for, workers_of=workers_of, trials_in=trials_in
    )


@pytest.fixture(scope="session")
def write_study(tiny_bert, tiny_corpus, tmp_path_factory):
    """A function that writes a study of tiny runs, 36 steps each and a checkpoint every 6, and returns its file."""

    def write(name: str = "tiny", settings: dict | None = None, **study) -> Path:
        settings = {
            "model": str(tiny_bert),
            "data_dir": str(tiny_corpus),
            "num_train_epochs": 3,
            "per_device_train_batch_size": 8,
            "precision": "fp32",
            "learning_rate": 1.0e-2,
            "dropout": 0.2,
            "logging_steps": 1,
            "eval_strategy": "steps",
            "eval_steps": 6,
            "save_strategy": "steps",
            "save_steps": 6,
            "cpu_threads": 1,
            "report_to": "none",
        } | (settings or {})
        content = {
            "settings": settings,
            "design": "one_at_a_time",
            "seeds": 2,
            "metric": "test.accuracy",
            "factors": {"dropout": [0.2, 0.0], "warmup_steps": [0.0, 0.5]},
        } | study
        file = tmp_path_factory.mktemp("study") / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    return write
