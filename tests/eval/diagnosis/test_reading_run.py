"""A run directory as a log: finished, killed, resumed, and without its journal."""

import json
import math
import warnings

import numpy as np
import pytest

from eval.diagnosis.reading import read_history
from eval.run_directory import Journal


@pytest.fixture
def run(tmp_path):
    """A run of three steps that was killed, its gradients recorded twice."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("event", 0, 0, event="train_begin", world_size=1, max_steps=8)
    for step in (1, 3):
        layers = {"embeddings": {"norm": 0.5, "mean_abs": 1e-3}, "head": {"norm": float(step), "dead_fraction": 0.5}}
        journal.write("grad_norms", step, step / 4, clipped=step == 3, total=2.0, layers=layers)
    for step, loss in ((1, 0.7), (2, math.nan), (3, math.inf)):
        journal.write("train", step, step / 4, loss=loss, grad_norm=1.5, learning_rate=1e-4)
    journal.write("eval", 3, 0.75, loss=0.6, accuracy=0.8, log_loss=0.6)
    journal.close()
    (tmp_path / "config.yaml").write_text("learning_rate: 0.0001\nnum_train_epochs: 2.0\nbf16: null\n")
    return tmp_path


def test_a_killed_run(run):
    with open(run / "journal.jsonl", "a") as file:
        file.write('{"kind": "train", "st')
    history = read_history(run)
    assert history.train.step.tolist() == [1, 2, 3]
    np.testing.assert_equal(history.train.value, [0.7, math.nan, math.inf])
    assert history.validation.value.tolist() == [0.6] and set(history.metrics) == {"accuracy", "log_loss"}
    assert (history.max_step, history.steps_per_epoch, history.restarts) == (8, 4, ())
    assert history.settings == {"learning_rate": 0.0001, "num_train_epochs": 2.0}
    assert "the run was not finished" in history.notes
    gradients = history.gradients
    assert gradients.layers == ["embeddings", "head"] and gradients.step.tolist() == [1, 3]
    assert gradients.norm.tolist() == [[0.5, 1], [0.5, 3]] and not gradients.clipped.any()
    np.testing.assert_equal(gradients.figures["dead_fraction"], [[math.nan, 0.5], [math.nan, 0.5]])
    same = read_history(run / "journal.jsonl")
    np.testing.assert_equal(same.train.value, history.train.value)


def test_a_finished_run_and_its_classes(run):
    (run / "metrics.json").write_text("{}")
    (run / "config.json").write_text(json.dumps({"architectures": ["BertForSequenceClassification"]}))
    history = read_history(run)
    assert history.classes == 2 and not any("finished" in note for note in history.notes)
    model = {"architectures": ["GPT2LMHeadModel"], "vocab_size": 512}
    (run / "config.json").write_text(json.dumps(model))
    assert read_history(run).classes == 512


def test_a_resumed_run(run):
    journal = Journal(run / "journal.jsonl")
    journal.write("event", 3, 0.75, event="resume", world_size=1, max_steps=8)
    journal.write("train", 4, 1.0, loss=0.5)
    journal.close()
    history = read_history(run)
    assert history.restarts == (3,) and history.train.step.tolist() == [1, 2, 3, 4]


def test_broken_lines_are_counted_and_not_warned_of(run):
    path = run / "journal.jsonl"
    path.write_text('{"kind": "what"}\n' + path.read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "1 broken lines of the journal are left out" in read_history(run).notes


def test_the_trainers_state_where_there_is_no_journal(run):
    (run / "journal.jsonl").unlink()
    (run / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": 5, "loss": 0.5}], "max_steps": 20}))
    history = read_history(run)
    assert history.last_step == 5 and history.max_step == 20
    assert history.settings["learning_rate"] == 0.0001


def test_a_journal_in_which_nothing_is_logged_yet(run):
    (run / "journal.jsonl").write_text("")
    assert "nothing was logged of training or evaluation" in read_history(run).notes
