"""The live diagnosis in real trainings: a toy that learns its rows by heart, and a network that is held still."""

import copy
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.diagnosis.scoring import first_alarm
from callbacks.diagnosis import LiveDiagnosis
from callbacks.grad_norms import GradNorms
from callbacks.journal import JournalCallback
from callbacks.non_finite import NonFinite
from cli.errors import UsageError
from eval.diagnosis.document import document
from eval.diagnosis.finding import Name
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose
from eval.diagnosis.watch import Watch
from eval.run_directory import RunDirectory, read_diagnosis, read_journal, read_metrics
from train.config import parse
from train.run import main

ROOT = Path(__file__).parents[2]
BY_HEART = {
    "train_rows": 16,
    "num_train_epochs": 16,
    "learning_rate": 3e-2,
    "lr_scheduler_type": "constant",
    "logging_steps": 2,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "load_best_model_at_end": True,
    "metric_for_best_model": "eval_loss",
}
"""16 rows with labels by chance, four steps an epoch: its evaluation loss soon turns, and rises tenfold."""


class Compared(LiveDiagnosis):
    """Puts beside each history what reading the folder gives at that moment."""

    def history(self, records):
        live = super().history(records)
        self.pairs = [*getattr(self, "pairs", []), (live, read_history(self.journal.path.parent))]
        return live


def callbacks_of(journal, kind=LiveDiagnosis, **settings):
    return [JournalCallback(journal), GradNorms(journal, every=7), kind(journal, classes=2, **settings)]


def figures(history):
    """All of a history that a detector sees, but for what only the run itself knows before a model is saved."""
    return asdict(replace(history, notes=(), classes=None))


@pytest.fixture
def train(toy, journal, make_trainer):
    """Trains the toy from the start or from a checkpoint."""

    def train(checkpoint=None, kind=LiveDiagnosis, stop=False, **overrides):
        callbacks = callbacks_of(journal, kind, stop=stop)
        trainer = make_trainer(copy.deepcopy(toy), callbacks, **BY_HEART | overrides)
        trainer.train(resume_from_checkpoint=checkpoint and f"{trainer.args.output_dir}/checkpoint-{checkpoint}")
        journal.close()
        return trainer

    return train


def test_what_is_said_live_is_what_the_folder_tells_and_the_scorecard_replays(train, journal, events, capsys):
    callback = train(kind=Compared).callback_handler.callbacks[-1]
    assert len(callback.pairs) > 10
    for live, read in callback.pairs:
        np.testing.assert_equal(figures(live), figures(read))
    said = events("diagnosis")
    assert {event["name"] for event in said} >= {Name.OVERFITTING}
    assert len({event["name"] for event in said}) == len(said)
    assert all(event.keys() >= {"severity", "confidence", "onset_step"} for event in said)
    step, name = first_alarm(replace(read_history(journal.path.parent), classes=2))
    assert (said[0]["step"], said[0]["name"]) == (round(64 * step), name)
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if "severity" in line]
    assert [int(re.match(r"step (\d+)/64  ", line)[1]) for line in lines] == [event["step"] for event in said]
    (overfitting,) = (line for line in lines if "overfitting" in line)
    assert re.search(r"overfitting since step \d+ \(epoch \d+\), severity 0\.\d\d .*; today: --", overfitting)


