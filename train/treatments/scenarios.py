"""The three classic failures, from the sick run to the document: train it, treat it, study it further, tell it."""

import errno
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UserError
from eval.run_directory import RunDirectory, read_json, write_json
from eval.scenarios.catalogue import SCENARIOS, Scenario
from eval.scenarios.document import write_document
from eval.scenarios.traces import RUN, STUDIES, keep
from train.studies.command import run_study
from train.studies.study_file import read_study
from train.treatments.budget import Budget, usable_cores
from train.treatments.command import treat

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "train" / "configs" / "scenarios"
BUDGETS = {1: 240.0, 2: 240.0, 3: 360.0}
"""Seconds of the treatment: that of a deep network is the largest factorial, and half the scenario."""
TIMES = "seconds.json"
"""Seconds that each part took, over all starts of the command."""


def run_scenario(
    number: int, runs: Path, documents: Path, *, budget: float | None = None, workers: int | None = None
) -> int:
    """Make a scenario's runs in `runs`/N-name, its document and traces in `documents`; returns the exit status.

    What is finished is not made again. `budget`: seconds of the treatment, that of BUDGETS when left out. `workers`:
    runs at a time, as many as there are cores for when left out: every run of a scenario has one thread. Raises
    UserError where a part fails.
    """
    budget = budget or BUDGETS[number]
    workers = Budget(budget, workers).workers_for(1)
    scenario = SCENARIOS[number]
    runs = runs / scenario.name
    _make(runs, "scenario_dir")
    _make(documents / scenario.name, "documents")
    steps = {"run": lambda: _train(scenario, runs), "treatment": lambda: _treat(scenario, runs, budget, workers)}
    for file in sorted((CONFIGS / scenario.name).glob("*.yaml")):
        steps[file.stem] = lambda file=file: _study(file, runs, workers)
    for name, step in steps.items():
        print(f"\n{scenario.name}: {name.replace('_', ' ')}", flush=True)
        with _timed(runs, name):
            if status := step():
                return status
    path = _tell(scenario, runs, documents / scenario.name)
    print(f"\nThe story: {path}")
    return 0


def _make(folder: Path, flag: str) -> None:
    """Make a folder, before minutes are spent on what shall go there. Raises UserError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): name another --{flag}") from error


def _train(scenario: Scenario, runs: Path) -> int:
    """The sick run, in a process of its own, as a user would start it."""
    config = CONFIGS / f"{scenario.name}.yaml"
    command = [sys.executable, str(ROOT / "train" / "run.py"), "--config", str(config)]
    run = RunDirectory(runs / RUN)
    # A killed one has no checkpoint worth going on from: it takes a minute.
    again = ["--overwrite"] if run.journal.exists() and not run.metrics.exists() else []
    done = subprocess.run([*command, "--output_dir", str(run.path), *again], check=False)
    if done.returncode not in (0, 130):
        raise UserError(f"{config} did not train to its end: the lines above say why")
    return done.returncode


def _treat(scenario: Scenario, runs: Path, budget: float, workers: int) -> int:
    run = runs / RUN
    command = f"python train/treat.py {run} --budget {budget / 60:g}m --verdict {scenario.finding} --workers {workers}"
    return treat(run, run / "treatment", budget=budget, verdict=scenario.finding, workers=workers, command=command)


def _study(file: Path, runs: Path, workers: int) -> int:
    return run_study(read_study(file, []), runs / STUDIES / file.stem, storage=None, workers=workers)


def _tell(scenario: Scenario, runs: Path, folder: Path) -> Path:
    about = {
        "number": scenario.number,
        "run": str(runs / RUN),
        "command": f"python train/treat.py --scenario {scenario.number}",
        "seconds": read_json(runs / TIMES),
        "cores": usable_cores(),
    }
    traces = keep(runs, folder, about, scenario.module.gather(runs))
    return write_document(scenario.story(folder), traces)


@contextmanager
def _timed(runs: Path, name: str):
    """Add the seconds of a part to those that earlier starts took for it; a part that was finished counts once."""
    file = runs / TIMES
    taken, start = read_json(file) if file.exists() else {}, time.monotonic()
    try:
        yield
    finally:
        seconds = round(time.monotonic() - start, 1)
        write_json(file, taken | {name: taken.get(name, 0) + seconds})
