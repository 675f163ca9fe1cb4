"""The story of overfitting follows its traces: what they do not say, it does not say."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from eval.metrics import classification_metrics
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, write_json
from eval.scenarios.overfitting import PREDICTIONS, ROWS, SEARCH, gather, story
from eval.scenarios.traces import Traces
from eval.treatment.arms import judge_arms
from eval.treatment.causes import cause_of_arms
from eval.treatment.cure import judge_cure
from eval.treatment.document import document
from train.config import resolve, save_config

STEPS = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384]
ARMS = ("control", "early_stopping", "more_rows")


class MadeUp:
    """Traces of a run whose validation loss turns after step 96, and of its treatment."""

    def __init__(self, folder, generator):
        self.folder, self.generator = folder, generator
        folder.mkdir()
        (folder / "studies").mkdir()
        settings = {"model": "deep_mlp", "max_train_samples": 2000, "output_dir": str(folder), "learning_rate": 1e-3}
        save_config(RunDirectory(folder), resolve(settings, [], where="a test", name="run")[2])
        about = {"number": 1, "run": "run", "command": "python train/treat.py --scenario 1", "seconds": {}, "cores": 2}
        write_json(folder / "scenario.json", about)
        self._journal()

    def _journal(self):
        def lines(kind, **figures):
            for index, step in enumerate(STEPS):
                values = {name: float(each[index]) for name, each in figures.items()}
                yield {"kind": kind, "step": step, "epoch": step / 32, **values}

        turn = np.array([0.69, 0.64, 0.6, 0.66, 0.74, 0.82, 0.9, 0.96, 1.0, 1.03, 1.05, 1.06])
        train = lines("train", loss=0.7 * np.exp(-np.arange(12) / 2), learning_rate=np.full(12, 1e-3))
        evaluations = lines("eval", loss=turn, accuracy=np.full(12, 0.7) + 0.001 * np.arange(12))
        rows = [{"kind": "event", "step": 0, "epoch": 0.0, "event": "train_begin", "max_steps": 384}]
        rows += sorted([*train, *evaluations], key=lambda row: row["step"])
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "journal.jsonl").write_text(text)

    def predictions(self, signal, scale):
        """Log odds of 600 rows at each step: `signal` tells the labels apart, `scale` says how surely."""
        labels = self.generator.integers(0, 2, 600)
        noise = self.generator.normal(size=600)
        odds = {step: k * ((2 * labels - 1) * s + noise) for step, s, k in zip(STEPS, signal, scale, strict=True)}
        pd.DataFrame({"label": labels} | odds).to_csv(self.folder / PREDICTIONS, index=False)
        return labels, odds

    def treatment(self, losses):
        """`losses`: the mean test loss of each arm."""

        def cells(names, seeds):
            return pd.DataFrame(
                {
                    "cell": name,
                    "seed": seed,
                    "test_loss": losses[name] + 0.01 * self.generator.normal(),
                    "f1": 0.7 + 0.01 * self.generator.normal(),
                    "calibration": losses[name] / 5 + 0.01 * self.generator.normal(),
                    "symptom": name == "control",
                }
                for name in names
                for seed in seeds
            )

        experiment = cells(losses, range(4))
        comparison = judge_arms(experiment, "test_loss", control="control")
        cause = cause_of_arms(comparison, {name: f"no {name}" for name in losses if name != "control"})
        fresh, cure = None, None
        if cause.remedy:
            fresh = cells(["control", cause.remedy], range(10, 15))
            cure = judge_cure(fresh, "test_loss", control="control", remedy=cause.remedy)
        tables = [experiment.assign(phase="experiment")] + ([] if fresh is None else [fresh.assign(phase="cure")])
        pd.concat(tables).to_csv(self.folder / "cells.csv", index=False)
        content = document(
            finding="overfitting",
            question="What holds it?",
            cause=cause,
            cure=cure,
            rankings=[judge_arms(experiment, name, control="control") for name in ("f1", "calibration")],
            words={name: name.replace("_", " ") for name in losses},
            flags={name: f"--{name} 1" for name in losses},
            budget={"seeds": 4, "cure_seeds": 5, "steps": 384},
            command="python train/treat.py run",
        )
        write_json(self.folder / "treatment.json", content)
        return cure

    def studies(self, gain):
        """`gain`: what each doubling of the rows takes off the loss."""
        rows = [
            {"max_train_samples": size, "seed": seed, "status": "complete"}
            | {"test.log_loss": loss + 0.01 * self.generator.normal(), "test.f1": 0.7}
            for size in (1000, 2000, 4000)
            for loss in [0.6 - gain * np.log2(size / 2000)]
            for seed in range(4)
        ]
        pd.DataFrame(rows).to_csv(self.folder / "studies" / f"{ROWS}.csv", index=False)
        settings = {"learning_rate": 1e-3, "weight_decay": 0.1, "per_device_train_batch_size": 32}
        trials = [
            {"cell": f"tpe-{index:02d}", "sampler": "tpe", "seed": 0, "status": "complete"}
            | {name: value * (1 + index) for name, value in settings.items()}
            | dict.fromkeys(("validation.log_loss", "test.log_loss"), 0.6 + 0.01 * index)
            for index in range(8)
        ]
        trials += [
            {"cell": cell, "sampler": "confirm", "seed": seed, "status": "complete"}
            | dict.fromkeys(("validation.log_loss", "test.log_loss"), 0.6 + 0.01 * self.generator.normal())
            for cell in ("baseline", "tpe-best")
            for seed in range(1, 5)
        ]
        pd.DataFrame(trials).to_csv(self.folder / "studies" / f"{SEARCH}.csv", index=False)

    def text(self):
        found = story(Traces(self.folder))
        return {section.heading.partition(":")[0]: section.text for section in found.sections} | {"lead": found.lead}


@pytest.fixture
def made_up(tmp_path):
    return MadeUp(tmp_path / "1-overfitting", np.random.default_rng(0))


def sure():
    """Answers of one worth that are given ever more surely."""
    return np.full(len(STEPS), 0.6), np.linspace(1, 8, len(STEPS))


def test_figures_of_the_story_are_those_of_the_predictions(made_up):
    labels, odds = made_up.predictions(*sure())
    cure = made_up.treatment({"control": 1.0, "early_stopping": 0.6, "more_rows": 0.9})
    made_up.studies(0.05)
    text = made_up.text()
    losses = {}
    for step, values in odds.items():
        scores = expit(values)
        losses[step] = classification_metrics(np.column_stack([1 - scores, scores]), labels)["log_loss"]
    before = text["Before any decision"]
    assert f"{min(losses.values()):.3f}" in before and f"{losses[384]:.3f}" in before
    assert "do not show the answers to be worse" in before
    assert cure.remedy == "early_stopping" and "--early_stopping 1" in text["What to do today"]
    assert f"{cure.before.value:.3g} → {cure.after.value:.3g}" in text["lead"]
    assert "More rows help even beside early stopping" in text["What to look at next week"]


def test_worse_answers_are_told(made_up):
    made_up.predictions(np.linspace(1.0, 0.1, len(STEPS)), np.linspace(1, 3, len(STEPS)))
    made_up.treatment(dict.fromkeys(ARMS, 1.0))
    made_up.studies(0.0)
    text = made_up.text()
    assert "the answers themselves get worse" in text["Before any decision"]
    assert "No change that was tried helps beyond chance" in text["lead"]
    assert "no cause is confirmed" in text["Which cause, and why not the others"].lower()
    assert "Nothing that was tried helps" in text["What to do today"]
    assert "not told to help" in text["What to look at next week"]


def test_every_picture_can_be_drawn(made_up):
    made_up.predictions(*sure())
    made_up.treatment({"control": 1.0, "early_stopping": 0.6, "more_rows": 0.59})
    made_up.studies(0.05)
    found = story(Traces(made_up.folder))
    pictures = {picture.name: picture.draw() for section in found.sections for picture in section.pictures}
    assert set(pictures) == {"loss", "f1_and_loss", "precision_recall", "arms", "before_after", "rows", "search"}
    # 390 pixels are 3.5 inches: letters of 8 points are still read where a figure is no more than twice as wide.
    assert max(figure.get_figwidth() for figure in pictures.values()) < 9


def test_gathered_predictions_are_those_of_the_checkpoints(tmp_path, tiny_classifier, tiny_corpus):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(tiny_classifier, run.path / "checkpoint-12")
    settings = {"data_dir": str(tiny_corpus), "output_dir": str(run.path), "model": "deep_mlp"}
    save_config(run, resolve(settings, [], where="a test", name="run")[2])
    (tmp_path / PREDICTIONS).write_text(gather(tmp_path)[PREDICTIONS])
    frame = pd.read_csv(tmp_path / PREDICTIONS)
    rows = pd.read_csv(tiny_corpus / "validation.csv")
    expected = Predictor.load(str(tiny_classifier), precision="fp32").predict(rows["text"].tolist()).probabilities
    assert list(frame) == ["label", "12"]
    np.testing.assert_allclose(expit(frame["12"]), expected[:, 1], atol=1e-3)
