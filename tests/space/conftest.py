"""What training and evaluation leave for the app."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import UserError
from eval.run_directory import RunDirectory, read_json, weights_fingerprint, write_json

ROOT = Path(__file__).parents[2]
SHORTENED = ["--max_train_samples", "3072", "--max_eval_samples", "256", "--num_train_epochs", "1"]


@pytest.fixture(scope="session")
def calibrate():
    """A function that writes what the app reads of the evaluation of a run, `calibrate(run, temperature=2)`."""

    def write(run, weights: str | None = None, **calibration) -> None:
        folder = RunDirectory(run).evaluation
        found = {"temperature": 1.5, "abstention_threshold": 0.8, "temperature_fitted": True} | calibration
        write_json(folder / "calibration.json", found)
        write_json(folder / "about.json", {"weights": weights or weights_fingerprint(str(run))})

    return write


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory) -> Path:
    """A run of the quickstart with its evaluation: $QUICKSTART_RUN, else runs/quickstart, else one trained here."""
    named = os.environ.get("QUICKSTART_RUN")
    run = Path(named) if named else ROOT / "runs" / "quickstart"
    if is_evaluated(run):
        return run
    assert not named, f"{named} is no run with its evaluation"
    run = tmp_path_factory.mktemp("quickstart") / "run"
    for command in (["train/run.py", *SHORTENED, "--output_dir", run], ["eval/run.py", run]):
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    return run


def is_evaluated(run: Path) -> bool:
    """Whether a run is finished, and its evaluation that of its weights."""
    evaluation = RunDirectory(run).evaluation
    try:
        judged = read_json(evaluation / "about.json")["weights"]
    except (UserError, KeyError, TypeError):
        return False
    whole = all(path.is_file() for path in (RunDirectory(run).metrics, evaluation / "report.html"))
    return whole and judged == weights_fingerprint(str(run))