def test_stop_stops_and_keeps_the_best_model(train, events, capsys):
    trainer = train(stop=True, disable_tqdm=False)
    (event,) = events("diagnosis")
    assert trainer.state.global_step == event["step"] < 64
    best = load_file(f"{trainer.state.best_model_checkpoint}/model.safetensors")
    last = load_file(f"{trainer.args.output_dir}/checkpoint-{event['step']}/model.safetensors")
    kept = trainer.model.state_dict()
    assert all(torch.equal(kept[name], weight) for name, weight in best.items())
    assert any(not torch.equal(kept[name], weight) for name, weight in last.items())
    # A progress bar does not run into the line.
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    assert any(re.fullmatch(rf"(\x1b\[A)?step {event['step']}/64  .*; the run is stopped", line) for line in shown)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [False, True])
def test_a_resumed_run_says_what_the_uninterrupted_one_does_and_nothing_twice(train, events, capsys, stop):
    whole = train(stop=stop)
    said, end = events("diagnosis"), whole.state.global_step
    before, after = 4 * ((said[0]["step"] - 1) // 4), 4 * -(-said[-1]["step"] // 4)
    capsys.readouterr()
    assert train(before, stop=stop).state.global_step == end
    assert events("diagnosis") == said
    assert capsys.readouterr().err.count("severity") == len(said)
    # The checkpoint that was saved when the last of it had been said.
    assert train(after, stop=stop).state.global_step == end
    assert events("diagnosis") == said
    assert "severity" not in capsys.readouterr().err


@pytest.mark.parametrize("stop", [False, True])
def test_a_fault_in_the_diagnosis_is_told_once_and_the_training_goes_on(train, events, monkeypatch, capsys, stop):
    monkeypatch.setattr(Watch, "look", lambda self, history: 1 // 0)
    assert train(stop=stop, num_train_epochs=2).state.global_step == 8
    told = capsys.readouterr().err
    assert told.count("ZeroDivisionError") == told.count("the live diagnosis failed and is off") == 1
    assert events("diagnosis") == []


def test_evaluations_outside_of_training_are_not_looked_at(train, capsys):
    trainer = train(num_train_epochs=1)
    trainer.state.global_step = 64
    trainer.callback_handler.callbacks[-1].history = None
    trainer.evaluate()
    assert capsys.readouterr().err == ""


@pytest.fixture
def still(tiny_bert, tiny_corpus, tmp_path):
    """Flags of a run with a rate at which nothing is learned, of 60 steps."""
    return [
        *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--output_dir", str(tmp_path / "run")),
        *("--learning_rate", "1e-9", "--num_train_epochs", "5", "--per_device_train_batch_size", "8"),
        *("--logging_steps", "2", "--eval_strategy", "steps", "--eval_steps", "4", "--save_strategy", "steps"),
        *("--save_steps", "4", "--dropout", "0", "--precision", "fp32", "--cpu_threads", "1", "--report_to", "none"),
    ]


def diagnoses(run):
    return [line for line in read_journal(run.journal) if line.get("event") == "diagnosis"]


@pytest.mark.slow
def test_a_run_that_is_stopped_is_judged_and_holds_its_diagnosis(still, tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    metrics = main(*parse([*still, "--on_finding", "stop"]))
    (event,) = diagnoses(run)
    assert 0 < metrics["best_step"] <= event["step"] < 60
    assert [line["step"] for line in read_journal(run.journal)][-1] == event["step"]
    verdict = read_diagnosis(run.diagnosis)["verdict"]
    (told,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Diagnosis: "))
    assert told.startswith(f"Diagnosis: {verdict.replace('_', ' ')}") and told.endswith(f"; see {run.incident}.")
    assert read_diagnosis(run.diagnosis) == document(diagnose(read_history(run.path)))


def test_nobody_looks_where_findings_are_ignored_and_figures_outlive_a_fault(still, tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    monkeypatch.setattr("train.run.diagnose", lambda history: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(*parse([*still, "--on_finding", "ignore", "--max_steps", "20"]))
    assert diagnoses(run) == [] and not run.diagnosis.exists()
    assert read_metrics(run.metrics)["test"]["accuracy"]["n"] == 32


def test_a_run_that_ended_in_nan_holds_its_diagnosis_too(still, tmp_path, capsys):
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(NonFinite):
        main(*parse([*still, "--learning_rate", "1e38", "--max_grad_norm", "0"]))
    assert capsys.readouterr().out.splitlines()[-1].startswith("Diagnosis: divergence since step ")
    assert read_diagnosis(run.diagnosis)["verdict"] == "divergence" and run.incident.exists()
    assert not run.metrics.exists()


def test_an_unknown_answer_to_a_finding_is_one_line():
    with pytest.raises(UsageError, match=r"--on_finding.*'loud'.*ignore.*warn.*stop") as error:
        parse(["--on_finding", "loud"])
    assert "\n" not in str(error.value)
    assert parse([])[0].on_finding == "warn"


@pytest.mark.multiprocess
def test_two_processes_stop_at_the_same_step(still, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29631"]
    command += ["train/run.py", *still, "--on_finding", "stop", "--json"]
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    run = RunDirectory(tmp_path / "run")
    begin, *_, end = (line for line in read_journal(run.journal) if line["kind"] == "event")
    assert begin["world_size"] == 2
    (event,) = diagnoses(run)
    assert (end["event"], end["step"]) == ("train_end", event["step"]) and event["step"] < begin["max_steps"]
    assert json.loads(done.stdout) == read_metrics(run.metrics)
    assert done.stderr.count("the run is stopped") == 1
    assert read_diagnosis(run.diagnosis)["verdict"] != "healthy"
