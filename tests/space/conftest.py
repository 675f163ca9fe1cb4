"""What training and evaluation leave for the app."""

import pytest

from eval.run_directory import RunDirectory, weights_fingerprint, write_json


@pytest.fixture(scope="session")
def calibrate():
    """A function that writes what the app reads of the evaluation of a run, `calibrate(run, temperature=2)`."""

    def write(run, weights: str | None = None, **calibration) -> None:
        folder = RunDirectory(run).evaluation
        found = {"temperature": 1.5, "abstention_threshold": 0.8, "temperature_fitted": True} | calibration
        write_json(folder / "calibration.json", found)
        write_json(folder / "about.json", {"weights": weights or weights_fingerprint(str(run))})

    return write
