"""One run of the scorecard in a warm process: it is trained, and its cause is told by the experiment of a treatment."""

import contextlib
import dataclasses
import shutil
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
import yaml

from benchmarks.diagnosis.collecting import shared_tokenizer
from callbacks.non_finite import NonFinite
from cli.errors import UserError
from eval.diagnosis.finding import Name
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose
from eval.metrics import classification_metrics
from eval.run_directory import RunDirectory, read_json, write_json, write_text
from eval.treatment.causes import CauseVerdict
from train import run as one_run
from train.config import resolve
from train.isolation import fresh_state
from train.studies.command import DATABASE, DEFINITION, run_study
from train.studies.phases import work_through
from train.studies.plan import Study
from train.studies.run_cell import run_cell
from train.studies.storage import GRACE
from train.tasks import TASKS, class_probabilities
from train.treatments.budget import Budget
from train.treatments.command import case_of, finding_of
from train.treatments.judging import cells_of, figures_of, judged
from train.treatments.plan import Treatment, plan_for

RUN, EXPERIMENT, LOOKED_AT, TREATED = "run", "experiment", "looked_at.json", "treated.json"
SEEDS = 3
"""Of each arm."""
ENOUGH = 100_000.0
"""Seconds of budget: the size of an experiment is that of its runs, not of the clock."""


def train_and_look(settings: Mapping, folder: Path, work: Path) -> dict[str, object]:
    """Train a run in folder/run and say how it swings; what is there already is not made again."""
    wanted = dict(settings) | {"tokenizer": str(shared_tokenizer(work))}
    file = folder / LOOKED_AT
    if (found := _kept(file)) and found["settings"] == wanted:
        return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    with _quietly(folder / "log.txt") as log, fresh_state(), _warm():
        try:
            args, trainer_args, resolved = resolve(
                wanted | {"output_dir": str(folder / RUN)}, [], where="a recipe", name="scorecard"
            )
            one_run.main(args, trainer_args, resolved)
        except NonFinite:
            # A run that is lost has a log, too.
            pass
        except Exception:
            traceback.print_exc(file=log)
            raise
    for weights in (folder / RUN).rglob("*.safetensors"):
        weights.unlink()
    figures = figures_of(RunDirectory(folder / RUN), Name.OSCILLATION)
    diagnosis = diagnose(read_history(folder / RUN))
    found = {
        "settings": wanted,
        "seconds": round(time.monotonic() - start, 1),
        "diagnosis": str(diagnosis.verdict),
        "oscillation": bool(figures["symptom"]),
        "swing": float(figures["swing"]),
        "level": float(figures["validation_level"]),
        "best": float(figures["best_validation_loss"]),
    }
    write_json(file, found)
    return found


def tell_cause(folder: Path) -> dict[str, object]:
    """The cause that a treatment for oscillation tells of folder/run, as on the command line, without the cure.

    The plan, the study with its storage, the outcomes and the judgement are those of train/treat.py; the runs are made
    in this process, whose imports are paid for, instead of in new workers. A study that was cut short goes on.
    """
    file = folder / TREATED
    if found := _kept(file):
        return found
    start = time.monotonic()
    with _quietly(folder / "log.txt"), _warm():
        treatment = planned(folder / RUN)
        for name, study in treatment.studies.items():
            _work_through(study, folder / name)
        tables = [cells_of(folder / name, study, treatment) for name, study in treatment.studies.items()]
    cause, _ = judged(treatment, tables)
    found = described(cause, treatment) | {"seconds": round(time.monotonic() - start, 1)}
    write_json(file, found)
    return found


def planned(path: Path) -> Treatment:
    """The treatment of a run for oscillation, whatever its diagnosis says: `--verdict oscillation --seeds 3`."""
    run, history = RunDirectory(path), read_history(path)
    finding = finding_of(diagnose(history), Name.OSCILLATION)
    return plan_for(case_of(run, history, finding, Budget(ENOUGH, seeds=SEEDS)))


def described(cause: CauseVerdict, treatment: Treatment) -> dict[str, object]:
    """What is kept of a verdict."""
    arms = {arm.name: arm for arm in (cause.comparison.control, *cause.comparison.arms)}
    return {
        "cause": cause.cause,
        "confirmed": cause.confirmed,
        "why": cause.why,
        "times": treatment.times,
        "steps": treatment.size.steps,
        "seeds": treatment.size.seeds,
        "swings": {name: arms[name].value.value for name in treatment.arms},
        "left": {name: arms[name].effect.value for name in list(treatment.arms)[1:]},
    }


def _work_through(study: Study, folder: Path) -> None:
    """Make what is left of a study's runs, here; then its table and report, as train/study.py does."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / DEFINITION).exists():
        write_text(folder / DEFINITION, yaml.safe_dump(dataclasses.asdict(study), sort_keys=False))
    url = f"sqlite:///{(folder / DATABASE).resolve()}"
    work_through(study, url, GRACE, lambda trial, cell, attempt: run_cell(study, folder, cell, trial, attempt))
    # Nothing is left to do: no worker is started. A study whose metric came to nothing is an outcome, too.
    with contextlib.suppress(UserError):
        run_study(study, folder, storage=None, workers=1, as_json=True)


def _kept(file: Path) -> dict | None:
    with contextlib.suppress(UserError, OSError):
        return read_json(file)
    return None


@contextlib.contextmanager
def _quietly(log: Path) -> Iterator:
    with open(log, "a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield file


@contextlib.contextmanager
def _warm() -> Iterator[None]:
    """What is the same in all runs of a corpus is made once: its rows and their tokens; and metrics without `evaluate`.

    They are the same figures, for which `evaluate` takes longer than the network for the rows.
    """
    task = dataclasses.replace(CLASSIFICATION, compute_metrics=_metrics, tokenize=_tokenize)
    with patch.dict(TASKS, {"classification": task}), patch.object(one_run, "prepare_corpus", _prepare_corpus):
        yield


def _metrics(evaluation) -> dict[str, float]:
    logits = np.asarray(evaluation.predictions, dtype=np.float64)
    if not np.isfinite(logits).all():
        return CLASSIFICATION.compute_metrics(evaluation)
    return classification_metrics(class_probabilities(logits), evaluation.label_ids)


def _prepare_corpus(args) -> tuple:
    key = args.corpus, args.data_dir, args.max_train_samples, args.max_eval_samples
    if key not in CORPORA:
        CORPORA[key] = PREPARE_CORPUS(args)
    return CORPORA[key]


def _tokenize(split, tokenizer, max_length: int):
    # Every run has the same tokenizer.
    key = split._fingerprint, max_length
    if key not in TOKENS:
        TOKENS[key] = CLASSIFICATION.tokenize(split, tokenizer, max_length)
    return TOKENS[key]


CLASSIFICATION, PREPARE_CORPUS = TASKS["classification"], one_run.prepare_corpus
CORPORA: dict[tuple, tuple] = {}
TOKENS: dict[tuple[str, int], object] = {}
