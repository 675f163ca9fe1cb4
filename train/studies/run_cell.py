"""Runs one cell of a study: in this process, or as a process group of its own where it needs several."""

import contextlib
import math
import re
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

import optuna
import psutil
import yaml

from callbacks.interrupt import Interrupted
from callbacks.pruning import Pruning
from cli.errors import UsageError, UserError
from eval.run_directory import RunDirectory, read_journal, read_metrics, write_text
from train import run as one_run
from train.config import resolve
from train.isolation import fresh_state
from train.opening import lock
from train.studies.plan import Cell, Study
from train.studies.table import figures_of

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "accelerate_config.yaml"
GROUP = Path(__file__).with_name("group.py")

SAVING = 40
"""Seconds that a process group has for its last checkpoint when it is told to stop."""


def run_cell(study: Study, folder: Path, cell: Cell, trial: optuna.Trial, attempt: int) -> float:
    """Train a cell in folder/runs/, note its figures at the trial, and return its metric.

    A run that was cut short goes on from its last checkpoint, a second attempt begins afresh; a finished one is read.
    Raises what the run raises, and UserError where it ends without the metric.
    """
    if study.is_search and cell.sampler in study.samplers:
        cell = study.with_levels(cell, draw(study, trial))
        trial.set_user_attr("levels", cell.levels)
    run = RunDirectory(folder / "runs" / cell.key)
    start = time.monotonic()
    mapping = cell.settings | {"seed": cell.seed, "output_dir": str(run.path)}
    mapping |= {"overwrite": True} if attempt > 1 else {"resume": "last"}
    run.path.mkdir(parents=True, exist_ok=True)
    with open(_beside(run, "log"), "a") as log:
        if study.processes > 1:
            _launch(study, mapping, run, log)
        else:
            callbacks = [Pruning(trial, study.metric.partition(".")[2])] if study.pruning and study.is_search else []
            try:
                _run_here(study, mapping, callbacks, run, log)
            except optuna.TrialPruned:
                trial.set_user_attr("figures", _so_far(run, time.monotonic() - start))
                _tidy(run, study)
                raise
    metrics = read_metrics(run.metrics)
    figures = figures_of(metrics, seconds=time.monotonic() - start, **_cost(run))
    if lacking := [figure for figure in (study.metric, *study.guards) if figure not in figures]:
        raise UserError(f"it ended without {lacking[0]}: its log says why")
    value = figures[study.metric]
    if value is None or not math.isfinite(value):
        raise UserError(f"it ended with {study.metric} {value}")
    trial.set_user_attr("figures", figures)
    _tidy(run, study)
    return value


def draw(study: Study, trial: optuna.Trial) -> dict[str, str]:
    """The numbers, as text, and the levels of a search's trial."""
    drawn = {}
    for name, one in study.ranges.items():
        suggest = trial.suggest_int if one.is_whole else trial.suggest_float
        # A sampler's last digits are noise in a table.
        drawn[name] = f"{suggest(name, one.low, one.high, log=one.log):{'d' if one.is_whole else '.4g'}}"
    for name, levels in study.factors.items():
        drawn[name] = trial.suggest_categorical(name, list(levels))
    return drawn


def _run_here(study: Study, mapping: dict, callbacks: list, run: RunDirectory, log) -> None:
    _wait_until_free(run)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log), fresh_state():
        args, trainer_args, settings = resolve(mapping, study.flags, where=study.source, name=study.name)
        try:
            one_run.main(args, trainer_args, settings, callbacks)
        except Interrupted as stop:
            # Told to stop: not the cell's fault, which goes on from the checkpoint that was just saved.
            raise SystemExit(stop.exit_status) from stop
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except Exception:
            traceback.print_exc(file=log)
            raise


def _launch(study: Study, mapping: dict, run: RunDirectory, log) -> None:
    """Train on several processes, which end with this one."""
    config = _beside(run, "yaml").resolve()
    write_text(config, yaml.safe_dump(mapping))
    # Those of a worker that was killed together with its launcher.
    _kill_processes_of(config)
    _wait_until_free(run)
    command = [
        *(sys.executable, str(GROUP), "--config_file", str(LAUNCHER), "--num_processes", str(study.processes)),
        *("--main_process_port", "0", one_run.__file__, "--config", str(config), *study.flags),
    ]
    begin = log.tell()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SAVING)
        _kill_processes_of(config)
        raise
    if status:
        raise UserError(f"its {study.processes} processes ended with status {status}: {_reason(Path(log.name), begin)}")


def _wait_until_free(run: RunDirectory) -> None:
    """Wait for another worker's last step, where it is about to leave the run to this one, or about to finish it."""
    while True:
        try:
            with lock(run):
                return
        except UsageError:
            time.sleep(1)


def _kill_processes_of(config: Path) -> None:
    """End every process that was started with this config, by name: a launcher gives each a session of its own."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(config) in process.cmdline():
                process.kill()


def _beside(run: RunDirectory, ending: str) -> Path:
    return run.path.with_name(f"{run.path.name}.{ending}")


def _cost(run: RunDirectory) -> dict:
    ends = [line for line in read_journal(run.journal) if line.get("event") == "train_end"]
    return (
        {"training_seconds": ends[-1].get("seconds", 0.0), "steps": ends[-1]["step"]}
        if ends
        else {
            "training_seconds": 0.0,
            "steps": 0,
        }
    )


def _so_far(run: RunDirectory, seconds: float) -> dict:
    """The figures of a run that was pruned: its cost and its last evaluation."""
    lines = [line for line in read_journal(run.journal) if line["kind"] == "eval"]
    last = lines[-1] if lines else {}
    figures = {f"validation.{key}": value for key, value in last.items() if key not in ("kind", "step", "epoch")}
    return {"seconds": round(seconds, 2), "steps": last.get("step", 0)} | figures


def _tidy(run: RunDirectory, study: Study) -> None:
    """Drop what takes space and can be had again by the run's config.yaml."""
    if study.keep == "models":
        return
    for path in run.path.glob("checkpoint-*"):
        shutil.rmtree(path)
    for path in [*run.path.glob("*.safetensors"), *run.path.glob("adapter/*.safetensors")]:
        path.unlink()


def _reason(log: Path, begin: int) -> str:
    """The line that says most in what a process group has said since `begin`: of a user's mistake, or a traceback."""
    lines = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    for pattern in (r"error: ", r"(\w+\.)*\w*(Error|Exception|Finite)\b"):
        for line in lines:
            text = re.sub(r"^\[rank\d+\]: ", "", line.strip())
            if re.match(pattern, text):
                return text
    return next((line for line in reversed(lines) if line.strip()), "no output")
